"""Cutting files into statements."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meridian_resp.config.errors import ValueRefusedError
from meridian_resp.config.file_text import (
    redis_conf_line,
    split_redis_conf,
    split_toml,
    toml_line,
)
from meridian_resp.config.quoting import split_words
from meridian_resp.config.values import TomlValue

TOML = """\
# head
port = 7000 # mine

bind = [
  "127.0.0.1",  # here
  "#::1",
] # there
requirepass = "a # b"
"""
CONF_LINES = st.sampled_from(
    ["# a comment\n", "port 1\n", "\n", "  HZ 5 \r\n", "save 900 1\n", 'requirepass "x y"\n']
)
TEXTS = st.text(st.characters(blacklist_categories=["Cs"]))


@given(st.lists(CONF_LINES), st.sampled_from(["", "hz 1", "# end"]))
def test_pieces_of_a_redis_conf_are_the_file(lines: list[str], last: str) -> None:
    """Joined again they give the text, with or without a last line end."""
    text = "".join(lines) + last
    assert "".join(it.text for it in split_redis_conf(text)) == text


def test_statements_of_a_redis_conf_know_their_name() -> None:
    """Comments and blank lines set nothing."""
    assert [it.name for it in split_redis_conf("# x\n\n  HZ 5\n")] == ["", "", "HZ"]


def test_statements_of_a_toml_file_may_have_several_lines() -> None:
    """Names and comments are found; a # in a text is none."""
    statements = split_toml(TOML)
    assert "".join(it.text for it in statements) == TOML
    assert [(it.name, it.comment) for it in statements if it.name] == [
        ("port", " # mine"),
        ("bind", " # there"),
        ("requirepass", ""),
    ]


@given(st.one_of(st.booleans(), st.integers(), TEXTS, st.lists(TEXTS), st.lists(st.integers())))
def test_toml_lines_hold_any_value(value: TomlValue) -> None:
    """What is written is read back, whatever characters it holds."""
    line = toml_line("key", value, " # comment")
    assert tomllib.loads(line) == {"key": value}
    assert split_toml(line)[0].comment == " # comment"


def test_toml_cannot_hold_other_bytes() -> None:
    """Bytes that are not UTF-8 are refused, not changed."""
    with pytest.raises(ValueRefusedError):
        toml_line("requirepass", "\udcff")


@given(st.lists(TEXTS, min_size=1))
def test_redis_conf_lines_hold_any_words(words: list[str]) -> None:
    """What is written is read back, and is one line."""
    line = redis_conf_line("requirepass", words)
    assert line.count("\n") == 1
    assert split_words(line) == ["requirepass", *words]
