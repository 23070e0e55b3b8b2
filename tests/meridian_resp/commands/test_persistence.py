from __future__ import annotations

import pytest
import trio

from meridian_resp.commands.registry import Flag
from storage import StorageError
from tests.harness.command_runner import START_MS
from tests.harness.fake_server import ServerRunner


def test_save_waits_for_the_flush() -> None:
    """It answers when the data stand in tables, and fails as the flush fails."""
    runner = ServerRunner()
    work = runner.later("save").work
    assert runner.fake.flushes == 0
    assert trio.run(work) == b"+OK\r\n"
    assert runner.fake.flushes == 1
    runner.fake.flush_failure = StorageError("disk gone")
    with pytest.raises(StorageError, match="disk gone"):
        trio.run(runner.later("save").work)


def test_one_save_at_a_time() -> None:
    """A second one is refused, in the foreground and in the background."""
    runner = ServerRunner()
    assert runner.run("bgsave") == b"+Background saving started\r\n"
    refused = b"-ERR Background save already in progress\r\n"
    assert runner.run("bgsave SCHEDULE") == refused
    assert runner.run("save") == refused


def test_bgsave_knows_one_word() -> None:
    """SCHEDULE, in any case."""
    runner = ServerRunner()
    assert runner.run("bgsave foo") == b"-ERR syntax error\r\n"
    assert runner.run("bgsave schedule x") == b"-ERR syntax error\r\n"
    assert runner.run("bgsave schedule") == b"+Background saving started\r\n"


def test_lastsave() -> None:
    """Unix seconds."""
    assert ServerRunner().run("lastsave") == b":%d\r\n" % (START_MS // 1000 - 60)


def test_shutdown_does_not_answer() -> None:
    """The connection ends; only SAVE flushes."""
    runner = ServerRunner()
    for words in ("", " nosave", " SAVE", " save now force", " now"):
        assert runner.run("shutdown" + words) == b""
    assert runner.fake.shutdowns == [False, False, True, True, False]


@pytest.mark.parametrize("words", ["foo", "save nosave", "abort now", "save foo"])
def test_shutdown_refuses_words_that_contradict(words: str) -> None:
    """And does not stop."""
    runner = ServerRunner()
    assert runner.run(f"shutdown {words}") == b"-ERR syntax error\r\n"
    assert runner.run("shutdown abort") == b"-ERR No shutdown in progress.\r\n"
    assert runner.fake.shutdowns == []


def test_commands_that_wait_say_so() -> None:
    """Dispatch refuses them inside MULTI, and keeps them off the plain path."""
    table = ServerRunner().commands
    save = table.by_name["save"]
    assert Flag.NO_MULTI in save.flags
    assert Flag.LONG in save.flags
    assert Flag.NO_MULTI in table.by_name["shutdown"].flags
