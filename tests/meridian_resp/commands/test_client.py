from __future__ import annotations

import pytest

from meridian_resp.protocol.reply_mode import ReplyMode
from tests.harness.fake_server import ServerRunner

NAME_REFUSED = b"-ERR Client names cannot contain spaces, newlines or special characters.\r\n"


def test_id_and_info() -> None:
    """ID is the number that INFO and LIST print too."""
    runner = ServerRunner()
    assert runner.run("client id") == b":1\r\n"
    info = runner.run("client info")
    assert b"id=1 addr=127.0.0.1:5001 laddr=127.0.0.1:7401 " in info
    assert b" age=60 idle=60 " in info
    assert b" cmd=client|info " in info
    assert runner.resp3().run("client info").startswith(b"=")


def test_a_name_is_set_and_taken_away() -> None:
    """The empty name is no name; one that would break CLIENT LIST is refused."""
    runner = ServerRunner()
    assert runner.run("client getname") == b"$-1\r\n"
    assert runner.run("client setname joe") == b"+OK\r\n"
    assert runner.run("client getname") == b"$3\r\njoe\r\n"
    for wrong in (b"a b", b"a\n", b"\xc3\xa9", b"\x7f"):
        assert runner.run(b"client", b"setname", wrong) == NAME_REFUSED
    assert runner.run(b"client", b"setname", b"") == b"+OK\r\n"
    assert runner.resp3().run("client getname") == b"_\r\n"


def test_libraries_introduce_themselves() -> None:
    """SETINFO is that of Redis 7.2; what it says is shown."""
    runner = ServerRunner()
    assert runner.run("client setinfo LIB-NAME redis-py") == b"+OK\r\n"
    assert runner.run("client setinfo lib-ver 5.0") == b"+OK\r\n"
    assert b" lib-name=redis-py lib-ver=5.0\n" in runner.run("client info")
    assert runner.run("client setinfo foo bar") == b"-ERR Unrecognized option 'foo'\r\n"
    assert runner.run(b"client", b"setinfo", b"lib-ver", b"a b") == (
        b"-ERR lib-ver cannot contain spaces, newlines or special characters.\r\n"
    )


def test_reply_modes() -> None:
    """SKIP is forgotten under OFF; each change has the session's gates derived anew."""
    runner = ServerRunner()
    runner.run("client reply skip")
    assert runner.session.reply_mode is ReplyMode.SKIP_NEXT
    runner.run("client reply off")
    runner.run("client reply skip")
    assert runner.session.reply_mode is ReplyMode.OFF
    assert runner.run("client reply on") == b"+OK\r\n"
    assert runner.session.reply_mode is ReplyMode.ON
    assert len(runner.fake.changed) == 4
    assert runner.run("client reply maybe") == b"-ERR syntax error\r\n"


def test_no_evict() -> None:
    """The flag is kept, and shown as `e`."""
    runner = ServerRunner()
    assert runner.run("client no-evict on") == b"+OK\r\n"
    assert b" flags=e " in runner.run("client info")
    assert runner.run("client no-evict off") == b"+OK\r\n"
    assert runner.run("client no-evict maybe") == b"-ERR syntax error\r\n"
    assert not runner.session.is_no_evict


def test_tracking_is_refused_and_its_state_is_told() -> None:
    """Nothing answers OK to what is not done: only OFF, which holds already."""
    runner = ServerRunner()
    assert runner.run("client tracking on").startswith(b"-ERR client tracking is not supported")
    assert runner.run("client tracking off") == b"+OK\r\n"
    assert runner.run("client tracking x") == b"-ERR syntax error\r\n"
    assert runner.run("client caching yes").startswith(b"-ERR CLIENT CACHING can be called only")
    assert runner.run("client getredir") == b":-1\r\n"
    assert runner.run("client trackinginfo") == (
        b"*6\r\n$5\r\nflags\r\n*1\r\n$3\r\noff\r\n$8\r\nredirect\r\n:-1\r\n"
        b"$8\r\nprefixes\r\n*0\r\n"
    )
    assert runner.resp3().run("client trackinginfo").startswith(b"%3\r\n$5\r\nflags\r\n~1\r\n")


@pytest.mark.parametrize("name", ["client", "command", "config", "slowlog", "latency", "memory"])
def test_help_lists_the_sub_commands_that_exist(name: str) -> None:
    """Every sub-command has a line in HELP, whose heading is Redis'."""
    runner = ServerRunner()
    reply = runner.run(f"{name} help").decode()
    heading = f"+{name.upper()} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:\r\n"
    assert heading in reply
    spec = runner.commands.find(name.encode())
    assert spec is not None
    for child in spec.subcommands:
        assert f"+{child.name.upper()}" in reply


def test_an_unknown_sub_command_is_named() -> None:
    """The error says how to learn the known ones."""
    reply = ServerRunner().run("client foo")
    assert reply == b"-ERR unknown subcommand 'foo'. Try CLIENT HELP.\r\n"
