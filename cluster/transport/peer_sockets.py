"""All links of a node, driven by the reactor.

The reactor asks `handles(number)` for each socket that is ready and calls `on_ready`; at the end
of the tick it calls `flush`. So per tick a link costs one read, all messages of it are handed
over at once, and everything that was said to a peer leaves in one send. Nothing here waits.

Each node keeps its own link to whom it sends: `send(endpoint, message)` uses, or opens, the
outgoing link to that endpoint. Answers go back over the link that the question came on
(`Link.send`), whoever opened it.

Invariants
* A connection is closed only in `flush`, at the end of a tick: its number may be given out again
  at once, and readiness that was reported for the old one must not reach the new one.
* An owner's callback may send: whether a link still is what it was is looked at after it.
* What a stranger sends is counted and dropped. Before it has proved itself a connection holds at
  most a frame of 4 KB, lives 5 s, and makes room for younger ones when there are too many.
* `deadline()` is a lower bound: it may be too early, never too late.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from random import Random

from cluster.identity import Endpoint
from cluster.transport.dialling import Dial
from cluster.transport.door import Door
from cluster.transport.link import Link, LinkState
from cluster.transport.link_core import LinkCore
from cluster.transport.link_timers import Duty, LinkTimers
from cluster.transport.network import NumericNames, SocketNetwork
from cluster.transport.options import TransportOptions
from cluster.transport.poller import (
    READABLE,
    WRITABLE,
    Connection,
    Names,
    Network,
    PeerListener,
    Poller,
)
from cluster.transport.refusals import Refusals
from cluster.transport.statistics import LinkView, PeerStatistics
from cluster.transport.tls import TlsContexts, TlsSession
from cluster.transport.traffic import Traffic
from cluster.wire.handshake import Handshake, Refusal
from cluster.wire.hello import CHALLENGE_BYTES, PeerIdentity
from cluster.wire.messages import PeerMessage

logger = logging.getLogger(__name__)


class PeerSockets:
    """The links of a node.

    Args:
        poller: where sockets are registered; the reactor's `Io`.
        identity: what this node says of itself; may be replaced, which holds for later links.
        rng: for challenges (give it `random.SystemRandom`) and for jitter.
        monotonic: seconds of a clock that never goes back.
        wall_ms: Unix milliseconds, for the time of creation that CLUSTER LINKS shows.
        listener: where peers connect; None for a node that only connects.
        network: how connections are made; TCP by default.
        names: finds addresses of hosts that are names; by default there are none.

    Attributes (callbacks that the owner sets):
        on_message: a message has come.
        on_link_up: the other side of a link has proved itself.
        on_link_down: a link that was up has ended, for a reason.
        on_dial_failed: an endpoint could not be reached, for a reason.
        on_earlier_deadline: `deadline()` is earlier now than it was.
    """

    def __init__(
        self,
        poller: Poller,
        identity: PeerIdentity,
        options: TransportOptions,
        *,
        secret: bytes,
        rng: Random,
        monotonic: Callable[[], float],
        wall_ms: Callable[[], int],
        listener: PeerListener | None = None,
        network: Network | None = None,
        names: Names | None = None,
        tls: TlsContexts | None = None,
    ) -> None:
        options.validate()
        identity.validate()
        self._poller = poller
        self.identity = identity
        self._options = options
        self._secret = secret
        self._rng = rng
        self._monotonic = monotonic
        self._wall_ms = wall_ms
        self._network: Network = SocketNetwork() if network is None else network
        self._names: Names = NumericNames() if names is None else names
        self._tls = tls
        self._door: Door | None = None
        self.on_message: Callable[[Link, PeerMessage], None] = lambda link, message: None
        self.on_link_up: Callable[[Link], None] = lambda link: None
        self.on_link_down: Callable[[Link, str], None] = lambda link, reason: None
        self.on_dial_failed: Callable[[Endpoint, str], None] = lambda endpoint, reason: None
        self.on_earlier_deadline: Callable[[], None] = lambda: None

        self._dials: dict[Endpoint, Dial] = {}
        self._outgoing: dict[Endpoint, Link] = {}
        self._by_number: dict[int, Link] = {}
        #: Accepted and not proved yet, oldest first.
        self._pending: dict[Link, None] = {}
        self._dirty: list[Link] = []
        self._closing: list[Link] = []
        self._timers = LinkTimers(options)
        self._refusals = Refusals(options.log_interval_s)
        self._traffic = Traffic()
        if listener is not None:
            self.listen(listener)

    # --- sending ---

    def send(self, endpoint: Endpoint, message: PeerMessage) -> bool:
        """Queue a message on the outgoing link to an endpoint, which is opened if need be.

        False: the message is dropped, since the queue is full or the endpoint has failed lately.
        True is no promise: the connection may fail before the message is sent.
        """
        link = self._outgoing.get(endpoint)
        if link is None:
            link = self._dial(endpoint)
            if link is None:
                self._traffic.dropped += 1
                return False
        return link.send(message)

    def _touch(self, link: Link, message: PeerMessage | None) -> None:
        """A message was queued on a link, or (None) dropped."""
        if message is None:
            self._traffic.dropped += 1
            return
        kind = type(message)
        counts = self._traffic.messages_out
        counts[kind] = counts.get(kind, 0) + 1
        link.is_used = True
        self._mark_dirty(link)

    def _mark_dirty(self, link: Link) -> None:
        if not link.is_dirty:
            link.is_dirty = True
            self._dirty.append(link)

    def flush(self) -> None:
        """Send what is queued, one send per link, and close what has ended."""
        while self._dirty:
            dirty, self._dirty = self._dirty, []
            now = self._monotonic()
            for link in dirty:
                link.is_dirty = False
                # What the kernel did not take goes on when the socket is writable again.
                if not link.is_writing and not link.is_closing:
                    self._transmit(link, now)
        if self._closing:
            self._close_now()

    def _transmit(self, link: Link, now: float) -> None:
        try:
            sent = link.transmit(self._poller, self._options.send_bytes)
        except OSError as failure:
            self._end(link, f"write failed: {failure.strerror}", now)
            return
        if sent:
            self._traffic.bytes_out += sent
            link.sent_at = now

    # --- the reactor's side ---

    def listen(self, listener: PeerListener) -> None:
        """Take connections of peers from now on."""
        assert self._door is None, "listens already"
        self._door = Door(listener, self._poller, self._options)

    def handles(self, number: int) -> bool:
        """Return whether a socket is one of ours."""
        if number in self._by_number:
            return True
        return self._door is not None and number == self._door.number

    def on_ready(self, number: int, events: int) -> None:
        """Read, send, connect or accept, whatever the socket is ready for."""
        now = self._monotonic()
        link = self._by_number.get(number)
        if link is None:
            if self._door is not None and number == self._door.number:
                self._accept(self._door, now)
            return
        if link.is_closing:
            return
        if link.state is LinkState.CONNECTING:
            self._connected(link, now)
            return
        if events & WRITABLE:
            self._transmit(link, now)
        if events & ~WRITABLE and link.connection is not None:
            self._read(link, link.connection, now)

    def _read(self, link: Link, connection: Connection, now: float) -> None:
        options = self._options
        size = link.read_bytes
        try:
            data = connection.recv(size)
        except BlockingIOError:
            return
        except OSError as failure:
            self._end(link, f"read failed: {failure.strerror}", now)
            return
        if not data:
            self._end(link, "closed by the peer", now)
            return
        self._traffic.bytes_in += len(data)
        link.heard_at = now
        # A small buffer is cheap to get; who fills it is given the large one.
        link.read_bytes = options.read_bytes_max if len(data) == size else options.read_bytes
        core = link.core
        messages = core.receive(data)
        if link.state is LinkState.GREETING:
            if core.has_output:
                self._mark_dirty(link)
            if core.is_up:
                self._come_up(link, now)
        if messages:
            self._deliver(link, messages)
        if core.failure and not link.is_closing:
            self._refuse(link, core.failure, core.detail, now)

    def _deliver(self, link: Link, messages: list[PeerMessage]) -> None:
        counts = self._traffic.messages_in
        on_message = self.on_message
        link.is_used = True
        for message in messages:
            if link.is_closing:
                return
            kind = type(message)
            counts[kind] = counts.get(kind, 0) + 1
            on_message(link, message)

    def _accept(self, door: Door, now: float) -> None:
        options = self._options
        for connection, address in door.accept():
            self._traffic.accepted += 1
            link = Link(self._core(is_outgoing=False), dial=None, touch=self._touch)
            link.address = address
            self._attach(link, connection, READABLE, now)
            self._greet(link, now)
            self._pending[link] = None
            if len(self._by_number) > options.links_max:
                self._turn_away(link, now)
            elif len(self._pending) > options.pending_max:
                self._turn_away(next(iter(self._pending)), now)
        if door.is_resting:
            self._wake_at(now + options.accept_pause_s)

    def _turn_away(self, link: Link, now: float) -> None:
        link.core.refuse(Refusal.TOO_MANY)
        self._refuse(link, Refusal.TOO_MANY.value, "", now)

    # --- connecting ---

    def _core(self, *, is_outgoing: bool) -> LinkCore:
        challenge = self._rng.getrandbits(8 * CHALLENGE_BYTES).to_bytes(CHALLENGE_BYTES, "big")
        return LinkCore(
            Handshake(self.identity, self._secret, is_outgoing=is_outgoing, challenge=challenge),
            tls=None if self._tls is None else TlsSession(self._tls, is_outgoing=is_outgoing),
            queue_bytes_max=self._options.queue_bytes_max,
        )

    def _dial(self, endpoint: Endpoint) -> Link | None:
        """Begin to connect; None while the endpoint rests after a failure, or at `links_max`."""
        if len(self._outgoing) >= self._options.links_max:
            return None
        now = self._monotonic()
        dial = self._dials.get(endpoint)
        if dial is None:
            dial = self._dials[endpoint] = Dial(endpoint, self._options, self._rng)
        if not dial.may_try(now):
            dial.is_wanted = True
            self._wake_at(dial.retry_at)
            return None
        dial.is_wanted = False
        self._traffic.dialled += 1
        link = Link(self._core(is_outgoing=True), dial=dial, touch=self._touch)
        link.expires_at = now + self._options.connect_timeout_s
        self._outgoing[endpoint] = link
        self._wake_at(link.expires_at)
        self._connect(link, now)
        return link

    def _connect(self, link: Link, now: float) -> None:
        """Connect once the address of the host is known."""
        dial = link.dial
        assert dial is not None, "an accepted link has nothing to connect to"
        addresses = self._names.find(dial.endpoint.host)
        if addresses is None:
            self._wake_at(now + self._options.check_interval_s)
            return
        link.state = LinkState.CONNECTING
        if not addresses:
            self._fail_soon(link, "its host has no address", now)
            return
        link.address = addresses[dial.failures % len(addresses)]
        try:
            connection = self._network.dial(link.address, dial.endpoint.port)
        except OSError as failure:
            self._fail_soon(link, failure.strerror or "failed", now)
            return
        self._attach(link, connection, WRITABLE, now)

    def _fail_soon(self, link: Link, reason: str, now: float) -> None:
        """Let an attempt fail at the next look at the timers: its caller still uses the link."""
        link.reason = reason
        link.expires_at = now
        self._wake_at(now)

    def _attach(self, link: Link, connection: Connection, events: int, now: float) -> None:
        link.connection = connection
        link.number = connection.fileno()
        link.read_bytes = self._options.read_bytes
        link.heard_at = link.sent_at = link.used_at = now
        self._by_number[link.number] = link
        self._poller.register(link.number, events)

    def _connected(self, link: Link, now: float) -> None:
        assert link.connection is not None, "reported without a connection"
        failure = self._network.dial_failure(link.connection)
        if failure:
            self._end(link, failure, now)
            return
        self._poller.modify(link.number, READABLE)
        self._greet(link, now)
        self._mark_dirty(link)

    def _greet(self, link: Link, now: float) -> None:
        link.state = LinkState.GREETING
        link.expires_at = now + self._options.handshake_timeout_s
        self._wake_at(link.expires_at)

    def _come_up(self, link: Link, now: float) -> None:
        peer = link.core.peer
        assert peer is not None, "up without a peer"
        link.state = LinkState.UP
        link.node, link.endpoint = peer.node, peer.endpoint
        link.created_ms = self._wall_ms()
        link.up_at = link.used_at = now
        self._pending.pop(link, None)
        self._wake_at(now + self._options.keepalive_s)
        dial = self._dials.get(peer.endpoint)
        if dial is not None and not link.is_outgoing:
            dial.hear_of(now)
            if dial.is_wanted:
                self._wake_at(now)
        if link.core.has_output:
            self._mark_dirty(link)
        self.on_link_up(link)

    # --- ending ---

    def _refuse(self, link: Link, reason: str, detail: str, now: float) -> None:
        """Count and log why a link does not come to be or is cut, and end it."""
        count = self._refusals.count(reason, now)
        text = f"{reason} ({detail})" if detail else reason
        if count:
            other = f"to {link.endpoint}" if link.is_outgoing else f"from {link.address}"
            said = "Link %s refused: %s; %d since this was last said"
            logger.warning(said, other, text, count)
        self._end(link, f"refused: {text}", now)

    def _end(self, link: Link, reason: str, now: float, *, is_wish: bool = False) -> None:
        """Take a link out of use; its connection is closed at the end of the tick.

        `is_wish`: it is this node that wants it no more, so its endpoint need not rest.
        """
        if link.is_closing:
            return
        was_up = link.state is LinkState.UP
        link.state = LinkState.CLOSING
        link.reason = reason
        self._closing.append(link)
        self._pending.pop(link, None)
        self._traffic.dropped += link.core.queued
        if was_up:
            self._traffic.lost += 1
        dial = link.dial
        if dial is not None:
            del self._outgoing[dial.endpoint]
            if is_wish:
                del self._dials[dial.endpoint]
            else:
                dial.fail(now, up_s=now - link.up_at if was_up else 0.0)
                self._traffic.dial_failures += not was_up
                self._wake_at(dial.look_at())
        level = logging.INFO if was_up else logging.DEBUG
        logger.log(level, "Link to %s (%s) ended: %s", link.endpoint, link.address, reason)
        if was_up:
            self.on_link_down(link, reason)
        elif dial is not None:
            self.on_dial_failed(dial.endpoint, reason)

    def _close_now(self) -> None:
        closing, self._closing = self._closing, []
        for link in closing:
            if link.connection is not None:
                del self._by_number[link.number]
                link.close(self._poller)

    def renew(self, identity: PeerIdentity) -> None:
        """Go on as another node: all links end, since they were the former one's; then flush."""
        identity.validate()
        self.identity = identity
        self._end_all("this node has another id now")

    def _end_all(self, reason: str) -> None:
        now = self._monotonic()
        for link in self._all_links():
            self._end(link, reason, now, is_wish=True)

    def close(self) -> None:
        """Send what the kernel still takes, then close everything; nobody is told."""
        self.on_link_down = lambda link, reason: None
        self.on_dial_failed = lambda endpoint, reason: None
        self.flush()
        self._end_all("this node is stopping")
        self._close_now()
        if self._door is not None:
            self._door.close()
            self._door = None

    # --- time ---

    def deadline(self) -> float | None:
        """Return when `on_deadline` wants to be called; None: nothing is waited for."""
        return self._timers.due

    def on_deadline(self, now: float) -> None:
        """Let time pass; `flush` afterwards. Calling it early does nothing."""
        timers = self._timers
        if timers.due is None or now < timers.due:
            return
        timers.begin(now)
        if self._door is not None:
            self._door.resume()
        for link in self._all_links():
            self._look_after(link, timers.judge(link, now), now)
        for dial in list(self._dials.values()):
            if dial.endpoint in self._outgoing:
                continue
            if dial.is_wanted and dial.may_try(now):
                self._dial(dial.endpoint)
            elif dial.is_forgettable(now):
                del self._dials[dial.endpoint]
            else:
                timers.wake_at(dial.look_at())

    def _wake_at(self, when: float) -> None:
        if self._timers.wake_at(when):
            self.on_earlier_deadline()

    def _look_after(self, link: Link, duty: Duty, now: float) -> None:
        if duty is Duty.NAME:
            self._connect(link, now)
        elif duty is Duty.GIVE_UP:
            if link.state is LinkState.GREETING:
                link.core.refuse(Refusal.TIMEOUT)
                self._refuse(link, Refusal.TIMEOUT.value, "", now)
            else:
                self._end(link, link.reason or "timed out", now)
        elif duty is Duty.KEEP_ALIVE:
            link.core.queue_keepalive()
            self._mark_dirty(link)
        elif duty is Duty.END_SILENT:
            self._end(link, "silent for too long", now)
        elif duty is Duty.END_IDLE:
            self._end(link, "not used for long", now, is_wish=True)

    # --- what there is ---

    def links(self) -> Sequence[LinkView]:
        """Return the links that are up, for CLUSTER LINKS."""
        return [link.view() for link in self._by_number.values() if link.is_up]

    def statistics(self) -> PeerStatistics:
        """Return the counters since the start and what there is now."""
        resting = sum(endpoint not in self._outgoing for endpoint in self._dials)
        return self._traffic.statistics(
            self._all_links(), failed_endpoints=resting, refused=self._refusals.counts()
        )

    def _all_links(self) -> list[Link]:
        unconnected = [link for link in self._outgoing.values() if link.connection is None]
        return [*self._by_number.values(), *unconnected]
