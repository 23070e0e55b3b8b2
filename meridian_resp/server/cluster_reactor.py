"""The reactor of a node of a cluster: it reads the links to other nodes too.

A link's socket is one more that is ready in a tick. What other nodes ask for is executed in the
same tick as what clients ask for, logged with it, and answered at its end; then everything that
was said to a peer leaves in one send.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from meridian_resp.protocol.pending_replies import PendingReply
from meridian_resp.server.reactor import Reactor

if TYPE_CHECKING:
    from meridian_resp.server.cluster_output import ClusterOutput
    from meridian_resp.server.session import Session
    from storage import StorageError


class PeerIo(Protocol):
    """The sockets of links, as the reactor drives them; `PeerSockets` on a running server."""

    def handles(self, number: int) -> bool:
        """Whether a socket is one of theirs."""

    def on_ready(self, number: int, events: int) -> None:
        """A socket is ready."""

    def flush(self) -> None:
        """Send what is queued."""


class ClusterReactor(Reactor):
    """Reads clients and links. Until `serve_cluster` it is a reactor like any other."""

    _peers: PeerIo | None = None
    _after_tick: Callable[[], None] | None = None
    _before_drain: Callable[[], None] | None = None

    def serve_cluster(
        self,
        output: ClusterOutput,
        peers: PeerIo | None,
        *,
        after_tick: Callable[[], None],
        before_drain: Callable[[], None],
    ) -> None:
        """Send by this output and read these links from now on.

        Args:
            output: takes the place of the present one, before there is a client.
            peers: the links; None where somebody else drives them.
            after_tick: called when a tick is logged and its own replies are sent.
            before_drain: called before the last replies are waited for.
        """
        output.limit = self.output.limit
        self.output = output
        self._peers = peers
        self._after_tick = after_tick
        self._before_drain = before_drain

    # --- for those who execute, or wait for, what other nodes want ---

    def execute(self, session: Session, commands: list[list[bytes]]) -> None:
        """Execute a session's commands, now or, as far as a turn does not do, later."""
        is_one = len(commands) == 1 and not session.backlog
        if is_one and self._dispatcher.run_one(session, commands[0]):
            self.mark_dirty(session)
        else:
            self._execute(session, commands, 0)

    def run_soon(self, work: Callable[[], None]) -> None:
        """Call something in the next tick, which begins without any socket being ready."""

        def step() -> bool:
            work()
            return False

        self.slices.append(step)
        self._io.wake()

    def release(self, session: Session) -> None:
        """Send what a session's replies no longer wait for, and let its commands go on."""
        self.output.release(session, self._engine.synced_offset)
        if not session.held:
            self._holding.pop(session, None)
        self.queue_to_run(session)

    # --- the tick ---

    def _serve_other(self, number: int, event: int) -> None:
        if self._peers is not None and self._peers.handles(number):
            self._peers.on_ready(number, event)
        else:
            super()._serve_other(number, event)

    def end_tick(self) -> None:
        """See `Reactor.end_tick`; then replies of other nodes, and what is said to them."""
        super().end_tick()
        if self._after_tick is not None:
            self._after_tick()
            if self._closing:
                self._close_now()
        if self._peers is not None:
            self._peers.flush()

    def _fail_tick(self, failure: StorageError) -> None:
        """See `Reactor._fail_tick`: what other nodes execute does not depend on this log."""
        places = [
            (session, index, reply)
            for session in self._dirty
            for index, reply in enumerate(session.out)
            if isinstance(reply, PendingReply)
        ]
        super()._fail_tick(failure)
        for session, index, reply in places:
            session.out[index] = reply

    async def drain(self) -> None:
        """See `Reactor.drain`; what other nodes still execute is not waited for."""
        if self._before_drain is not None:
            self._before_drain()
        await super().drain()
