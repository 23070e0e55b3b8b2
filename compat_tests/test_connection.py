"""PING ECHO AUTH HELLO SELECT QUIT RESET and what a connection remembers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from compat_tests.raw_client import ErrorReply, as_map, encode_command

if TYPE_CHECKING:
    from compat_tests.both import Both
    from compat_tests.raw_client import Argument

PASSWORD = "a secret"


def expect_same_hello(both: Both, *arguments: Argument) -> None:
    """HELLO must answer the same type with the same fields; version and id are each server's."""
    redis, meridian = both.shape("version", "HELLO", *arguments)
    if isinstance(redis, ErrorReply):
        assert redis == meridian
        return
    one, other = as_map(redis), as_map(meridian)
    assert list(one) == list(other)
    for field in (b"server", b"proto", b"mode", b"role", b"modules"):
        assert one[field] == other[field], field
    assert other[b"version"].startswith(b"7."), other


@pytest.mark.parametrize(
    "command",
    [
        ("PING",),
        ("ping",),
        ("PiNg", "hello"),
        ("PING", ""),
        ("PING", b"\x00\r\n"),
        ("PING", "a", "b"),
        ("ECHO", "hello"),
        ("ECHO", ""),
        ("ECHO", b"\xff" * 100),
        ("ECHO",),
        ("ECHO", "a", "b"),
        ("SELECT", "0"),
        ("SELECT", "15"),
        ("SELECT",),
        ("SELECT", "0", "1"),
        ("AUTH", "password"),
        ("AUTH", "default", "password"),
        ("AUTH", "nobody", "password"),
        ("AUTH",),
        ("AUTH", "a", "b", "c"),
        ("RESET",),
        ("RESET", "x"),
    ],
)
def test_simple_commands(both: Both, command: tuple[Argument, ...]) -> None:
    """Replies and errors are the same bytes."""
    both.do(*command)
    both.do("PING")


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("2",),
        ("3",),
        ("1",),
        ("4",),
        ("0",),
        ("-1",),
        ("abc",),
        ("",),
        ("3.0",),
        ("9223372036854775808",),
        ("2", "SETNAME", "me"),
        ("3", "SETNAME", "bad name"),
        ("3", "SETNAME"),
        ("3", "AUTH", "default"),
        ("3", "AUTH", "default", "anything"),
        ("3", "AUTH", "nobody", "anything"),
        ("3", "AUTH", "default", "anything", "SETNAME", "me"),
        ("3", "setname", "x", "auth", "default", "y"),
        ("2", "foo"),
        ("3", "foo", "bar"),
    ],
)
def test_hello(both: Both, arguments: tuple[Argument, ...]) -> None:
    """HELLO switches protocol, names and authenticates, or refuses and leaves all as it was."""
    expect_same_hello(both, *arguments)
    both.do("GET", "missing")
    both.do("CLIENT", "GETNAME")
    expect_same_hello(both)


def test_hello_switches_back(both: Both) -> None:
    """Nulls and maps follow the protocol of the moment."""
    for version in ("3", "2", "3", "3", "2"):
        expect_same_hello(both, version)
        both.do("GET", "missing")
        both.do("MGET", "missing")
        both.do("CONFIG", "GET", "maxmemory-policy")


@pytest.fixture
def protected(both: Both) -> Iterator[Both]:
    """A pair of connections opened after a password was set; it is removed at the end."""
    both.do("CONFIG", "SET", "requirepass", PASSWORD)
    stranger = both.another(protocol=2)
    try:
        yield stranger
    finally:
        both.do("CONFIG", "SET", "requirepass", "")


def test_without_a_password_nothing_is_answered(protected: Both) -> None:
    """Before AUTH only the commands of the handshake work."""
    for command in (
        ("GET", "key"),
        ("PING",),
        ("SET", "key"),
        ("nonsense",),
        ("CLIENT", "ID"),
        ("COMMAND",),
        ("MULTI",),
        ("HELLO", "3"),
        ("HELLO",),
        ("AUTH", "wrong"),
        ("AUTH", "default", "wrong"),
        ("AUTH", "nobody", PASSWORD),
        ("HELLO", "3", "AUTH", "default", "wrong"),
        ("RESET",),
        ("GET", "key"),
    ):
        protected.do(*command)


def test_with_a_password(protected: Both) -> None:
    """Each form of authentication opens the connection; RESET closes it again."""
    for form in (("AUTH", PASSWORD), ("AUTH", "default", PASSWORD)):
        protected.do(*form)
        protected.do("SET", "key", "1")
        protected.do("AUTH", "wrong")
        protected.do("GET", "key")
        protected.do("RESET")
        protected.do("GET", "key")
    expect_same_hello(protected, "3", "AUTH", "default", PASSWORD)
    protected.do("GET", "missing")


def test_quit(both: Both) -> None:
    """QUIT answers OK and closes; commands behind it in the pipeline are dropped."""
    data = (
        encode_command("SET", "a", "1") + encode_command("QUIT") + encode_command("SET", "a", "2")
    )
    both.send_bytes(data)
    assert both.redis.read_to_end() == both.meridian.read_to_end() == b"+OK\r\n+OK\r\n"
    both.another().do("GET", "a")


def test_quit_with_arguments_and_in_a_transaction(both: Both) -> None:
    """QUIT ends the connection whatever its arguments, and inside MULTI too."""
    for data in (
        encode_command("quit", "now"),
        encode_command("MULTI") + encode_command("QUIT"),
    ):
        other = both.another(protocol=2)
        other.send_bytes(data)
        assert other.redis.read_to_end() == other.meridian.read_to_end()


def test_reset_forgets_everything(both: Both) -> None:
    """RESET ends a transaction, forgets name, database, watches and the protocol."""
    both.do("SELECT", "5")
    both.do("CLIENT", "SETNAME", "me")
    both.do("WATCH", "key")
    both.do("MULTI")
    both.do("SET", "key", "1")
    both.do("RESET")
    both.do("EXEC")
    both.do("CLIENT", "GETNAME")
    both.do("GET", "missing")
    both.do("SET", "in-database-zero", "1")
    both.do("KEYS", "*")


def test_monitor_is_left_by_reset(both: Both) -> None:
    """RESET ends MONITOR; afterwards the connection answers commands."""
    both.do("MONITOR")
    both.do("RESET")
    both.do("GET", "missing")
    both.silence()


def test_select_is_per_connection(both: Both) -> None:
    """A database chosen on one connection is not chosen on another."""
    other = both.another()
    both.do("SELECT", "7")
    both.do("SET", "key", "seven")
    other.do("GET", "key")
    other.do("SELECT", "7")
    other.do("GET", "key")
