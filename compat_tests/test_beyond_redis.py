"""What Meridian does and Redis does not: its limits, and consistency per request.

There is nothing to compare with, so what is promised is asserted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from compat_tests.raw_client import ErrorReply, RawClient
from compat_tests.servers import is_redis_under_test

if TYPE_CHECKING:
    from compat_tests.servers import Server

KEY_BYTES_MAX = 512
VALUE_BYTES_MAX = 1_048_576
LEVELS = ("ONE", "QUORUM", "ALL", "LOCAL_QUORUM", "LINEARIZABLE")


@pytest.fixture
def client(meridian_process: Server) -> Iterator[RawClient]:
    """A connection to the server under test, on empty databases."""
    if is_redis_under_test():
        pytest.skip("redis-server is under test, and this is not of Redis")
    found = RawClient(meridian_process.address)
    found.do("FLUSHALL")
    yield found
    found.close()


def test_long_keys_are_refused(client: RawClient) -> None:
    """A key of 512 bytes is stored, a longer one refused by every command that would make it."""
    fits, too_long = "k" * KEY_BYTES_MAX, "k" * (KEY_BYTES_MAX + 1)
    assert client.value("SET", fits, "1") == b"OK"
    assert client.value("GET", fits) == b"1"
    client.do("SET", "a", "1")
    for command in (
        ("SET", too_long, "1"),
        ("SETNX", too_long, "1"),
        ("GETSET", too_long, "1"),
        ("MSET", "b", "1", too_long, "1"),
        ("MSETNX", "b", "1", too_long, "1"),
        ("INCR", too_long),
        ("APPEND", too_long, "x"),
        ("SETRANGE", too_long, "0", "x"),
        ("RENAME", "a", too_long),
        ("RENAMENX", "a", too_long),
        ("COPY", "a", too_long),
        ("SETEX", too_long, "10", "1"),
        ("INCRBYFLOAT", too_long, "1"),
    ):
        reply = client.value(*command)
        assert isinstance(reply, ErrorReply), command
        assert "key is too long" in reply.text, command
    assert client.value("EXISTS", "b") == 0
    assert client.value("DBSIZE") == 2
    assert not isinstance(client.value("GET", too_long), bytes)


def test_big_values_are_refused(client: RawClient) -> None:
    """A value of one megabyte is stored; what would be bigger is refused and changes nothing."""
    fits = "v" * VALUE_BYTES_MAX
    assert client.value("SET", "key", fits) == b"OK"
    assert client.value("STRLEN", "key") == VALUE_BYTES_MAX
    for command in (
        ("SET", "other", fits + "v"),
        ("APPEND", "key", "v"),
        ("SETRANGE", "key", str(VALUE_BYTES_MAX), "v"),
        ("SETRANGE", "other", str(VALUE_BYTES_MAX), "v"),
        ("MSET", "other", fits + "v"),
        ("GETSET", "key", fits + "v"),
        ("SETEX", "other", "10", fits + "v"),
        ("SETNX", "other", fits + "v"),
    ):
        assert isinstance(client.value(*command), ErrorReply), command[0]
    assert client.value("GET", "key") == fits.encode()
    assert client.value("EXISTS", "other") == 0


@pytest.mark.parametrize("level", LEVELS)
def test_consistency_per_connection_and_per_request(client: RawClient, level: str) -> None:
    """Each level can be set and asked for by one command; on one node each is met."""
    assert client.value("CONSISTENCY", "SET", level.lower()) == b"OK"
    assert client.value("CONSISTENCY", "GET") == level.encode()
    assert client.value("SET", "key", level) == b"OK"
    assert client.value("GET", "key") == level.encode()
    client.do("CONSISTENCY", "SET", "ONE")
    assert client.value("CONSISTENCY", level, "SET", "key", "x") == b"OK"
    assert client.value("consistency", level, "get", "key") == b"x"
    assert client.value("CONSISTENCY", "GET") == b"ONE"


def test_consistency_is_of_the_connection(client: RawClient) -> None:
    """RESET and a new connection have the default; MULTI runs as one at the level."""
    default = client.value("CONSISTENCY", "GET")
    client.do("CONSISTENCY", "SET", "ALL")
    client.do("RESET")
    assert client.value("CONSISTENCY", "GET") == default
    client.do("CONSISTENCY", "SET", "LINEARIZABLE")
    client.do("MULTI")
    assert client.value("INCR", "n") == b"QUEUED"
    assert client.value("CONSISTENCY", "QUORUM", "INCR", "n") == b"QUEUED"
    assert client.value("EXEC") == [1, 2]


@pytest.mark.parametrize(
    "arguments",
    [("foo",), ("SET", "foo"), ("SET",), ("QUORUM", "nonsense"), ("QUORUM", "GET"), ("5", "GET")],
)
def test_wrong_consistency(client: RawClient, arguments: tuple[str, ...]) -> None:
    """What is no level or no command is refused; the connection's level stays."""
    assert isinstance(client.value("CONSISTENCY", *arguments), ErrorReply)
    assert client.value("PING") == b"PONG"
