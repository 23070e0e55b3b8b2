"""Tests of the limit on values."""

from __future__ import annotations

import pytest

from meridian_resp.commands.limits import check_grown_value, check_value
from meridian_resp.config.settings import Settings
from meridian_resp.errors import STRING_TOO_LONG, CommandError, value_too_long
from tests.harness.command_runner import CommandRunner


def limited(value_bytes: int, bulk_bytes: int) -> CommandRunner:
    """A runner with these limits."""
    settings = Settings()
    settings.value_size_max_bytes = value_bytes
    settings.proto_max_bulk_len_bytes = bulk_bytes
    return CommandRunner(settings=settings)


def test_values() -> None:
    """The limit itself is allowed, one byte more is not."""
    runner = limited(4, 100)
    check_value(runner, b"1234")
    with pytest.raises(CommandError) as refusal:
        check_value(runner, b"12345")
    assert refusal.value.text == value_too_long(5, 4)


def test_grown_values() -> None:
    """Redis' own limit comes first with its own text."""
    runner = limited(4, 100)
    check_grown_value(runner, 4)
    with pytest.raises(CommandError) as refusal:
        check_grown_value(runner, 100)
    assert refusal.value.text == value_too_long(100, 4)
    with pytest.raises(CommandError) as refusal:
        check_grown_value(runner, 101)
    assert refusal.value.text == STRING_TOO_LONG
