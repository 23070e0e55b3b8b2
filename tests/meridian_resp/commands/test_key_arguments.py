"""Tests of database numbers and expiry times as arguments."""

from __future__ import annotations

import pytest

from meridian_resp.commands.key_arguments import database_argument, expiry_argument
from meridian_resp.errors import DB_INDEX, NOT_INTEGER, CommandError
from tests.harness.command_runner import CommandRunner


def test_databases() -> None:
    """Numbers below the count of databases; others are refused, by the caller's words if any."""
    runner = CommandRunner(databases=4)
    assert database_argument(runner, b"3") is runner.keyspace.databases[3]
    for text in (b"4", b"-1"):
        with pytest.raises(CommandError) as refusal:
            database_argument(runner, text)
        assert refusal.value.text == DB_INDEX
        with pytest.raises(CommandError, match="own words"):
            database_argument(runner, text, "ERR own words")
    with pytest.raises(CommandError) as refusal:
        database_argument(runner, b"x")
    assert refusal.value.text == NOT_INTEGER


@pytest.mark.parametrize(
    ("text", "unit_ms", "base_ms", "at_ms"),
    [(b"1", 1000, 0, 1000), (b"1", 1, 5, 6), (b"9223372036854775807", 1, 0, 2**63 - 1),
     (b"9223372036854775", 1000, 807, 2**63 - 1)],
)  # fmt: skip
def test_expiries(text: bytes, unit_ms: int, base_ms: int, at_ms: int) -> None:
    """A number of units after the base, up to the end of 64 bits."""
    assert expiry_argument(text, unit_ms=unit_ms, base_ms=base_ms, name="set") == at_ms


@pytest.mark.parametrize(
    ("text", "unit_ms", "base_ms"),
    [(b"0", 1, 5), (b"-1", 1, 5), (b"9223372036854775807", 1, 1),
     (b"9223372036854776", 1000, 0), (b"9223372036854775", 1000, 808)],
)  # fmt: skip
def test_impossible_expiries(text: bytes, unit_ms: int, base_ms: int) -> None:
    """Not positive or beyond 64 bits, refused with the command's name."""
    with pytest.raises(CommandError) as refusal:
        expiry_argument(text, unit_ms=unit_ms, base_ms=base_ms, name="set")
    assert refusal.value.text == "ERR invalid expire time in 'set' command"
