"""Tests of reading integers from arguments."""

from __future__ import annotations

import pytest

from meridian_resp.commands.arguments import bounded_integer_argument, integer_argument, shown
from meridian_resp.errors import NOT_INTEGER, CommandError


def test_integers() -> None:
    """Canonical integers are read; a refusal of the caller's choice replaces Redis' usual one."""
    assert integer_argument(b"-5") == -5
    with pytest.raises(CommandError) as refusal:
        integer_argument(b"05")
    assert refusal.value.text == NOT_INTEGER
    with pytest.raises(CommandError) as refusal:
        integer_argument(b"x", "ERR own words")
    assert refusal.value.text == "ERR own words"


def test_bounds() -> None:
    """Both bounds are allowed; beyond them the error names them, or is the caller's."""
    assert [bounded_integer_argument(text, -1, 3) for text in (b"-1", b"3")] == [-1, 3]
    for text in (b"-2", b"4"):
        with pytest.raises(CommandError) as refusal:
            bounded_integer_argument(text, -1, 3)
        expected = "ERR value is out of range, value must between -1 and 3"
        assert refusal.value.text == expected
        with pytest.raises(CommandError, match="own words"):
            bounded_integer_argument(text, -1, 3, "ERR own words")
    with pytest.raises(CommandError) as refusal:
        bounded_integer_argument(b"x", -1, 3)
    assert refusal.value.text == NOT_INTEGER


def test_shown_arguments_survive() -> None:
    """Bytes that are no UTF-8 come back out of the text unchanged."""
    assert shown(b"a\xff").encode("utf-8", "surrogateescape") == b"a\xff"
