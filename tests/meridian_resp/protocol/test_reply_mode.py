from __future__ import annotations

from meridian_resp.protocol.reply_mode import ReplyMode


def test_modes_are_distinct() -> None:
    """SKIP is two steps: the command that asks for it, then the one it is meant for."""
    assert {mode.name for mode in ReplyMode} == {"ON", "OFF", "SKIP_NEXT", "SKIP"}
    assert ReplyMode("skip-next") is ReplyMode.SKIP_NEXT
