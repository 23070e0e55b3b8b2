"""Tests of reading keys with hits and misses counted."""

from __future__ import annotations

import pytest

from meridian_resp.commands.reading import read, read_string, string_with_expiry
from meridian_resp.datatypes.values import Kind
from meridian_resp.errors import WRONG_TYPE, CommandError
from storage.keys import metadata_key
from storage.records import Record, encode_record
from tests.harness.command_runner import START_MS, CommandRunner


@pytest.fixture
def runner() -> CommandRunner:
    """A string, one that expires, and a list."""
    made = CommandRunner()
    made.run("SET plain v")
    made.run("SET expiring w PX 9")
    made.store.records[metadata_key(0, b"list")] = encode_record(Record(1, b"", Kind.LIST))
    return made


def test_reads_are_counted(runner: CommandRunner) -> None:
    """Each read is a hit or a miss."""
    for key in (b"plain", b"expiring", b"list", b"none", b"nothing"):
        read(runner, key)
    assert read_string(runner, b"plain") == b"v"
    assert read_string(runner, b"expiring") == b"w"
    assert read_string(runner, b"none") is None
    counters = runner.keyspace.counters
    assert (counters.hits, counters.misses) == (5, 3)


def test_looking_before_writing_is_not_counted(runner: CommandRunner) -> None:
    """Commands that change a string in place get its value and expiry."""
    database = runner.database
    assert string_with_expiry(database, b"plain") == (b"v", 0)
    assert string_with_expiry(database, b"expiring") == (b"w", START_MS + 9)
    assert string_with_expiry(database, b"none") == (None, 0)
    counters = runner.keyspace.counters
    assert (counters.hits, counters.misses) == (0, 0)


def test_other_types_are_refused(runner: CommandRunner) -> None:
    """A string command on a list is WRONGTYPE, after it counted as a hit."""
    for call in (
        lambda: read_string(runner, b"list"),
        lambda: string_with_expiry(runner.database, b"list"),
    ):
        with pytest.raises(CommandError) as refusal:
            call()
        assert refusal.value.text == WRONG_TYPE
    assert runner.keyspace.counters.hits == 1
