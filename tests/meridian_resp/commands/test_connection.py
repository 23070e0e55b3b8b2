from __future__ import annotations

import pytest

from meridian_resp import REDIS_VERSION
from meridian_resp.protocol.reply_mode import ReplyMode
from tests.harness.fake_server import ServerRunner

HELLO2 = (
    b"*14\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n%b\r\n$5\r\nproto\r\n:2\r\n"
    b"$2\r\nid\r\n:1\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n"
    b"$7\r\nmodules\r\n*0\r\n"
) % REDIS_VERSION.encode()


def with_password() -> ServerRunner:
    """A server that asks for a password, and a client that has not given it."""
    runner = ServerRunner()
    runner.settings.requirepass = b"secret"
    runner.session.is_authenticated = False
    return runner


def test_ping_and_echo() -> None:
    """PING answers PONG or its message, ECHO its message; more arguments are refused."""
    runner = ServerRunner()
    assert runner.run("PING") == b"+PONG\r\n"
    assert runner.run("ping a") == b"$1\r\na\r\n"
    assert runner.run("ping a b") == (b"-ERR wrong number of arguments for 'ping' command\r\n")
    assert runner.run(b"echo", b"\0\r\n") == b"$3\r\n\0\r\n\r\n"


def test_auth_without_a_password_set() -> None:
    """The old form is refused with an explanation, the form with a user name accepts any."""
    runner = ServerRunner()
    assert runner.run("auth x").startswith(
        b"-ERR AUTH <password> called without any password configured for the default user."
    )
    assert runner.run("auth default x") == b"+OK\r\n"
    assert runner.run("auth bob x").startswith(b"-WRONGPASS invalid username-password pair")
    assert runner.run("auth a b c") == b"-ERR syntax error\r\n"


def test_auth_with_a_password() -> None:
    """A wrong password changes nothing, the right one lets the client in and widens its limits."""
    runner = with_password()
    runner.session.parser.authenticated = False
    assert runner.run("auth wrong").startswith(b"-WRONGPASS")
    assert not runner.session.is_authenticated
    assert runner.fake.changed == []
    assert runner.run("auth secret") == b"+OK\r\n"
    assert runner.session.is_authenticated
    assert runner.session.parser.authenticated
    assert runner.fake.changed == [runner.session]


def test_hello_reports_and_switches_the_protocol() -> None:
    """Without a version it only reports; with one its own answer is in that version."""
    runner = ServerRunner()
    assert runner.run("hello") == HELLO2
    assert runner.run("hello 3").startswith(b"%7\r\n$6\r\nserver\r\n")
    assert runner.session.protocol == 3
    assert runner.run("hello 2") == HELLO2


@pytest.mark.parametrize(
    ("command", "text"),
    [
        ("hello 4", b"-NOPROTO unsupported protocol version\r\n"),
        ("hello 1", b"-NOPROTO unsupported protocol version\r\n"),
        ("hello x", b"-ERR Protocol version is not an integer or out of range\r\n"),
        ("hello 3 auth a", b"-ERR Syntax error in HELLO option 'auth'\r\n"),
        ("hello 3 setname", b"-ERR Syntax error in HELLO option 'setname'\r\n"),
        ("hello 3 Foo", b"-ERR Syntax error in HELLO option 'Foo'\r\n"),
    ],
)
def test_hello_refuses(command: str, text: bytes) -> None:
    """Errors carry Redis' texts, and the protocol stays what it was."""
    runner = ServerRunner()
    assert runner.run(command) == text
    assert runner.session.protocol == 2


def test_hello_authenticates_and_names() -> None:
    """One HELLO can do all; until the client is known it does nothing but refuse."""
    runner = with_password()
    assert runner.run("hello 3").startswith(b"-NOAUTH HELLO must be called with the client")
    assert runner.run("hello 3 auth default wrong setname me").startswith(b"-WRONGPASS")
    assert runner.session.name == b""
    assert runner.session.protocol == 2
    assert runner.run("hello 3 AUTH default secret SETNAME me").startswith(b"%7")
    assert runner.session.name == b"me"
    assert runner.session.is_authenticated


def test_hello_refuses_a_name_that_would_break_client_list() -> None:
    """No part of such a HELLO takes effect."""
    runner = ServerRunner()
    assert runner.run(b"hello", b"3", b"setname", b"a b").startswith(b"-ERR Client names cannot")
    assert runner.session.protocol == 2


def test_select_moves_the_session_and_the_running_turn() -> None:
    """The commands behind it in the same turn work on the new database."""
    runner = ServerRunner()
    assert runner.run("select 3") == b"+OK\r\n"
    assert runner.session.database is runner.database is runner.keyspace.databases[3]
    assert runner.run("select 16") == b"-ERR DB index is out of range\r\n"
    assert runner.run("select -1") == b"-ERR DB index is out of range\r\n"
    assert runner.run("select x") == b"-ERR value is not an integer or out of range\r\n"
    assert runner.session.database.index == 3


def test_quit_answers_before_it_closes() -> None:
    """The server closes the session after its output."""
    runner = ServerRunner()
    assert runner.run("quit") == b"+OK\r\n"
    assert runner.fake.closed == [runner.session]


def test_reset_makes_a_connection_new() -> None:
    """Transaction, name, database, protocol, monitor, consistency and reply mode go back."""
    runner = with_password()
    session = runner.session
    session.is_authenticated = True
    session.database = runner.keyspace.databases[2]
    session.name, session.consistency, session.protocol = b"me", "ALL", 3
    session.reply_mode = ReplyMode.OFF
    runner.fake.monitors.append(session)
    session.queue, session.queue_error, session.watch_dirty = [], True, True
    spec = runner.commands.find(b"reset")
    assert spec is not None
    assert runner.call(session, spec, [b"RESET"]) == b"+RESET\r\n"
    assert session.queue is None
    assert not session.queue_error
    assert not session.watch_dirty
    assert (session.name, session.consistency, session.protocol) == (b"", "", 2)
    assert session.database.index == 0
    assert session.reply_mode is ReplyMode.ON
    assert not session.is_authenticated
    assert runner.fake.monitors == []
    assert runner.fake.changed == [session]


def test_reset_forgets_what_is_watched() -> None:
    """A change of a key watched before RESET does not abort the next transaction."""
    runner = ServerRunner()
    runner.run("watch k")
    runner.run("reset")
    runner.run("set k 1")
    assert not runner.session.watch_dirty
