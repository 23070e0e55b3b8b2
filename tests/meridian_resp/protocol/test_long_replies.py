"""A long reply is one item, whatever counts or replaces items."""

from __future__ import annotations

from meridian_resp.protocol.long_replies import LongReply, pieces_of


def test_a_long_reply_is_one_item_without_bytes_of_its_own() -> None:
    """Joining would lose it, so whoever sends asks for the pieces."""
    reply = LongReply([b"*1\r\n", b"$1\r\nk\r\n"])
    assert isinstance(reply, bytes) and len(reply) == 0
    assert list(pieces_of([b"+OK\r\n", reply, b":1\r\n"])) == [
        b"+OK\r\n",
        b"*1\r\n",
        b"$1\r\nk\r\n",
        b":1\r\n",
    ]
