"""Output of a node of a cluster: replies that are still to come, and replies to other nodes.

A session's `held` replies are the ones that wait, for the log or for another node; the order is
that of requests, and only the first ones ever leave. A `PendingReply` among them waits for itself.
Sessions that never had a request forwarded are sent to as without a cluster.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from meridian_resp.protocol.long_replies import LongReply
from meridian_resp.protocol.pending_replies import PendingReply
from meridian_resp.server.output import Output
from meridian_resp.server.proxy_session import ProxySession

if TYPE_CHECKING:
    from meridian_resp.server.forward_execution import ForwardExecution
    from meridian_resp.server.io import Io
    from meridian_resp.server.session import Session

#: An offset that every synced log has reached: the reply waits for nothing but those before it.
_NO_WAIT: Final = 0
#: More than that leaves as it is: joining would copy it.
_JOINED_BYTES_MAX: Final = 1 << 18


class ClusterOutput(Output):
    """Sends to clients and to other nodes.

    Args:
        io: as for `Output`.
        close: as for `Output`.
        execution: takes what proxies answered.
        is_stopped: whether a client is read no further because much of it is under way.
    """

    def __init__(
        self,
        io: Io,
        close: Callable[[Session, str], None],
        *,
        execution: ForwardExecution,
        is_stopped: Callable[[Session], bool],
    ) -> None:
        super().__init__(io, close)
        self._execution = execution
        self._is_stopped = is_stopped
        #: Sessions with a place among the replies of this tick.
        self.with_places: set[Session] = set()

    def end_tick(self, session: Session, wait_offset: int | None) -> None:
        """See `Output.end_tick`."""
        if session.__class__ is ProxySession:
            assert isinstance(session, ProxySession)
            self._execution.end_tick(session, wait_offset)
        elif self.with_places and session in self.with_places:
            self.with_places.discard(session)
            self._hold(session, wait_offset)
        else:
            super().end_tick(session, wait_offset)

    def _hold(self, session: Session, wait_offset: int | None) -> None:
        """Let replies of this tick wait, each place by itself, what is between them joined."""
        out = list(session.out)
        session.out.clear()
        session.has_pieces = False
        offset = _NO_WAIT if wait_offset is None else wait_offset
        ready: list[bytes] = []
        for reply in out:
            if isinstance(reply, LongReply):
                if ready:
                    self._append(session, offset, b"".join(ready))
                    ready.clear()
                for piece in reply.pieces:
                    self._append(session, offset, piece)
                continue
            if not isinstance(reply, PendingReply):
                ready.append(reply)
                continue
            if reply.reply is not None:
                ready.append(reply.reply)
                continue
            if ready:
                self._append(session, offset, b"".join(ready))
                ready.clear()
            reply.is_held = True
            session.held.append((_NO_WAIT, reply))
        if ready:
            self._append(session, offset, b"".join(ready))
        self._check_limits(session)
        self.release(session, _NO_WAIT)

    def _append(self, session: Session, offset: int, data: bytes) -> None:
        session.held.append((offset, data))
        session.held_bytes += len(data)

    def release(self, session: Session, synced_offset: int) -> None:
        """See `Output.release`: up to the first place that is still empty."""
        if isinstance(session, ProxySession):
            self._execution.release(session, synced_offset)
            return
        held = session.held
        ready: list[bytes] = []
        while held:
            offset, data = held[0]
            if isinstance(data, PendingReply):
                if data.reply is None:
                    break
                session.held_bytes -= len(data.reply)
                ready.append(data.reply)
            elif offset > synced_offset:
                break
            else:
                session.held_bytes -= len(data)
                ready.append(data)
            held.popleft()
        if ready:
            size = sum(map(len, ready))
            session.unsent.extend(ready if size > _JOINED_BYTES_MAX else [b"".join(ready)])
            session.unsent_bytes += size
            self._check_limits(session)
        self.send_unsent(session)

    def may_read(self, session: Session) -> bool:
        """See `Output.may_read`."""
        return not self._is_stopped(session) and super().may_read(session)
