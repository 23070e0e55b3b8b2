"""Requests of this node's clients that other nodes execute: sent, waited for, answered.

A request for keys that another node leads goes there over the link to it, and a `PendingReply`
takes its reply's place. Requests of one client to one node go over one link, in order, and are
executed in order; the client's other requests do not wait for them.

What became of a request is always known to be one of these, and the client is told which:
* answered: the other node's reply;
* not sent, because the node could not be reached: CLUSTERDOWN;
* refused there, because the slot is led by somebody else by now: it is sent once more where the
  map says, or MOVED. Not if a later request of the same client for the same slot is under way or
  was executed, since that would turn their order round;
* sent and not answered, because the link broke or the time was up: UNKNOWN for what may have
  changed something, CLUSTERDOWN for what only reads. It is never sent again by itself.

Cost of a small GET that is handed on, in a pipeline and without sockets: 9 us to send it, 9 us to
execute it, 8 us to hand back its reply (one core of an AMD EPYC, 2026-11-25).

Bounds: requests and bytes under way per client and per node. A client above them is read no
further (`is_stopped`), until half of it is answered; what it had in its turn is still sent.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from attrs import define, field, frozen

from cluster.wire.frames import FRAME_BYTES_MAX
from cluster.wire.messages import Forward, ForwardReply, KeyVersionsReply, KeyVersionsRequest
from meridian_resp.protocol.pending_replies import PendingReply
from meridian_resp.protocol.replies import OK, error
from meridian_resp.server.forwarding_clients import ForwardingClients
from meridian_resp.server.routing import Elsewhere, Here, Nowhere

if TYPE_CHECKING:
    from cluster.control.data_handler import PeerLink
    from cluster.identity import Endpoint, NodeId
    from meridian_resp.commands.cluster_port import ClusterPort
    from meridian_resp.server.routing import Routing
    from meridian_resp.server.session import Session

#: Requests and bytes under way to one node above which the clients that send there are stopped.
NODE_REQUESTS_MAX: Final = 65536
NODE_BYTES_MAX: Final = 32 << 20
#: What a request and its frame add to the bytes of its arguments, at most, and what an encoded
#: argument, and a key with its version, are longer than themselves.
OVERHEAD_BYTES: Final = 4096
ARGUMENT_BYTES: Final = 5
VERSION_BYTES: Final = 15
#: How long a request waits for a newer map before it is sent once more.
RETRY_AFTER_S: Final = 0.3
#: `status` of replies.
EXECUTED: Final = 0
NOT_LEADER: Final = 1
REFUSED: Final = 2


def unreachable(target: Elsewhere) -> str:
    """Nothing was sent."""
    return f"CLUSTERDOWN {target.named} can't be reached"


def unknown_outcome(target: Elsewhere, why: str) -> str:
    """It was sent, may change something, and was not answered."""
    return f"UNKNOWN {target.named} {why}; the request may or may not have been executed"


def not_answered(target: Elsewhere, why: str) -> str:
    """It was sent, changes nothing, and was not answered."""
    return f"CLUSTERDOWN {target.named} {why}"


def moved_here(slot: int) -> str:
    """The other node refused, and this one leads the slot meanwhile."""
    return f"TRYAGAIN Slot {slot} has just become this node's own"


def too_long(size: int) -> str:
    """One request is above what a frame holds."""
    return (
        f"ERR The request is too long to be handed on to another node: {size} bytes, at most "
        f"{FRAME_BYTES_MAX - OVERHEAD_BYTES}"
    )


@frozen
class ForwardingStatistics:
    """Counters of forwarded requests since the start.

    Attributes:
        sent: requests handed to a link.
        answered: of those, how many were executed or refused with a reply.
        retried: of those, how many were sent a second time.
        unreachable: requests for a node that could not be reached.
        moved: requests that the other node refused as not its own, and that were given up.
        lost: requests whose outcome is unknown, since the link broke or the time was up.
        waiting: requests under way now.
        waiting_bytes: bytes of their arguments.
        stopped_clients: clients that are read no further until some are answered.
    """

    sent: int
    answered: int
    retried: int
    unreachable: int
    moved: int
    lost: int
    waiting: int
    waiting_bytes: int
    stopped_clients: int


@define(eq=False)
class Request:
    """One request under way.

    Attributes:
        message: what was sent, to be sent again.
        watch: keys whose versions it asks for, None for a forwarded command.
        is_write: it may change something.
        size: bytes of its arguments.
        refused_at: when the other node said that it does not lead the slot; 0 if it did not.
    """

    number: int
    session: Session
    pending: PendingReply
    target: Elsewhere
    message: Forward | KeyVersionsRequest
    is_write: bool
    size: int
    expires_at: float
    watch: tuple[bytes, ...] | None = None
    has_retried: bool = False
    refused_at: float = 0.0


@define(eq=False)
class Destination:
    """What is under way to one endpoint."""

    requests: dict[int, Request] = field(factory=dict)
    size: int = 0


class Forwarding:
    """All requests of this node that other nodes execute.

    Args:
        port: the cluster; sends.
        routing: where slots belong, for the second attempt.
        monotonic: seconds of the clock of deadlines.
        on_settled: called with a session when one of its places was filled.
    """

    def __init__(
        self,
        port: ClusterPort,
        routing: Routing,
        *,
        monotonic: Callable[[], float],
        on_settled: Callable[[Session], None],
    ) -> None:
        self._port = port
        self._routing = routing
        self._monotonic = monotonic
        self._on_settled = on_settled
        self.timeout_s = 5.0
        #: The least that a link's queue holds, or requests would be refused instead of waiting.
        self.node_bytes_max = NODE_BYTES_MAX
        self.clients = ForwardingClients()
        self._destinations: dict[Endpoint, Destination] = {}
        self._by_number: dict[int, Request] = {}
        #: In the order of sending, which is that of deadlines as long as the timeout is the same.
        self._deadlines: deque[tuple[float, int]] = deque()
        #: Refused by a node that does not lead the slot; wait for a newer map, in order.
        self._parked: dict[int, Request] = {}
        #: Something was handed to a link since this was set to False.
        self.has_sent = False
        #: Nodes that do not answer anybody: nothing is sent to them, so nobody waits in vain.
        self.silent: frozenset[NodeId] = frozenset()
        self._last_number = 0
        self._sent = self._answered = self._retried = 0
        self._unreachable = self._moved = self._lost = 0

    # --- sending ---

    def forward(
        self,
        session: Session,
        target: Elsewhere,
        commands: list[list[bytes]],
        *,
        is_write: bool,
        is_transaction: bool = False,
        watched: list[tuple[bytes, int]] | None = None,
        level: str | None = None,
    ) -> bytes:
        """Let another node execute a command, or a transaction; the place of its reply.

        A request that can't be sent is answered at once, with an error. Its consistency level is
        that of the session now, unless one is given.
        """
        sizes = [len(argument) + ARGUMENT_BYTES for command in commands for argument in command]
        size = sum(sizes) + ARGUMENT_BYTES * len(commands)
        if watched:
            size += sum([len(key) + VERSION_BYTES for key, _ in watched])
        if size > FRAME_BYTES_MAX - OVERHEAD_BYTES:
            return error(too_long(size))
        self._last_number += 1
        message = Forward(
            request=self._last_number,
            client=session.identifier,
            epoch=self._routing.epoch,
            deadline_ms=int(self.timeout_s * 1000),
            protocol=session.protocol,
            level=session.consistency if level is None else level,
            commands=commands,
            is_transaction=is_transaction,
            watched=watched or [],
            slot=target.slot,
        )
        return self._begin(session, target, message, is_write=is_write, size=size, watch=None)

    def ask_versions(self, session: Session, target: Elsewhere, keys: list[bytes]) -> bytes:
        """Ask for the versions of keys that a client watches; the place of WATCH's reply."""
        size = sum([len(key) + VERSION_BYTES for key in keys])
        if size > FRAME_BYTES_MAX - OVERHEAD_BYTES:
            return error(too_long(size))
        self._last_number += 1
        message = KeyVersionsRequest(self._last_number, target.slot, keys)
        return self._begin(session, target, message, is_write=False, size=size, watch=tuple(keys))

    def _begin(
        self,
        session: Session,
        target: Elsewhere,
        message: Forward | KeyVersionsRequest,
        *,
        is_write: bool,
        size: int,
        watch: tuple[bytes, ...] | None,
    ) -> bytes:
        expires_at = self._monotonic() + self.timeout_s
        request = Request(
            number=self._last_number,
            session=session,
            pending=PendingReply(),
            target=target,
            message=message,
            is_write=is_write,
            size=size + OVERHEAD_BYTES // 16,
            expires_at=expires_at,
            watch=watch,
        )
        client = self.clients.of(session)
        if client.has_parked(target.slot):
            # An earlier one of the same slot waits for a newer map; this one must not overtake.
            request.refused_at = self._monotonic()
            self._parked[request.number] = request
            client.park(target.slot)
        elif not self._send(request):
            self._unreachable += 1
            return error(unreachable(target))
        self._by_number[request.number] = request
        client.begin(request.number, target.slot, request.size)
        self._deadlines.append((expires_at, request.number))
        if watch is not None:
            client.watch(watch, request.pending)
        self._stop_if_much(session, request)
        return request.pending

    def _send(self, request: Request) -> bool:
        target = request.target
        if target.node in self.silent or not self._port.send(target.endpoint, request.message):
            return False
        destination = self._destinations.get(request.target.endpoint)
        if destination is None:
            destination = self._destinations[request.target.endpoint] = Destination()
        destination.requests[request.number] = request
        destination.size += request.size
        self.has_sent = True
        self._sent += 1
        return True

    def _stop_if_much(self, session: Session, request: Request) -> None:
        destination = self._destinations.get(request.target.endpoint)
        is_much = destination is not None and (
            len(destination.requests) > NODE_REQUESTS_MAX or destination.size > self.node_bytes_max
        )
        if is_much or self.clients.of(session).has_much:
            self.clients.stop(session)

    def is_stopped(self, session: Session) -> bool:
        """Whether a client is read no further until some of its requests are answered."""
        return session in self.clients.stopped

    # --- what comes back ---

    def on_reply(self, reply: ForwardReply) -> None:
        """The reply to a forwarded request."""
        request = self._take(reply.request)
        if request is None or request.watch is not None:
            return
        if reply.status == NOT_LEADER:
            self._refused(request)
            return
        self._answered += 1
        self._settle(request, reply.reply)

    def on_versions(self, reply: KeyVersionsReply) -> None:
        """The versions of keys that a client watches."""
        request = self._take(reply.request)
        if request is None or request.watch is None:
            return
        if reply.status == NOT_LEADER:
            self._refused(request)
            return
        self._answered += 1
        if reply.status != EXECUTED or len(reply.versions) != len(request.watch):
            self._settle(request, error(not_answered(request.target, "can't read these keys")))
            return
        client = self.clients.of(request.session)
        client.learn(request.watch, request.pending, reply.versions)
        self._settle(request, OK)

    def _take(self, number: int) -> Request | None:
        """Take a request off its way; None if nobody waits for its reply any more."""
        request = self._by_number.get(number)
        if request is None or not self._leave(request):
            return None
        if self.clients.find(request.session) is None:
            del self._by_number[number]
            return None
        return request

    def _leave(self, request: Request) -> bool:
        """Take a request off its destination; False if it was not on its way."""
        destination = self._destinations.get(request.target.endpoint)
        if destination is None or destination.requests.pop(request.number, None) is None:
            return False
        destination.size -= request.size
        if not destination.requests:
            del self._destinations[request.target.endpoint]
        return True

    def _refused(self, request: Request) -> None:
        """The other node does not lead the slot: wait for a newer map, or give up."""
        client = self.clients.of(request.session)
        if request.has_retried or not client.may_retry(request.number, request.target.slot):
            self._give_up_moved(request)
            return
        request.has_retried = True
        request.refused_at = self._monotonic()
        self._parked[request.number] = request
        client.park(request.target.slot)

    def retry_parked(self, *, after_s: float = 0.0) -> None:
        """Send again what was refused at least so long ago, to whom the map names now."""
        if not self._parked:
            return
        limit = self._monotonic() - after_s
        for request in sorted(self._parked.values(), key=lambda one: one.number):
            if request.refused_at <= limit:
                self._retry(request)

    def _retry(self, request: Request) -> None:
        slot = request.target.slot
        del self._parked[request.number]
        self.clients.of(request.session).unpark(slot)
        decision = self._routing.decide(slot, adds_keys=False)
        if isinstance(decision, Nowhere):
            self._settle(request, error(decision.text))
        elif isinstance(decision, Here):
            self._moved += 1
            self._settle(request, error(moved_here(slot)))
        else:
            request.target = decision
            if self._send(request):
                self._retried += 1
            else:
                self._unreachable += 1
                self._settle(request, error(unreachable(decision)))

    def _give_up_moved(self, request: Request) -> None:
        self._moved += 1
        decision = self._routing.decide(request.target.slot, adds_keys=False)
        target = decision if isinstance(decision, Elsewhere) else request.target
        text = moved_here(target.slot) if isinstance(decision, Here) else target.moved
        self._settle(request, error(text))

    def _settle(self, request: Request, reply: bytes) -> None:
        """Put a reply in its place; that of a client that has gone is dropped."""
        del self._by_number[request.number]
        session = request.session
        if self.clients.end(session, request.size, len(reply)):
            if request.pending.is_held:
                session.held_bytes += len(reply)
            request.pending.settle(reply)
            self._on_settled(session)

    # --- what goes wrong ---

    def on_link_down(self, link: PeerLink) -> None:
        """A link that was up has ended: what was sent on it may have been executed."""
        if link.is_outgoing:
            self._lose(link.endpoint, "broke off before it answered")

    def on_endpoint_failed(self, endpoint: Endpoint) -> None:
        """An endpoint could not be reached: nothing was sent there."""
        destination = self._destinations.pop(endpoint, None)
        for request in list(destination.requests.values()) if destination else ():
            self._unreachable += 1
            self._settle(request, error(unreachable(request.target)))

    def _lose(self, endpoint: Endpoint, why: str) -> None:
        destination = self._destinations.pop(endpoint, None)
        for request in list(destination.requests.values()) if destination else ():
            self._lost += 1
            self._settle(request, _lost_reply(request, why))

    def expire(self) -> None:
        """Give up requests whose time is over; send parked ones again that waited long enough."""
        now = self._monotonic()
        while self._deadlines:
            expires_at, number = self._deadlines[0]
            request = self._by_number.get(number)
            if request is not None and expires_at > now:
                break
            self._deadlines.popleft()
            if request is None:
                continue
            if self._parked.pop(request.number, None) is not None:
                self.clients.of(request.session).unpark(request.target.slot)
                self._give_up_moved(request)
            else:
                self._leave(request)
                self._lost += 1
                self._settle(request, _lost_reply(request, "did not answer in time"))
        self.retry_parked(after_s=RETRY_AFTER_S)

    def give_up_all(self, why: str) -> None:
        """Answer everything that is under way, because this server stops."""
        for endpoint in list(self._destinations):
            self._lose(endpoint, why)
        for request in list(self._parked.values()):
            del self._parked[request.number]
            self.clients.of(request.session).unpark(request.target.slot)
            self._give_up_moved(request)

    def forget(self, session: Session) -> None:
        """A client goes away: replies to it are dropped when they come."""
        self.clients.forget(session)
        for number, request in list(self._parked.items()):
            if request.session is session:
                del self._parked[number], self._by_number[number]

    def statistics(self) -> ForwardingStatistics:
        """Counters, fresh."""
        waiting = self._by_number.values()
        return ForwardingStatistics(
            sent=self._sent,
            answered=self._answered,
            retried=self._retried,
            unreachable=self._unreachable,
            moved=self._moved,
            lost=self._lost,
            waiting=len(waiting),
            waiting_bytes=sum([request.size for request in waiting]),
            stopped_clients=len(self.clients.stopped),
        )


def _lost_reply(request: Request, why: str) -> bytes:
    make = unknown_outcome if request.is_write else not_answered
    return error(make(request.target, why))
