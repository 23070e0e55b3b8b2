from __future__ import annotations

import pytest

from meridian_resp.commands.switch_words import switch_argument
from meridian_resp.errors import CommandError


def test_one_of_two_words_in_any_case() -> None:
    """Any third word is a syntax error."""
    assert switch_argument(b"on", b"ON", b"OFF")
    assert not switch_argument(b"Off", b"ON", b"OFF")
    with pytest.raises(CommandError, match="syntax error"):
        switch_argument(b"yes", b"ON", b"OFF")
