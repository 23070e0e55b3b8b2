"""Datagrams between nodes: sealed, counted, and read in a task of their own.

Gossip is small and may be lost, so sending never waits: what the kernel does not take, or has no
address yet, is dropped and counted. What arrives is opened (see `cluster.wire.seal`); what can't
be opened is counted by reason and logged once a minute, and nobody is answered.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable

import trio

from cluster.identity import Endpoint
from cluster.transport.network import NumericNames, family_of
from cluster.transport.options import TransportOptions
from cluster.transport.poller import Names
from cluster.transport.refusals import Refusals
from cluster.transport.statistics import DatagramStatistics
from cluster.wire.hello import PeerIdentity
from cluster.wire.messages import WireError
from cluster.wire.seal import Opener, Sealer, seal_key

logger = logging.getLogger(__name__)

#: No datagram of UDP is longer.
_DATAGRAM_BYTES_MAX = 1 << 16


def bind_datagrams(address: str, port: int) -> socket.socket:
    """Return a non-blocking UDP socket bound to a numeric address. Raises OSError."""
    bound = socket.socket(family_of(address), socket.SOCK_DGRAM)
    try:
        if bound.family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind((address, port))
        bound.setblocking(False)
    except BaseException:
        bound.close()
        raise
    return bound


class Datagrams:
    """The datagrams of one node; owns its socket.

    Args:
        bound: a non-blocking UDP socket.
        monotonic: seconds of a clock that never goes back, for the log.
        names: finds addresses of hosts that are names; by default there are none.

    Attributes:
        on_datagram: called with the source address and the payload; set by the owner.
    """

    def __init__(
        self,
        bound: socket.socket,
        identity: PeerIdentity,
        options: TransportOptions,
        *,
        secret: bytes,
        monotonic: Callable[[], float],
        names: Names | None = None,
    ) -> None:
        options.validate()
        self._key = seal_key(identity.cluster_name, secret)
        self._socket = bound
        self._options = options
        self._monotonic = monotonic
        self._names: Names = NumericNames() if names is None else names
        self._sealer = Sealer(self._key, identity.node, identity.boot)
        self._opener = Opener(self._key, identity.node)
        self.on_datagram: Callable[[Endpoint, bytes], None] = lambda source, payload: None
        self._refusals = Refusals(options.log_interval_s)
        self._sent = self._received = self._bytes_out = self._bytes_in = self._dropped = 0

    def renew(self, identity: PeerIdentity) -> None:
        """Go on as this node, which may be another one, or another life of it."""
        self._sealer = Sealer(self._key, identity.node, identity.boot)
        self._opener = Opener(self._key, identity.node)

    def send(self, endpoint: Endpoint, payload: bytes) -> bool:
        """Send a payload at once; False: it is dropped."""
        addresses = self._names.find(endpoint.host)
        if not addresses:
            self._dropped += 1
            return False
        sealed = self._sealer.seal(payload)
        try:
            self._socket.sendto(sealed, (addresses[0], endpoint.port))
        except OSError as failure:
            # Full buffers, no route, or the port unreachable that an earlier one met.
            logger.debug("A datagram to %s was dropped: %s", endpoint, failure)
            self._dropped += 1
            return False
        self._sent += 1
        self._bytes_out += len(sealed)
        return True

    async def run(self) -> None:
        """Receive until cancelled; a cancellation loses nothing that was taken from the socket."""
        while True:
            await trio.lowlevel.wait_readable(self._socket)
            self.receive()

    def receive(self) -> None:
        """Take what has arrived, a bounded number at a time, and hand on what can be opened."""
        for _ in range(self._options.receives_max):
            try:
                data, source = self._socket.recvfrom(_DATAGRAM_BYTES_MAX)
            except BlockingIOError:
                return
            except OSError as failure:  # an error that belongs to a datagram sent before
                logger.debug("Receiving a datagram failed: %s", failure)
                continue
            self.accept(Endpoint(source[0], source[1]), data)

    def accept(self, source: Endpoint, data: bytes) -> None:
        """Open one datagram and hand its payload on, or count why not."""
        self._bytes_in += len(data)
        try:
            opened = self._opener.open(data)
        except WireError as refusal:
            self._refuse(source, refusal.reason)
            return
        self._received += 1
        self.on_datagram(source, opened.payload)

    def _refuse(self, source: Endpoint, reason: str) -> None:
        count = self._refusals.count(reason, self._monotonic())
        if count:
            said = "Datagram from %s refused: %s; %d since this was last said"
            logger.warning(said, source, reason, count)

    def statistics(self) -> DatagramStatistics:
        """Return the counters since the start."""
        return DatagramStatistics(
            sent=self._sent,
            received=self._received,
            bytes_out=self._bytes_out,
            bytes_in=self._bytes_in,
            dropped=self._dropped,
            refused=self._refusals.counts(),
        )

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
