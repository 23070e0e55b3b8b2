from __future__ import annotations

import pytest

from meridian_resp.commands.client_names import NAME_REFUSED, check_client_attribute
from meridian_resp.errors import CommandError


def test_every_printable_character_but_the_blank_is_allowed() -> None:
    """From ! to ~, and nothing else."""
    check_client_attribute(bytes(range(0x21, 0x7F)), NAME_REFUSED)
    for byte in (*range(0x21), *range(0x7F, 0x100)):
        with pytest.raises(CommandError, match="special characters"):
            check_client_attribute(b"a" + bytes([byte]), NAME_REFUSED)
