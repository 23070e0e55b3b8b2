from __future__ import annotations

import time

import pytest
import trio

from meridian_resp.commands.debug import SUBCOMMANDS
from meridian_resp.config.choices import Permission
from tests.harness.fake_server import ServerRunner

NOT_ALLOWED = (
    b'-ERR DEBUG command not allowed. If the enable-debug-command option is set to "local", you '
    b"can run it from a local connection, otherwise you need to set this option in the "
    b"configuration file, and then restart the server.\r\n"
)


def allowed() -> ServerRunner:
    """A server whose DEBUG everybody may use."""
    runner = ServerRunner()
    runner.settings.enable_debug_command = Permission.YES
    return runner


def test_debug_is_off_unless_allowed() -> None:
    """Local connections are those of this machine: loopback and Unix socket."""
    runner = ServerRunner()
    assert runner.run("debug sleep 0") == NOT_ALLOWED
    runner.settings.enable_debug_command = Permission.LOCAL
    assert runner.run("debug sleep 0") == b"+OK\r\n"
    runner.session.address = "[::1]:5"
    assert runner.run("debug sleep 0") == b"+OK\r\n"
    runner.session.address = "127.0.0.11.example:5"
    assert runner.run("debug sleep 0") == NOT_ALLOWED
    runner.session.is_unix = True
    assert runner.run("debug sleep 0") == b"+OK\r\n"


@pytest.mark.parametrize("call", ["foo", "sleep", "object a b", "digest x"])
def test_other_calls_are_refused(call: str) -> None:
    """An unknown word and a wrong number of arguments have one text."""
    runner = allowed()
    word = call.split(" ", 1)[0]
    reply = runner.run(f"debug {call}")
    assert (
        reply
        == (
            f"-ERR unknown subcommand or wrong number of arguments for '{word}'. "
            "Try DEBUG HELP.\r\n"
        ).encode()
    )


def test_help_names_every_word() -> None:
    """And HELP itself."""
    reply = allowed().run("debug help")
    for word in SUBCOMMANDS:
        assert b"+" + word.upper() in reply


def test_sleep_stops_everything() -> None:
    """What is no number or negative is 0."""
    runner = allowed()
    started = time.perf_counter()
    assert runner.run("debug sleep 0.02") == b"+OK\r\n"
    assert time.perf_counter() - started >= 0.02
    assert runner.run("debug sleep x") == b"+OK\r\n"
    assert runner.run("debug sleep -1") == b"+OK\r\n"


def test_error_is_sent_as_given() -> None:
    """A line break would be a second reply."""
    runner = allowed()
    assert runner.run("debug error foo") == b"-foo\r\n"
    assert runner.run(b"debug", b"error", b"FOO bar\nbaz") == b"-FOO bar baz\r\n"


def test_log_reaches_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """As a warning, so that it is seen at every level."""
    assert allowed().run("debug log hello") == b"+OK\r\n"
    assert "DEBUG LOG: hello" in caplog.text


@pytest.mark.parametrize(
    ("value", "encoding"), [(b"12", b"int"), (b"x" * 44, b"embstr"), (b"x" * 45, b"raw")]
)
def test_object_describes_a_value(value: bytes, encoding: bytes) -> None:
    """In the form that client libraries parse."""
    runner = allowed()
    assert runner.run("debug object k") == b"-ERR no such key\r\n"
    runner.run(b"set", b"k", value)
    reply = runner.run("debug object k")
    assert reply.startswith(b"+Value at:0x")
    assert reply.endswith(
        b" refcount:1 encoding:%b serializedlength:%d\r\n" % (encoding, len(value))
    )


def test_protocol_examples() -> None:
    """One of them, and the list of all for a wrong name."""
    runner = allowed()
    assert runner.run("debug protocol Integer") == b":12345\r\n"
    assert runner.run("debug protocol foo").startswith(b"-ERR Wrong protocol type name. Please")


def test_active_expiry_is_switched() -> None:
    """0 is off, another number is on, and what is none is 0."""
    runner = allowed()
    for argument in ("0", "1", "x"):
        assert runner.run(f"debug set-active-expire {argument}") == b"+OK\r\n"
    assert runner.fake.active_expiry == [False, True, False]


def test_reload_flushes_and_forgets() -> None:
    """Afterwards nothing is cached, and reads find everything in storage."""
    runner = allowed()
    runner.run("set k v")
    assert list(runner.keyspace.databases[0].cached()) == [(b"k", b"v")]
    assert trio.run(runner.later("debug reload").work) == b"+OK\r\n"
    assert runner.fake.flushes == 1
    assert list(runner.keyspace.databases[0].cached()) == []
    assert runner.run("get k") == b"$1\r\nv\r\n"
    runner.fake.is_in_transaction = True
    assert runner.run("debug reload") == (b"-ERR Command not allowed inside a transaction\r\n")


def test_digests_are_those_of_redis() -> None:
    """Recorded from redis-server 7.0.15 with the same keys."""
    runner = allowed()
    assert runner.run("debug digest") == b"+" + b"0" * 40 + b"\r\n"
    runner.run("set foo bar")
    assert runner.run("debug digest") == b"+d2ab4820c1be0580ea28efbfe8bfa1dc05bb802a\r\n"
    runner.run("set e 1 px 1000000")
    runner.run("select 3")
    runner.run("set x y")
    assert runner.run("debug digest") == b"+ce9135c0dadfb6cbfabf03b2d9f7ed6c988a5677\r\n"
    runner.run("select 0")
    assert runner.run("debug digest-value foo none") == (
        b"*2\r\n+68467c70ae30376e7ce005bcc8827f5ba7fd67dc\r\n+" + b"0" * 40 + b"\r\n"
    )
