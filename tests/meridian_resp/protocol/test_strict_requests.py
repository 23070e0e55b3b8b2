"""The strict parser against the rules of Redis 7.0, one example per rule."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meridian_resp.protocol.request_limits import ProtocolError, RequestLimits
from meridian_resp.protocol.strict_requests import StrictRequestParser, parse_length

PING = b"*1\r\n$4\r\nPING\r\n"


def parse(data: bytes, **limits: int) -> list[list[bytes]]:
    """Commands of an authenticated client that sends all at once."""
    return StrictRequestParser(RequestLimits(**limits)).feed(data)


def refusal(data: bytes, *, authenticated: bool = True) -> str:
    """What a client that sends `data` is told, and nothing before it."""
    parser = StrictRequestParser(RequestLimits(), authenticated=authenticated)
    with pytest.raises(ProtocolError) as caught:
        parser.feed(data)
    assert caught.value.commands == []
    return caught.value.text.removeprefix("Protocol error: ")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"0", 0),
        (b"7", 7),
        (b"1023", 1023),
        (b"1024", 1024),
        (b"-1", -1),
        (b"9223372036854775807", 2**63 - 1),
        (b"-9223372036854775808", -(2**63)),
    ],
)
def test_lengths(text: bytes, value: int) -> None:
    """Numbers in their one canonical form are read."""
    assert parse_length(text) == value


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"-",
        b"-0",
        b"+1",
        b"01",
        b" 1",
        b"1 ",
        b"1\n",
        b"0x1",
        b"9223372036854775808",
        b"-9223372036854775809",
        b"9" * 5000,
    ],
)
def test_lengths_in_another_form_are_none(text: bytes) -> None:
    """What `string2ll` of Redis refuses is refused."""
    assert parse_length(text) is None


@pytest.mark.parametrize(
    ("data", "commands"),
    [
        (PING, [[b"PING"]]),
        (PING * 2, [[b"PING"], [b"PING"]]),
        (b"*2\r\n$0\r\n\r\n$2\r\n\r\n\r\n", [[b"", b"\r\n"]]),
        (b"*0\r\n*-1\r\n*-7\r\n" + PING, [[b"PING"]]),
        (b"\r\n\n  \r\n" + PING, [[b"PING"]]),
        (b"PING\r\nping\n" + PING, [[b"PING"], [b"ping"], [b"PING"]]),
        (b"+OK\r\n:1\r\n$3\r\nfoo\r\n", [[b"+OK"], [b":1"], [b"$3"], [b"foo"]]),
        (b"*1\rx$4\ryPINGzz", [[b"PING"]]),
    ],
)
def test_complete_commands(data: bytes, commands: list[list[bytes]]) -> None:
    """Arrays and lines mix; empty ones leave no trace; bytes in place of line ends pass."""
    parser = StrictRequestParser(RequestLimits())
    assert parser.feed(data) == commands
    assert parser.buffered == 0


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"*\r\n", "invalid multibulk length"),
        (b"*x\r\n", "invalid multibulk length"),
        (b"*01\r\n", "invalid multibulk length"),
        (b"*2147483648\r\n", "invalid multibulk length"),
        (b"*" + b"1" * 65_600, "too big mbulk count string"),
        (b"*1\0\r\n" + b"x" * 65_600, "too big mbulk count string"),
        (b"*1\r\n:1\r\n", "expected '$', got ':'"),
        (b"*1\r\n*1\r\n", "expected '$', got '*'"),
        (b"*1\r\n" * 1000, "expected '$', got '*'"),
        (b"*1\r\n\r\n", "expected '$', got ' '"),
        (b"*1\r\n\nx\r\n", "expected '$', got ' '"),
        (b"*1\r\n\xff\r\n", "expected '$', got '\udcff'"),
        (b"*1\r\n$\r\n", "invalid bulk length"),
        (b"*1\r\n$-1\r\n", "invalid bulk length"),
        (b"*1\r\n$x\r\n", "invalid bulk length"),
        (b"*1\r\n$536870913\r\n", "invalid bulk length"),
        (b"*1\r\n$" + b"1" * 65_600, "too big bulk count string"),
        (b"*1\r\n" + b"x" * 65_600, "too big bulk count string"),
        (b"*1\r\n$1\0\r\n" + b"x" * 65_600, "too big bulk count string"),
        (b"x" * 65_537, "too big inline request"),
        (b"a\0b\r\n" + b"x" * 65_600, "too big inline request"),
        (b'set a "b\r\n', "unbalanced quotes in request"),
    ],
)
def test_refusals(data: bytes, reason: str) -> None:
    """Each protocol error has the text of Redis."""
    assert refusal(data) == reason


def test_big_count_reserves_nothing() -> None:
    """A count up to INT_MAX is accepted and waits for its arguments."""
    parser = StrictRequestParser(RequestLimits())
    assert parser.feed(b"*2147483647\r\n$1\r\na\r\n") == []
    assert parser.buffered == 20


def test_bulk_limit_is_read_when_the_length_is() -> None:
    """A change of proto-max-bulk-len holds for the next argument."""
    limits = RequestLimits(bulk_bytes_max=2048)
    parser = StrictRequestParser(limits)
    assert parser.feed(b"*2\r\n$2048\r\n" + b"x" * 2050) == []
    limits.bulk_bytes_max = 4096
    assert parser.feed(b"$4096\r\n" + b"y" * 4098) == [[b"x" * 2048, b"y" * 4096]]
    with pytest.raises(ProtocolError, match="invalid bulk length"):
        parser.feed(b"*1\r\n$4097\r\n")


def test_line_limit_is_exact() -> None:
    """A line whose newline is byte 65,537 passes, one byte more does not."""
    assert parse(b"x" * 65_536 + b"\n") == [[b"x" * 65_536]]
    assert refusal(b"x" * 65_537 + b"\n") == "too big inline request"


def test_commands_before_an_error_are_handed_over() -> None:
    """They are executed and answered before the error is; afterwards nothing is read."""
    parser = StrictRequestParser(RequestLimits())
    with pytest.raises(ProtocolError, match="invalid multibulk length") as caught:
        parser.feed(PING + b"inline\r\n*x\r\n" + PING)
    assert caught.value.commands == [[b"PING"], [b"inline"]]
    assert parser.feed(PING) == []
    assert parser.buffered > 0


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"*11\r\n", "unauthenticated multibulk length"),
        (b"*1\r\n$16385\r\n", "unauthenticated bulk length"),
    ],
)
def test_unauthenticated_limits(data: bytes, reason: str) -> None:
    """Before authentication 10 arguments and 16 KB are the most."""
    assert refusal(data, authenticated=False) == reason
    assert parse(data) == []


def test_unauthenticated_limits_are_inclusive() -> None:
    """Ten arguments of 16,384 bytes pass before authentication."""
    parser = StrictRequestParser(RequestLimits(), authenticated=False)
    value = b"x" * 16_384
    data = b"*10\r\n" + b"$16384\r\n%b\r\n" % value * 10
    assert parser.feed(data) == [[value] * 10]


@pytest.mark.parametrize("rest", [b"*11\r\n" + b"$1\r\na\r\n" * 11, b"*1\r\n$16385\r\n"])
def test_authentication_in_the_same_chunk_counts(rest: bytes) -> None:
    """What follows AUTH in one chunk is judged after AUTH was executed."""
    parser = StrictRequestParser(RequestLimits(), authenticated=False)
    assert parser.feed(PING + rest) == [[b"PING"]]
    assert parser.stalled
    parser.authenticated = True
    commands = [[b"a"] * 11] if rest.startswith(b"*11") else []
    assert (parser.feed(b""), parser.stalled) == (commands, False)


def test_stalled_client_that_stays_unauthenticated_is_refused() -> None:
    """The verdict comes with the second call, without commands of its own."""
    parser = StrictRequestParser(RequestLimits(), authenticated=False)
    assert parser.feed(PING + b"*11\r\n") == [[b"PING"]]
    with pytest.raises(ProtocolError, match="unauthenticated multibulk length") as caught:
        parser.feed(b"")
    assert caught.value.commands == []


def test_reading_stops_at_the_first_boundary_when_asked() -> None:
    """`to_boundary` finishes the open command and counts what it left."""
    parser = StrictRequestParser(RequestLimits())
    for cut in range(1, len(PING)):
        assert parser.feed(PING[:cut]) == []
        assert parser.buffered == cut
        commands: list[list[bytes]] = []
        assert parser.read(PING[cut:] + PING + b"*", commands, to_boundary=True) == len(PING) + 1
        assert commands == [[b"PING"]]
        assert parser.buffered == 0


@given(st.integers(1, 70), st.binary(max_size=100), st.data())
def test_every_byte_of_an_open_command_is_counted(
    step: int, value: bytes, data: st.DataObject
) -> None:
    """`buffered` is the length of what was sent since the last complete command."""
    command = b"*2\r\n$3\r\nset\r\n$%d\r\n%b\r\n" % (len(value), value)
    parser = StrictRequestParser(RequestLimits())
    sent = 0
    stop = data.draw(st.integers(0, len(command) - 1))
    while sent < stop:
        chunk = command[sent : min(sent + step, stop)]
        assert parser.feed(chunk) == []
        sent += len(chunk)
        assert parser.buffered == sent
    assert parser.feed(command[sent:]) == [[b"set", value]]
    assert parser.buffered == 0


def test_small_chunks_of_a_big_value_are_put_together() -> None:
    """A value that comes in 2-byte chunks is held in pieces of 16 KB, not of 2 bytes."""
    parser = StrictRequestParser(RequestLimits())
    parser.feed(b"*1\r\n$100000\r\n")
    for _ in range(50_000):
        parser.feed(b"ab")
    assert len(parser._pieces) <= 8
    assert parser.feed(b"\r\n") == [[b"ab" * 50_000]]
