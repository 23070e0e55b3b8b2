"""A long reply among the others of its client: one item of output that is sent in pieces.

KEYS of a million keys makes 25 MB. Joined with what stands beside it, it would be copied in one
tick; so its pieces go to the socket as they are. Like a `PendingReply` it is bytes, of which there
are none, so that everything which counts or replaces replies sees one; whoever sends looks for it
where `Session.has_pieces` says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator


class LongReply(bytes):
    """One reply in pieces."""

    pieces: list[bytes]

    def __new__(cls, pieces: list[bytes]) -> LongReply:
        """Take over the pieces."""
        made = super().__new__(cls)
        made.pieces = pieces
        return made


def pieces_of(replies: Iterable[bytes]) -> Iterator[bytes]:
    """What is to be sent for replies of which some are long, in order."""
    for reply in replies:
        if isinstance(reply, LongReply):
            yield from reply.pieces
        else:
            yield reply
