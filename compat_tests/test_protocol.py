"""The wire itself: inline commands, pipelines, split writes, and bytes that are no commands."""

from __future__ import annotations

import contextlib
import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compat_tests.both import Both, shown
from compat_tests.raw_client import ConnectionClosedError, RawClient, encode_command

if TYPE_CHECKING:
    from compat_tests.raw_client import Address


def answer_to(address: Address, data: bytes) -> bytes:
    """Return all that a fresh connection receives for these bytes, up to the server's close.

    The bytes are sent, then our side is closed, so that a server that wants more gives up.
    """
    client = RawClient(address)
    try:
        # A server may close before it has read everything; what it said before that counts.
        with contextlib.suppress(ConnectionClosedError, OSError):
            client.send_bytes(data)
            client.half_close()
        return client.read_to_end()
    finally:
        client.close()


def expect_same_answer(both: Both, data: bytes) -> bytes:
    """Both servers must send the same bytes for these bytes."""
    redis = answer_to(both.pair.redis.address, data)
    meridian = answer_to(both.pair.meridian.address, data)
    if redis != meridian:
        both.fail(f"the answers to {shown(data)} differ", redis, meridian)
    return redis


HOSTILE = (
    b"*400000000\r\n",
    b"*1048577\r\n",
    b"*1048576\r\n",
    b"*2147483647\r\n",
    b"*2147483648\r\n",
    b"*99999999999999999999\r\n",
    b"*-1\r\n",
    b"*0\r\n",
    b"*-1\r\n*1\r\n$4\r\nPING\r\n",
    b"*0\r\n*1\r\n$4\r\nPING\r\n",
    b"*\r\n",
    b"*a\r\n",
    b"* 1\r\n$4\r\nPING\r\n",
    b"*+1\r\n$4\r\nPING\r\n",
    b"*01\r\n$4\r\nPING\r\n",
    b"*1 \r\n",
    b"*1\n$4\nPING\n",
    b"*1\r$4\rPING\r",
    b"*1\r\n$-1\r\n",
    b"*1\r\n$\r\n",
    b"*1\r\n$a\r\n",
    b"*1\r\n$0\r\n\r\n",
    b"*2\r\n$0\r\n\r\n$0\r\n\r\n",
    b"*1\r\n$536870913\r\n",
    b"*1\r\n$99999999999999999999\r\n",
    b"*1\r\n$4294967295\r\n",
    b"*1\r\n:4\r\n",
    b"*1\r\n+PING\r\n",
    b"*1\r\n-ERR\r\n",
    b"*1\r\n*1\r\n$4\r\nPING\r\n",
    b"*1\r\n_\r\n",
    b"*1\r\n%1\r\n",
    b"*1\r\nPING\r\n",
    b"*1\r\n$4\r\nPINGxx",
    b"*1\r\n$4\r\nPINGxx*1\r\n$4\r\nPING\r\n",
    b"*1\r\n$3\r\nPING\r\n",
    b"*1\r\n$5\r\nPING\r\n",
    b"*2\r\n$4\r\nPING\r\n",
    b"$4\r\nPING\r\n",
    b":1\r\n",
    b"+OK\r\n",
    b"-ERR\r\n",
    b"%1\r\n",
    b"_\r\n",
    b">1\r\n",
    b"PING\r\n*1\r\n$4\r\nPING\r\n",
    b"\r\n\r\nPING\r\n",
    b"\n\n\nPING\n",
    b"\x00\r\n",
    b"\x00\x01\x02\x03\r\n",
    b"PING\x00\r\n",
    b"\xff\xfe\xfd\r\n",
    b'PING "unbalanced\r\n',
    b"PING 'unbalanced\r\n",
    b'PING "a"b\r\n',
    b'ECHO "\\x41\\n\\r\\t\\a\\b\\"\\\\"\r\n',
    b"ECHO 'it\\'s \\x41'\r\n",
    b'ECHO ""\r\n',
    b"ECHO ''\r\n",
    b'ECHO "\\xzz"\r\n',
    b"ECHO \"a\" 'b'\r\n",
    b"  PING  \r\n",
    b"\tPING\r\n",
    b"PING\r\r\n",
    b"PING\rPING\r\n",
    b"   \r\n",
    b"x" * 65_535,
    b"x" * 65_536,
    b"x" * 70_000,
    b"x" * 65_000 + b"\r\n",
    b"*" + b"1" * 70_000,
    b"*1\r\n$" + b"1" * 70_000,
    b"*3" + b" " * 40 + b"\r\n",
    b"QUIT\r\nPING\r\n",
    b"SELECT 1\r\nPING\r\nnonsense a b\r\n",
    b"*1\r\n$4\r\nPING\r\n*1\r\n$",
    b"*1\r\n$4\r\nPING\r\n*x\r\nPING\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"{}\r\n",
    b"*1\r\n|1\r\n",
    b"!5\r\nhowdy\r\n",
    b"=5\r\nhowdy\r\n",
)


@pytest.mark.parametrize("data", HOSTILE, ids=lambda data: repr(data[:40]))
def test_bytes_that_are_no_commands(both2: Both, data: bytes) -> None:
    """The protocol error or the silence is the same, then the close; service goes on."""
    expect_same_answer(both2, data)
    both2.do("PING")


@pytest.mark.parametrize(
    "data",
    [
        b"POST / HTTP/1.1\r\nHost: x\r\n\r\nSET key smuggled\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\nSET key smuggled\r\n",
        b"PING\r\nhost: x\r\nSET key smuggled\r\n",
        encode_command("POST", "/") + encode_command("SET", "key", "smuggled"),
    ],
)
def test_a_browser_cannot_smuggle_commands(both2: Both, data: bytes) -> None:
    """A line that begins with POST or Host: closes the connection; nothing behind it runs."""
    for server in (both2.pair.redis, both2.pair.meridian):
        assert b"+OK" not in answer_to(server.address, data)
    both2.do("GET", "key")


def test_an_inline_line_beyond_the_limit(both2: Both) -> None:
    """70 KB in one line are refused, or read as one unknown command when they came at once."""
    for server in (both2.pair.redis, both2.pair.meridian):
        answer = answer_to(server.address, b"x" * 70_000 + b"\r\n")
        assert answer.startswith((b"-ERR Protocol error: too big inline", b"-ERR unknown command"))
    both2.do("PING")


PIECES = st.one_of(
    st.sampled_from(
        [b"*", b"$", b"1", b"2", b"3", b"-1", b"0", b"4", b"999999999999", b":", b"+"]
    ),
    st.sampled_from([b"\r\n", b"\n", b"\r", b" ", b'"', b"'", b"\\", b"\\x41", b"\x00"]),
    st.sampled_from([b"PING", b"ECHO", b"GET", b"a", b"SET a b\r\n", b"*1\r\n$4\r\nPING\r\n"]),
    st.just(b"*2\r\n$4\r\nECHO\r\n$1\r\na\r\n"),
)


def test_random_pieces_of_protocol(both2: Both) -> None:
    """Broken frames made by Hypothesis get the same bytes."""

    @given(st.lists(PIECES, min_size=1, max_size=14).map(b"".join))
    def check(data: bytes) -> None:
        expect_same_answer(both2, data)

    check()
    both2.do("PING")


def test_damaged_pipelines(both2: Both) -> None:
    """A valid pipeline with one byte changed, taken out or put in gets the same bytes."""
    commands = (("SET", "a", "1"), ("GET", "a"), ("PING",), ("ECHO", "howdy"), ("MGET", "a", "b"))
    whole = b"".join(encode_command(*command) for command in commands)

    @given(
        st.integers(0, len(whole) - 1),
        st.sampled_from([b"", b"\x00", b"0", b"9", b"*", b"$", b"\r", b"\n", b"-", b"\xff"]),
        st.integers(0, 2),
    )
    def check(position: int, replacement: bytes, removed: int) -> None:
        expect_same_answer(both2, whole[:position] + replacement + whole[position + removed :])

    check()
    both2.do("PING")


def test_inline_commands(both2: Both) -> None:
    """Inline commands work, quotes and escapes included, and mix with arrays."""
    for line in (
        b"PING\r\n",
        b"ping\n",
        b"SET key value\r\n",
        b'SET key "a value"\r\n',
        b"GET key\r\n",
        b"   GET    key  \r\n",
        b'SET "" ""\r\n',
        b"nonsense a b c\r\n",
        b"GET\r\n",
        b'ECHO "\\x00\\xff\\r\\n"\r\n',
    ):
        both2.send_bytes(line)
        both2.reply()
    both2.send_bytes(b"PING\r\n" + encode_command("ECHO", "x") + b"PING\n")
    for _ in range(3):
        both2.reply()


def test_one_byte_at_a_time(both: Both) -> None:
    """A command that arrives byte by byte is the same command."""
    both.do("PING")
    for data in (
        encode_command("SET", "key", b"\r\n$3\r\n"),
        b"GET key\r\n",
        encode_command("MGET", "key", "missing"),
    ):
        for index in range(len(data)):
            both.send_bytes(data[index : index + 1])
        both.reply()


def test_pipeline_cut_anywhere(both2: Both) -> None:
    """Where packets are cut makes no difference."""
    commands = [("SET", "a", b"\r\n*1\r\n"), ("GET", "a"), ("PING",), ("INCR", "n"), ("MGET", "a")]
    data = b"".join(encode_command(*command) for command in commands)
    for cut in range(1, len(data), 3):
        both2.send_bytes(data[:cut])
        both2.send_bytes(data[cut:])
        for _ in commands:
            both2.reply()


def test_long_pipelines_keep_their_order(both: Both) -> None:
    """Ten thousand commands in one write are answered in order."""
    commands = [("ECHO", str(index)) for index in range(10_000)]
    replies = both.pipeline(*commands)
    assert replies == [str(index).encode() for index in range(10_000)]


def test_big_values_in_pieces(both2: Both) -> None:
    """A value of a megabyte that arrives in pieces of odd sizes comes back whole."""
    value = random.Random(7).randbytes(1_000_000)
    data = encode_command("SET", "key", value)
    for start in range(0, len(data), 65_521):
        both2.send_bytes(data[start : start + 65_521])
    both2.reply()
    assert both2.do("GET", "key") == value


def test_a_half_closed_client_still_gets_its_replies(both2: Both) -> None:
    """Replies to what was sent before the close arrive."""
    data = b"".join(encode_command("ECHO", str(index)) for index in range(100))
    assert expect_same_answer(both2, data).count(b"\r\n") == 200


def test_many_connections_at_once(both2: Both) -> None:
    """Interleaved halves of commands on many connections do not mix."""
    pairs = [both2.another() for _ in range(30)]
    halves = [encode_command("ECHO", f"number {index}") for index in range(len(pairs))]
    for other, data in zip(pairs, halves, strict=True):
        other.send_bytes(data[:15])
    for other, data in zip(pairs, halves, strict=True):
        other.send_bytes(data[15:])
    for index, other in enumerate(pairs):
        assert other.reply() == f"number {index}".encode()


@pytest.mark.parametrize("kind", ["string", "integer", "double", "bignum", "null", "array", "set"])
def test_reply_types(both: Both, kind: str) -> None:
    """The server's own test values are encoded alike in each protocol."""
    both.do("DEBUG", "PROTOCOL", kind)


@pytest.mark.parametrize("kind", ["map", "verbatim", "true", "false", "attrib"])
def test_reply_types_of_resp3(both: Both, kind: str) -> None:
    """So are those which only RESP3 has."""
    both.do("DEBUG", "PROTOCOL", kind)
