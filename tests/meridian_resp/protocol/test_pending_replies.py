from __future__ import annotations

import pytest

from meridian_resp.protocol.pending_replies import PendingReply
from meridian_resp.protocol.replies import encode


def test_it_passes_for_a_reply_of_no_bytes() -> None:
    """So dispatch hands it on like any other, and nothing of it is sent."""
    pending = PendingReply()
    assert b"" + pending == b""
    assert encode(pending, 2) is pending and encode(pending, 3) is pending
    assert b"".join([b"+a\r\n", pending, b"+b\r\n"]) == b"+a\r\n+b\r\n"


def test_each_is_a_place_of_its_own() -> None:
    """Although all are empty."""
    one, other = PendingReply(), PendingReply()
    assert one == one and one != other and one != b""
    assert len({one, other}) == 2


def test_it_is_settled_once() -> None:
    """And tells whoever waits."""
    pending, told = PendingReply(), []
    pending.on_settled = lambda: told.append(pending.reply)
    assert pending.reply is None
    pending.settle(b"+OK\r\n")
    assert told == [b"+OK\r\n"]
    with pytest.raises(AssertionError, match="settled twice"):
        pending.settle(b"+OK\r\n")
