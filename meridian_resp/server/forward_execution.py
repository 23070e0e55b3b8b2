"""The other half of forwarding: executing what other nodes' clients want of keys led here.

A forwarded request goes through dispatch like one of this node's own clients, in the tick in which
it arrived, under a `ProxySession`. Its reply leaves after the tick is logged, and after the log is
synced where the level or `appendfsync` asks for that: the end of a tick treats both kinds of
sessions alike, and only where bytes would go to a socket they become a `ForwardReply`.

Requests of one client are executed in the order in which they came. One that takes several ticks
makes the later ones of its client wait, nobody else's. When a tick has taken its time, the rest of
what a link brought waits for the next one. While much waits to be sent to a node, its requests
wait too, or replies would find the link full. A transaction is executed as MULTI, its
commands and EXEC; what it watched is compared first and watched here until EXEC has run.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, Protocol

from cluster.wire.frames import FRAME_BYTES_MAX
from cluster.wire.messages import Forward, ForwardReply, KeyVersionsReply, KeyVersionsRequest
from meridian_resp.datatypes.key_versions import look_up_versions
from meridian_resp.protocol.replies import NULL_ARRAY, encode, error
from meridian_resp.server.forward_checks import is_slot
from meridian_resp.server.forwarding import EXECUTED, NOT_LEADER, OVERHEAD_BYTES, REFUSED
from meridian_resp.server.proxy_session import Expected, ProxySession
from meridian_resp.server.routing import Elsewhere, Nowhere
from storage import StorageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from cluster.control.data_handler import PeerLink
    from cluster.identity import NodeId
    from meridian_resp.datatypes.database import Database
    from meridian_resp.server.routing import Routing
    from meridian_resp.server.session import Session

#: Requests of one client of a peer that may wait for an earlier one.
DEFERRED_MAX: Final = 65536
#: Replies that may wait to be sent to a node before its requests wait, in bytes.
LINK_BYTES_MAX: Final = 8 << 20
#: Requests of all nodes that may wait for that.
STALLED_MAX: Final = 1 << 18
#: Requests of a node that are executed in a tick however long it takes, so that none starve.
TURN_REQUESTS_MIN: Final = 32
#: Idle proxies kept for the next client.
IDLE_MAX: Final = 64
TOO_MANY: Final = "TRYAGAIN Too many requests of this client wait for an earlier one"
TOO_LATE: Final = (
    "CLUSTERDOWN The request waited for longer than its sender does and was not executed"
)

TRANSACTION_LOST: Final = (
    "EXECABORT Transaction discarded because of: the log could not be written"
)


def reply_too_long(size: int) -> str:
    """A reply is above what a frame holds. What the request did stays done."""
    return (
        f"ERR The request was executed, but its reply of {size} bytes is too long to be handed "
        f"back by another node, which takes at most {FRAME_BYTES_MAX - OVERHEAD_BYTES}"
    )


class Executor(Protocol):
    """What runs commands: the reactor, as far as it is needed here."""

    def execute(self, session: Session, commands: list[list[bytes]]) -> None:
        """Execute a session's commands, now or, as far as a turn does not do, later."""

    def run_soon(self, work: Callable[[], None]) -> None:
        """Call something in the next tick."""

    def is_late(self) -> bool:
        """Whether the tick has taken the time that a tick may take."""


class ForwardExecution:
    """Executes forwarded requests.

    Args:
        routing: whether a slot is led here.
        executor: runs commands in ticks.
        refusal: why a request is not to be executed, if so.
        database: the one database.
        change_state: derives a session's gates anew after its level changed.
        monotonic: seconds of a clock.
    """

    def __init__(
        self,
        routing: Routing,
        executor: Executor,
        database: Database,
        *,
        refusal: Callable[[Forward], str | None],
        change_state: Callable[[Session], None],
        monotonic: Callable[[], float],
    ) -> None:
        self._routing = routing
        self._executor = executor
        self._database = database
        self._refusal = refusal
        self._change_state = change_state
        self._monotonic = monotonic
        self._by_client: dict[tuple[NodeId, int], ProxySession] = {}
        self._idle: list[ProxySession] = []
        #: Requests that wait for the next tick, or because much waits to be sent to their node, in
        #: order, by link.
        self._stalled: dict[PeerLink, deque[Forward | KeyVersionsRequest]] = {}
        self._stalled_count = 0
        #: When requests arrived that could not be executed at once.
        self._arrived: dict[tuple[PeerLink, int], float] = {}
        #: Bytes of replies made in this tick by link, which the link does not have yet.
        self._made: dict[PeerLink, int] = {}
        #: Requests executed, and refused because the slot is led elsewhere, since the start.
        self.executed = 0
        self.refused = 0

    def proxies(self) -> list[ProxySession]:
        """The sessions of clients of other nodes that something is under way for."""
        return list(self._by_client.values())

    # --- requests ---

    def on_forward(self, link: PeerLink, forward: Forward) -> None:
        """Execute a request of another node's client, now or after its earlier ones."""
        refusal = self._refusal(forward)
        if refusal is not None:
            self._answer(link, forward.request, REFUSED, error(refusal))
        elif not self._must_wait(link):
            self._take(link, forward)
        elif self._stalled_count < STALLED_MAX:
            self._stall(link, forward)
        else:
            self._answer(link, forward.request, REFUSED, error(TOO_MANY))

    def _must_wait(self, link: PeerLink) -> bool:
        return link in self._stalled or self._executor.is_late() or self._is_full(link)

    def _stall(self, link: PeerLink, request: Forward | KeyVersionsRequest) -> None:
        self._stalled.setdefault(link, deque()).append(request)
        self._arrived[link, request.request] = self._monotonic()
        self._stalled_count += 1

    def _is_full(self, link: PeerLink) -> bool:
        return link.queued_bytes + self._made.get(link, 0) > LINK_BYTES_MAX

    def relieve(self) -> None:
        """A tick has ended, or time has passed: let requests go on that waited for their link."""
        self._made.clear()
        if self._stalled and not all(self._is_full(link) for link in self._stalled):
            self._executor.run_soon(self._take_stalled)

    def _take_stalled(self) -> None:
        for link in list(self._stalled):
            waiting = self._stalled[link]
            taken = 0
            while waiting and not self._is_full(link):
                taken += 1
                self._stalled_count -= 1
                request = waiting.popleft()
                if isinstance(request, Forward):
                    self._take(link, request)
                else:
                    self._arrived.pop((link, request.request), None)
                    self._tell_versions(link, request)
                # Where own clients use up every tick, what other nodes ask for still goes on.
                if taken >= TURN_REQUESTS_MIN and self._executor.is_late():
                    break
            if not waiting:
                del self._stalled[link]

    def on_link_down(self, link: PeerLink) -> None:
        """A link has ended: nobody waits for what it brought and was not executed yet."""
        self._stalled_count -= len(self._stalled.pop(link, ()))
        self._arrived = {key: when for key, when in self._arrived.items() if key[0] is not link}
        for proxy in self.proxies():
            if proxy.deferred:
                proxy.deferred = deque(one for one in proxy.deferred if one[0] is not link)
                self._retire(proxy)

    def _take(self, link: PeerLink, forward: Forward) -> None:
        client = (link.node, forward.client)
        proxy = self._by_client.get(client)
        if proxy is None:
            proxy = self._by_client[client] = self._proxy_for(client, link)
        if not (proxy.is_at_work or proxy.deferred):
            self._begin(proxy, link, forward)
        elif len(proxy.deferred) < DEFERRED_MAX:
            proxy.deferred.append((link, forward))
            self._arrived.setdefault((link, forward.request), self._monotonic())
        else:
            self._arrived.pop((link, forward.request), None)
            self._answer(link, forward.request, REFUSED, error(TOO_MANY))

    def _proxy_for(self, client: tuple[NodeId, int], link: PeerLink) -> ProxySession:
        now_s = self._monotonic()
        proxy = self._idle.pop() if self._idle else ProxySession(self._database, now_s)
        proxy.client = client
        proxy.identifier = client[1]
        proxy.address = str(link.endpoint)
        proxy.last_active_s = now_s
        self._change_state(proxy)
        return proxy

    def _begin(self, proxy: ProxySession, link: PeerLink, forward: Forward) -> None:
        if self._is_too_late(link, forward):
            self.refused += 1
            self._answer(link, forward.request, REFUSED, error(TOO_LATE))
            self._retire(proxy)
            return
        decision = self._routing.decide(forward.slot, adds_keys=False)
        if isinstance(decision, (Elsewhere, Nowhere)):
            self.refused += 1
            self._answer(link, forward.request, NOT_LEADER, b"")
            self._retire(proxy)
            return
        self.executed += 1
        if proxy.protocol != forward.protocol or proxy.consistency != forward.level:
            proxy.protocol = forward.protocol
            proxy.consistency = forward.level
            self._change_state(proxy)
        if not forward.is_transaction:
            proxy.expected.append(Expected(link, forward.request, 0))
            self._execute(proxy, link, forward.commands)
        elif self._watch(proxy, link, forward):
            commands = [[b"MULTI"], *forward.commands, [b"EXEC"]]
            proxy.expected.append(Expected(link, forward.request, len(commands) - 1))
            self._execute(proxy, link, commands)
        else:
            self._retire(proxy)

    def _is_too_late(self, link: PeerLink, forward: Forward) -> bool:
        """Whether it waited here for longer than its sender does: nobody wants it any more."""
        arrived = self._arrived.pop((link, forward.request), None)
        if arrived is None:
            return False
        return self._monotonic() - arrived > forward.deadline_ms / 1000

    def _execute(self, proxy: ProxySession, link: PeerLink, commands: list[list[bytes]]) -> None:
        before = len(proxy.out)
        self._executor.execute(proxy, commands)
        made = sum([len(reply) for reply in proxy.out[before:]])
        self._made[link] = self._made.get(link, 0) + made

    def _watch(self, proxy: ProxySession, link: PeerLink, forward: Forward) -> bool:
        """Watch for a transaction what its client watched; False, answered, if it has changed."""
        if not forward.watched:
            return True
        database = self._database
        keys = [key for key, _ in forward.watched]
        try:
            versions = look_up_versions(database, keys)
        except StorageError as failure:
            reply = error(f"ERR storage can't be read: {failure}")
            self._answer(link, forward.request, REFUSED, reply)
            return False
        if versions != [version for _, version in forward.watched]:
            self._answer(link, forward.request, EXECUTED, encode(NULL_ARRAY, forward.protocol))
            return False
        for key in keys:
            database.keyspace.watches.watch(proxy, database, key)
        return True

    def on_versions_wanted(self, link: PeerLink, request: KeyVersionsRequest) -> None:
        """Tell the versions of keys that another node's client watches, after what came before."""
        if not is_slot(request.slot):
            link.send(KeyVersionsReply(request.request, REFUSED, []))
        elif link in self._stalled and self._stalled_count < STALLED_MAX:
            self._stall(link, request)
        else:
            self._tell_versions(link, request)

    def _tell_versions(self, link: PeerLink, request: KeyVersionsRequest) -> None:
        status, versions = EXECUTED, list[int]()
        decision = self._routing.decide(request.slot, adds_keys=False)
        if isinstance(decision, (Elsewhere, Nowhere)):
            status = NOT_LEADER
        else:
            try:
                versions = look_up_versions(self._database, request.keys)
            except StorageError:
                status = REFUSED
        link.send(KeyVersionsReply(request.request, status, versions))

    # --- replies ---

    def end_tick(self, proxy: ProxySession, wait_offset: int | None) -> None:
        """Send what a proxy answered in this tick, or keep it until the log has an offset."""
        out = list(proxy.out)
        proxy.out.clear()
        for reply in out:
            expected = proxy.expected[0]
            if expected.passed_over:
                expected.passed_over -= 1
                continue
            proxy.expected.popleft()
            if wait_offset is None and not proxy.held:
                self._answer(expected.link, expected.number, EXECUTED, reply)
            else:
                proxy.held.append((wait_offset or 0, reply))
                proxy.held_bytes += len(reply)
                proxy.addressed.append(expected)
        if proxy.is_closing:
            self._abandon(proxy)
        elif proxy.is_idle:
            self._retire(proxy)
        elif proxy.deferred and not proxy.is_at_work:
            self._executor.run_soon(lambda: self._go_on(proxy))

    def _abandon(self, proxy: ProxySession) -> None:
        """End a proxy that a client's connection would have been closed for.

        A log that failed in the middle of a transaction does that: nothing more of it is executed.
        Later requests of the client go to another proxy.
        """
        if proxy.client is None:
            return
        del self._by_client[proxy.client]
        proxy.client = None
        self._database.keyspace.watches.forget(proxy)
        proxy.take_backlog()
        while proxy.expected:
            expected = proxy.expected.popleft()
            self._answer(expected.link, expected.number, EXECUTED, error(TRANSACTION_LOST))
        deferred, proxy.deferred = proxy.deferred, deque()
        if deferred:
            self._executor.run_soon(lambda: self._take_all(deferred))

    def _take_all(self, requests: deque[tuple[PeerLink, Forward]]) -> None:
        for link, forward in requests:
            self._take(link, forward)

    def release(self, proxy: ProxySession, synced_offset: int) -> None:
        """Send replies whose log offset is durable now."""
        while proxy.held and proxy.held[0][0] <= synced_offset:
            reply = proxy.held.popleft()[1]
            proxy.held_bytes -= len(reply)
            expected = proxy.addressed.popleft()
            self._answer(expected.link, expected.number, EXECUTED, reply)
        if proxy.is_idle:
            self._retire(proxy)

    def _go_on(self, proxy: ProxySession) -> None:
        """Execute what waited for earlier requests of the client."""
        while proxy.deferred and not proxy.is_at_work:
            link, forward = proxy.deferred.popleft()
            self._begin(proxy, link, forward)
            if proxy.expected and self._executor.is_late():
                break  # its end of the tick asks for the next one

    def _retire(self, proxy: ProxySession) -> None:
        """Use a proxy for somebody else, if nothing of its client is left."""
        if not proxy.is_idle or proxy.client is None:
            return
        del self._by_client[proxy.client]
        proxy.client = None
        if len(self._idle) < IDLE_MAX:
            self._idle.append(proxy)

    def _answer(self, link: PeerLink, number: int, status: int, reply: bytes) -> None:
        if len(reply) > FRAME_BYTES_MAX - OVERHEAD_BYTES:
            reply = error(reply_too_long(len(reply)))
        link.send(ForwardReply(number, status, reply, self._routing.epoch))
