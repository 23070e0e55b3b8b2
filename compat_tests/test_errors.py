"""Wrong arguments of every command, made systematically from what COMMAND says of it."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compat_tests.command_names import COMMANDS, SUBCOMMANDS
from compat_tests.raw_client import ErrorReply

if TYPE_CHECKING:
    from compat_tests.both import Both

ARGUMENTS_BEYOND = 3

#: Their success ends, blocks or changes the connection or the server; only errors are sent.
UNSAFE = frozenset(
    {"quit", "monitor", "shutdown", "debug", "reset", "hello", "multi", "exec", "discard"}
    | {"client|reply", "client|pause", "client|kill", "client|tracking", "command|help"}
)


def _arity(both: Both, name: str) -> int:
    entry = both.redis.value("COMMAND", "INFO", name)[0]
    arity: int = entry[1]
    return arity


def _wrong_counts(arity: int) -> list[int]:
    """Return argument counts, names included, that an arity forbids."""
    below = list(range(1, abs(arity)))
    return below if arity < 0 else [*below, *range(arity + 1, arity + 1 + ARGUMENTS_BEYOND)]


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "quit"])
def test_wrong_number_of_arguments(both: Both, name: str) -> None:
    """Too few and too many arguments are refused with the same text, in any case of letters."""
    for count in _wrong_counts(_arity(both, name)):
        for spelling in (name, name.upper(), name.title()):
            reply = both.do(spelling, *["x"] * (count - 1))
            assert isinstance(reply, ErrorReply)


@pytest.mark.parametrize(
    "qualified",
    [f"{container}|{name}" for container, names in SUBCOMMANDS.items() for name in names],
)
def test_wrong_number_of_arguments_of_subcommands(both: Both, qualified: str) -> None:
    """The same for sub-commands; the text names both words."""
    words = qualified.split("|")
    for count in _wrong_counts(_arity(both, qualified)):
        if count < 2:
            continue
        for spelling in (words, [word.upper() for word in words]):
            reply = both.do(*spelling, *["x"] * (count - 2))
            assert isinstance(reply, ErrorReply)


@pytest.mark.parametrize("container", [*SUBCOMMANDS, "debug"])
@pytest.mark.parametrize(
    "words", [("nonsense",), ("",), ("NoNsEnSe", "x"), ("x" * 200, "y"), (b"\xff\x00\r\n",)]
)
def test_unknown_subcommands(both: Both, container: str, words: tuple[str | bytes, ...]) -> None:
    """The text repeats the word as it was sent and names the container."""
    both.do(container, *words)
    both.do(container.upper(), *words)


@pytest.mark.parametrize(
    "command",
    [
        ("nonsense",),
        ("NONSENSE",),
        ("nonsense", "a"),
        ("nonsense", "a", "b", "c"),
        ("nonsense", ""),
        ("nonsense", "x" * 200),
        ("nonsense", "x" * 100, "y" * 100, "z" * 100),
        ("nonsense", *["x"] * 100),
        ("n" * 127,),
        ("n" * 128,),
        ("n" * 129,),
        ("n" * 500, "a"),
        ("",),
        ("", "a"),
        (b"\x00",),
        (b"GET\x00", "a"),
        (b"\xff\xfe", b"\xfd"),
        ("line\r\nbreak", "and\r\nanother"),
        ("'quoted'", "'a'", '"b"'),
        ("get ", "a"),
        ("client|list",),
        ("config|get", "x"),
        ("foo|bar",),
        ("%s%d", "%n"),
    ],
    ids=lambda command: repr(command)[:40],
)
def test_unknown_commands(both: Both, command: tuple[str | bytes, ...]) -> None:
    """The text quotes name and arguments, cut and cleaned as Redis does."""
    both.do(*command)
    both.do("PING")


JUNK: tuple[str | bytes, ...] = (
    "",
    "x",
    "-1",
    "0",
    "1",
    "99999999999999999999",
    "nan",
    "GET",
    "EX",
    b"\xff\x00",
)


#: Their replies are numbers, texts and orders of one server; other tests compare them.
INCOMPARABLE = frozenset({"info", "time", "lastsave", "save", "bgsave", "scan", *SUBCOMMANDS})
COMPARABLE = [name for name in COMMANDS if name not in UNSAFE | INCOMPARABLE]


@pytest.mark.parametrize("name", COMPARABLE)
def test_junk_arguments(both2: Both, name: str) -> None:
    """Any arguments of a right number give the same reply; only times and orders may differ."""
    both2.do("MSET", "x", "text", "1", "10", "", "empty")
    arity = _arity(both2, name)
    counts = [arity] if arity > 0 else range(-arity, -arity + 3)
    for count in counts:
        for arguments in itertools.islice(itertools.product(JUNK, repeat=count - 1), 400):
            _compare(both2, name, arguments)


def test_random_junk(both2: Both) -> None:
    """So do argument lists made by Hypothesis."""
    words = st.sampled_from([*JUNK, "NX", "XX", "PX", "KEEPTTL", "PERSIST", "IDX", "LEN", "DB"])

    @given(st.sampled_from(COMPARABLE), st.lists(words, max_size=7))
    def check(name: str, arguments: list[str | bytes]) -> None:
        _compare(both2, name, tuple(arguments))

    check()


def _compare(both: Both, name: str, arguments: tuple[str | bytes, ...]) -> None:
    if name == "keys":
        reply = both.redis.value(name, *arguments)
        if isinstance(reply, list):
            both.unordered(name, *arguments)
        else:
            both.do(name, *arguments)
    elif name == "randomkey":
        both.values(name, *arguments)
    else:
        both.approx(name, *arguments, tolerance=2000 if "ttl" in name or "time" in name else 0)
