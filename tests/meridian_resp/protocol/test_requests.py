"""The fast parser is the strict one, only faster: the same verdict on any bytes, however cut."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from meridian_resp.protocol.requests import ProtocolError, RequestLimits, RequestParser
from meridian_resp.protocol.strict_requests import StrictRequestParser

Outcome = tuple[list[list[bytes]], str | int]


def encode(arguments: list[bytes]) -> bytes:
    """A command as client libraries write it."""
    return b"*%d\r\n" % len(arguments) + b"".join(
        b"$%d\r\n%b\r\n" % (len(argument), argument) for argument in arguments
    )


def feed_all(parser: RequestParser | StrictRequestParser, chunks: list[bytes]) -> Outcome:
    """All commands, and the error's text or else the bytes left over."""
    commands: list[list[bytes]] = []
    for chunk in chunks:
        try:
            commands += parser.feed(chunk)
            while parser.stalled:
                commands += parser.feed(b"")
        except ProtocolError as error:
            commands += error.commands
            assert parser.feed(b"*1\r\n$4\r\nPING\r\n") == []
            return commands, error.text
    return commands, parser.buffered


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """The data in chunks, cut at the places modulo its length."""
    ends = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    return [data[start:end] for start, end in pairwise(ends)]


# What hiredis reads other than Redis, what looks like a command inside a value, and their parts.
TOKENS = [
    *(b"*%d\r\n" % count for count in (-1, 0, 1, 2, 3, 12, 9999, 10_000, 400_000_000)),
    *(b"$%d\r\n" % length for length in (-1, 0, 1, 2, 3, 10, 20_000, 9_999_999_999)),
    *(b"+OK\r\n", b"-ERR\r\n", b":1\r\n", b"_\r\n", b"#t\r\n", b"#f\r\n", b",1\r\n", b"(1\r\n"),
    *(b"=5\r\n", b"txt:a\r\n", b"!1\r\n", b"|0\r\n", b"|1\r\n", b"~0\r\n", b"~1\r\n", b">1\r\n"),
    *(b"%0\r\n", b"%1\r\n", b"~99999\r\n", b">99999\r\n", b"%99999\r\n", b"|99999\r\n"),
    *(b"a", b"ab", b"\r\n", b"\r", b"\n", b"XX", b"\0", b" ", b"*", b"$", b"+", b"=", b"'", b'"'),
    *(b"PING\r\n", b'"a b"\n', b"\r\n*", b"\r\n*1\r\n$1\r\na\r\n"),
]
garbage = st.lists(st.sampled_from(TOKENS), max_size=12).map(b"".join)
arguments = st.one_of(
    st.binary(max_size=12),
    garbage,
    st.sampled_from([9, 10, 99, 100, 2000, 2030, 2050]).map(lambda length: b"z" * length),
)
commands = st.lists(arguments, min_size=1, max_size=14)
places = st.lists(st.integers(0, 1 << 16), max_size=6)
streams = st.lists(st.one_of(garbage, commands.map(encode), commands.map(encode))).map(b"".join)


@given(st.lists(commands, max_size=20), places)
def test_commands_come_back_however_cut(wanted: list[list[bytes]], cut_places: list[int]) -> None:
    """Any argument lists, in any chunks, are parsed to the same lists and nothing is left."""
    data = b"".join(map(encode, wanted))
    assert feed_all(RequestParser(RequestLimits()), cut(data, cut_places)) == (wanted, 0)


@given(st.lists(commands, min_size=1, max_size=3))
def test_commands_come_back_byte_by_byte(wanted: list[list[bytes]]) -> None:
    """The slowest client is understood."""
    data = b"".join(map(encode, wanted))
    assert feed_all(RequestParser(RequestLimits()), cut(data, list(range(len(data))))) == (
        wanted,
        0,
    )


@given(
    streams,
    places,
    st.booleans(),
    st.sampled_from([RequestLimits(), RequestLimits(line_bytes_max=30, bulk_bytes_max=2048)]),
)
@example(b"*2\r\n$1\r\naXX+b\r\n", [], True, RequestLimits())
@example(b"*2\r\n+1234567890\r\n=5\r\ntxt:a\r\n", [], True, RequestLimits())
@example(b"*1\r\n$1\r\naXX~1\r\n$1\r\nb\r\n", [], True, RequestLimits())
@example(b"*1\r\n$1\r\na\r\n%1\r\n$1\r\na\r\n$1\r\nb\r\n", [], True, RequestLimits())
@example(b"*1\r\n$1\r\na\r\n$2\r\nab\r\n", [], True, RequestLimits())
@example(b"*2\r\n$1\r\na\r\n$4\r\nbc", [], True, RequestLimits())
@example(b"*1\r\n$1\r\na\r\n*0\r\n", [], True, RequestLimits())
def test_agrees_with_the_strict_parser(
    data: bytes, cut_places: list[int], authenticated: bool, limits: RequestLimits
) -> None:
    """For any bytes and any chunks: the same commands, the same error, the same left over.

    Authenticated or not; the oracle gets all bytes at once, so chunks do not matter to it either.
    """
    strict = StrictRequestParser(limits, authenticated=authenticated)
    expected = feed_all(strict, [data] if authenticated else cut(data, cut_places))
    parser = RequestParser(limits, authenticated=authenticated)
    assert feed_all(parser, cut(data, cut_places)) == expected
    strict = StrictRequestParser(limits, authenticated=authenticated)
    assert feed_all(strict, cut(data, cut_places)) == expected


@given(st.one_of(st.binary(max_size=300), streams), places)
@example(b"*1\r\n$4\r\nPING\r\n*400000000\r\n", [])
@example(b"*1\r\n$4\r\nPING\r\n*1\r\n*400000000\r\n:1\r\n", [])
@example(b"*1\r\n$4\r\nPING\r\n>400000000\r\n", [])
@example(b"*1\r\n~400000000\r\n", [])
@example(b"*1\r\n*9999\r\n" + b"*9999\r\n" * 12, [])
def test_garbage_allocates_little(data: bytes, cut_places: list[int]) -> None:
    """Whatever is announced, memory stays within a small multiple of what was sent."""
    chunks = cut(data, cut_places)
    parser = RequestParser(RequestLimits())
    tracemalloc.start()
    try:
        feed_all(parser, chunks)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak <= 1_500_000 + 100 * len(data)


# Attacks on a reply parser, and what each is told.
HOSTILE = [
    (b"*400000000\r\n:1\r\n", "expected '$', got ':'"),
    (b"*1\r\n*400000000\r\n", "expected '$', got '*'"),
    (b"*1\r\n" * 100_000, "expected '$', got '*'"),
    (b"*1\r\n$9999999999\r\n", "invalid bulk length"),
    (b"*2\r\n$3\r\nGET\r\n:5\r\n", "expected '$', got ':'"),
    (b"*2\r\n$3\r\nGET\r\n$-1\r\n", "invalid bulk length"),
    (b"*2\r\n$3\r\nGET\r\n+x\r\n", "expected '$', got '+'"),
    (b"*2\r\n$3\r\nGET\r\n=5\r\ntxt:a\r\n", "expected '$', got '='"),
    (b"*2147483648\r\n", "invalid multibulk length"),
    (b"x" * 70_000, "too big inline request"),
]


@pytest.mark.parametrize("before", [b"", encode([b"PING"]) * 40])
@pytest.mark.parametrize(("data", "reason"), HOSTILE, ids=[reason for _, reason in HOSTILE])
def test_hostile_bytes(before: bytes, data: bytes, reason: str) -> None:
    """Alone or after good commands, in one chunk or in two, an attack gets Redis' error."""
    for middle in (0, 1, 9, 15, len(data) // 2):
        parser = RequestParser(RequestLimits())
        chunks = [before + data[:middle], data[middle:]]
        assert feed_all(parser, chunks) == (
            [[b"PING"]] * (40 if before else 0),
            f"Protocol error: {reason}",
        )


def test_announced_memory_is_not_reserved() -> None:
    """A count of 400 million and a length of 500 million wait for what they announce."""
    for data in (b"*400000000\r\n", b"*1\r\n$500000000\r\n"):
        parser = RequestParser(RequestLimits())
        tracemalloc.start()
        try:
            assert parser.feed(data) == []
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert parser.buffered == len(data)
        assert peak < 20_000


def test_value_of_many_chunks_is_copied_once() -> None:
    """A value of 1 MB in 16 chunks needs the chunks and the value, not a copy per chunk."""
    value = bytes(1_000_000)
    data = encode([b"SET", b"key", value])
    chunks = [data[start : start + 65_536] for start in range(0, len(data), 65_536)]
    parser = RequestParser(RequestLimits())
    tracemalloc.start()
    try:
        found = [command for chunk in chunks for command in parser.feed(chunk)]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found == [[b"SET", b"key", value]]
    assert peak < 1_300_000


def test_open_command_is_finished_and_the_rest_goes_on() -> None:
    """A long pipeline cut anywhere keeps its order, and `buffered` shows the open command."""
    data = encode([b"SET", b"key", b"(a+b)=c"]) * 3000
    parser = RequestParser(RequestLimits())
    found = []
    for start in range(0, len(data), 10_007):
        found += parser.feed(data[start : start + 10_007])
        assert parser.buffered < 40
    assert found == [[b"SET", b"key", b"(a+b)=c"]] * 3000


def test_authentication_opens_the_limits() -> None:
    """The server sets `authenticated` after AUTH; what stalled is then read."""
    parser = RequestParser(RequestLimits(), authenticated=False)
    big = encode([b"a"] * 11)
    assert parser.feed(encode([b"AUTH", b"x"]) + big) == [[b"AUTH", b"x"]]
    assert parser.stalled
    assert parser.buffered == len(big)
    parser.authenticated = True
    assert (parser.feed(b""), parser.stalled) == ([[b"a"] * 11], False)
    assert parser.feed(big * 3) == [[b"a"] * 11] * 3
