from __future__ import annotations

from pathlib import Path

import pytest

from meridian_resp.config.rewrite import ConfigFile, FileKind
from tests.harness.fake_server import ServerRunner


def test_get_answers_pairs() -> None:
    """Names as asked for, each once; a map in RESP3; nothing for a name nobody has."""
    runner = ServerRunner()
    assert runner.run("config get maxclients") == b"*2\r\n$10\r\nmaxclients\r\n$5\r\n10000\r\n"
    assert runner.run("config get zzz") == b"*0\r\n"
    assert b"maxmemory-policy" in runner.run("config get maxmem* port")
    assert runner.resp3().run("config get maxclients hz").startswith(b"%2\r\n")


def test_set_changes_all_or_nothing() -> None:
    """One wrong value leaves the right ones unset too."""
    runner = ServerRunner()
    assert runner.run("config set maxclients 5 timeout 7") == b"+OK\r\n"
    assert (runner.settings.maxclients, runner.settings.timeout_s) == (5, 7)
    reply = runner.run("config set maxclients 6 timeout x")
    assert reply.startswith(
        b"-ERR CONFIG SET failed (possibly related to argument 'timeout') - argument couldn't be"
    )
    assert runner.settings.maxclients == 5


@pytest.mark.parametrize(
    ("command", "text"),
    [
        ("config set a b c", b"-ERR syntax error\r\n"),
        ("config set a", b"-ERR wrong number of arguments for 'config|set' command\r\n"),
        (
            "config set foo bar",
            b"-ERR Unknown option or number of arguments for CONFIG SET - 'foo'\r\n",
        ),
        ("config rewrite", b"-ERR The server is running without a config file\r\n"),
        ("config foo", b"-ERR unknown subcommand 'foo'. Try CONFIG HELP.\r\n"),
    ],
)
def test_refusals_have_the_texts_of_redis(command: str, text: bytes) -> None:
    """The words of the settings come through unchanged."""
    assert ServerRunner().run(command) == text


def test_rewrite_brings_the_file_up_to_date(tmp_path: Path) -> None:
    """What CONFIG SET changed stands in the file afterwards."""
    runner = ServerRunner()
    path = tmp_path / "redis.conf"
    path.write_text("# mine\ntimeout 1\n")
    kind = next(kind for kind in FileKind if "REDIS" in kind.name)
    runner.settings.config_file = ConfigFile(path=path, kind=kind)
    runner.run("config set timeout 9")
    assert runner.run("config rewrite") == b"+OK\r\n"
    assert "# mine\ntimeout 9\n" in path.read_text()


def test_resetstat_is_the_servers_work() -> None:
    """It is asked once."""
    runner = ServerRunner()
    assert runner.run("config resetstat") == b"+OK\r\n"
    assert runner.fake.resets == 1
