"""Taking the command line apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meridian_resp.config.command_line import (
    Action,
    CommandLine,
    parse_command_line,
    unknown_option,
)
from meridian_resp.config.errors import StartError


def given_options(line: CommandLine) -> list[tuple[str, tuple[str, ...]]]:
    """Names and words of the assignments."""
    return [(it.name, it.arguments) for it in line.assignments]


def test_words_belong_to_the_option_before_them() -> None:
    """Several words, negative numbers and none at all, as with redis-server."""
    line = parse_command_line(
        ["--save", "900", "1", "--list-max-listpack-size", "-2", "--appendonly"]
    )
    assert given_options(line) == [
        ("save", ("900", "1")),
        ("list-max-listpack-size", ("-2",)),
        ("appendonly", ()),
    ]


@given(st.text())
def test_an_equals_sign_gives_exactly_one_word(value: str) -> None:
    """Any text can be given, also one that begins with dashes or holds spaces."""
    line = parse_command_line([f"--requirepass={value}", "--port", "1"])
    assert given_options(line) == [("requirepass", (value,)), ("port", ("1",))]


@pytest.mark.parametrize(
    ("arguments", "file"),
    [
        ([], ""),
        (["redis.conf"], "redis.conf"),
        (["-"], "-"),
        (["redis.conf", "--port", "1"], "redis.conf"),
        (["--config", "meridian.toml"], "meridian.toml"),
        (["--port", "1", "--config=meridian.toml"], "meridian.toml"),
    ],
)
def test_the_file_comes_first_or_by_name(arguments: list[str], file: str) -> None:
    """A file is the first word, or the value of --config anywhere."""
    assert parse_command_line(arguments).file == file


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["redis.conf", "other.conf"], "other.conf belongs to no option"),
        (["redis.conf", "--config", "m.toml"], "one configuration file"),
        (["--config"], "--config needs one value"),
        (["--config", "a", "b"], "--config needs one value"),
        (["-p", "7401"], "-p belongs to no option"),
        (["--"], "-- belongs to no option"),
    ],
)
def test_other_words_are_refused(arguments: list[str], text: str) -> None:
    """A word nobody takes, or a second file, is a mistake."""
    with pytest.raises(StartError, match=text):
        parse_command_line(arguments)


@pytest.mark.parametrize("word", ["-h", "--help"])
def test_help_is_given_whatever_else_is_asked(word: str) -> None:
    """Help comes even beside mistakes."""
    assert parse_command_line(["--prot", "1", word]).action is Action.HELP


def test_the_version_is_asked_by_two_names() -> None:
    """-v and --version."""
    assert parse_command_line(["-v"]).action is Action.VERSION
    assert parse_command_line(["--version"]).action is Action.VERSION


def test_similar_names_are_suggested() -> None:
    """A misspelt option is answered with the ones it looks like; another is not."""
    assert unknown_option("prot").endswith("did you mean --port?")
    assert "did you mean cache_size_mb" in unknown_option("cache_size", prefix="")
    assert unknown_option("qqqqqq") == "--qqqqqq is not an option of meridian"
