"""Tests of CONSISTENCY."""

from __future__ import annotations

import pytest

from meridian_resp.commands.consistency import LEVELS, parse_level
from meridian_resp.config.choices import ConsistencyLevel
from meridian_resp.config.settings import Settings
from tests.harness.command_runner import CommandRunner


@pytest.fixture
def runner() -> CommandRunner:
    """A new connection."""
    return CommandRunner()


def bulk(text: str) -> bytes:
    """A bulk string."""
    return b"$%d\r\n%b\r\n" % (len(text), text.encode())


def test_the_five_levels() -> None:
    """Those of the specification, in any case, and nothing else."""
    assert set(LEVELS) == {"ONE", "QUORUM", "ALL", "LOCAL_QUORUM", "LINEARIZABLE"}
    assert [parse_level(level.lower().encode()) for level in LEVELS] == list(LEVELS)
    for word in (b"", b"GET", b"SET", b"TWO", b"ONE ", b"\xff"):
        assert parse_level(word) is None


@pytest.mark.parametrize("form", ["CONSISTENCY", "CONSISTENCY GET", "consistency get"])
def test_the_level_of_a_new_connection(form: str) -> None:
    """It is the option's."""
    assert CommandRunner().run(form) == bulk("QUORUM")
    settings = Settings()
    settings.consistency_default = ConsistencyLevel.ALL
    assert CommandRunner(settings=settings).run(form) == bulk("ALL")


@pytest.mark.parametrize("form", ["CONSISTENCY SET {}", "CONSISTENCY {}", "consistency set {}"])
@pytest.mark.parametrize("level", LEVELS)
def test_setting_the_level(runner: CommandRunner, form: str, level: str) -> None:
    """Holds for this connection only, and its gates are derived anew."""
    assert runner.run(form.format(level.lower())) == b"+OK\r\n"
    assert runner.session.consistency == level
    assert runner.recorder.changed == [runner.session]
    assert runner.run("CONSISTENCY") == bulk(level)
    assert runner.run("CONSISTENCY", session=runner.new_session()) == bulk("QUORUM")


@pytest.mark.parametrize("call", ["CONSISTENCY TWO", "CONSISTENCY SET TWO", "CONSISTENCY SET"])
def test_unknown_levels(runner: CommandRunner, call: str) -> None:
    """The error says what was given and what there is; nothing changes."""
    reply = runner.run(call)
    assert reply.startswith(b"-ERR unknown consistency level '")
    assert b"expected one of ONE, QUORUM, ALL, LOCAL_QUORUM, LINEARIZABLE" in reply
    assert runner.session.consistency == ""


def test_too_many_words(runner: CommandRunner) -> None:
    """A level has no further words here: dispatch takes those that run a command."""
    expected = b"-ERR wrong number of arguments for 'consistency' command\r\n"
    assert runner.run("CONSISTENCY SET ONE GET k") == expected
