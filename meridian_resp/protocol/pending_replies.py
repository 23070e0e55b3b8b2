"""A reply that is still to come, in the place where it will stand.

A request that another node executes must not hold up the client's later requests, and replies must
come in the order of the requests. So such a request is answered at once by a `PendingReply`. It is
bytes, of which there are none yet, and passes through dispatch and output like any reply; only the
end of the way, which sends, looks for it and lets what comes after it wait until it is settled.

Rejected: a queue of reply slots per client that every reply has to pass through; clients whose
requests are all local, and servers without a cluster, would pay for it too.
"""

from __future__ import annotations

from collections.abc import Callable


class PendingReply(bytes):
    """The place of a reply; identity object, whatever equality of bytes says.

    Attributes:
        reply: its bytes once they are known.
        on_settled: called once, when that is so.
        is_held: it stands among the replies of its session that wait, and is counted there.
    """

    reply: bytes | None
    is_held: bool
    on_settled: Callable[[], None] | None

    def __new__(cls) -> PendingReply:
        """Return a place without a reply."""
        made = super().__new__(cls)
        made.reply = None
        made.is_held = False
        made.on_settled = None
        return made

    @property
    def is_settled(self) -> bool:
        """Whether the reply is known."""
        return self.reply is not None

    def settle(self, reply: bytes) -> None:
        """Put the reply in its place."""
        assert self.reply is None, "settled twice"
        self.reply = reply
        if self.on_settled is not None:
            self.on_settled()

    # Two places are two, although both are empty.
    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other

    def __ne__(self, other: object) -> bool:
        return self is not other
