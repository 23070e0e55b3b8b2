"""Put the node of a running server together: real disk, sockets, threads and chance.

The order matters: sockets first, so that a port in use is told before anything is written; then
the state, which begins a life; then the parts that speak of it.
"""

from __future__ import annotations

import logging
import random
import socket
from collections.abc import Callable, Sequence
from random import Random
from typing import Protocol

from cluster.control.data_port import DataPort
from cluster.control.plane import ControlPlane
from cluster.identity import Endpoint
from cluster.journal.records import Record
from cluster.journal.state_directory import OpenedState, cluster_files, open_state, renew_state
from cluster.membership.membership_table import MembershipTable
from cluster.node import ClusterNode, NodeParts, peer_identity
from cluster.options import ClusterOptions
from cluster.transport.datagrams import Datagrams, bind_datagrams
from cluster.transport.names import NameCache
from cluster.transport.network import SocketListener, listen
from cluster.transport.peer_sockets import PeerSockets
from cluster.transport.poller import Poller
from cluster.transport.tls import TlsContexts, load_tls
from cluster.wire.hello import PeerIdentity
from storage.blocking import run_in_thread
from storage.files import FileSystem

logger = logging.getLogger(__name__)


class NodeIo(Poller, Protocol):
    """What a node needs of the reactor's `Io`."""

    def monotonic(self) -> float:
        """Seconds of a clock that never goes back."""

    def wall_ms(self) -> int:
        """Unix milliseconds."""

    def wake(self) -> None:
        """Let the reactor begin a tick."""


async def open_node(
    options: ClusterOptions, io: NodeIo, data: DataPort
) -> tuple[ClusterNode, PeerSockets]:
    """Open the state of a node and its sockets; `ClusterNode.run` closes them.

    The second value is for the reactor, which reads the links.

    Raises:
        ClusterError: the options do not fit together, or a record can't be read.
        OSError: a port, a TLS file or the disk refuses.
        StorageError: the state is damaged.
    """
    options.validate()
    listener, bound = _open_sockets(options.listening)
    try:
        tls = _tls(options)
        files = await run_in_thread(cluster_files, options.data_directory)
        chance = Random(random.SystemRandom().getrandbits(128))
        state = await run_in_thread(open_state, files, chance)
    except BaseException:
        listener.close()
        bound.close()
        raise
    if state.journal.torn_bytes:
        logger.info("The last write to the cluster's journal was cut off and is forgotten")
    names = NameCache(io.monotonic)
    identity = peer_identity(options, state)
    peers = PeerSockets(
        io,
        identity,
        options.transport,
        secret=options.secret,
        rng=random.SystemRandom(),
        monotonic=io.monotonic,
        wall_ms=io.wall_ms,
        listener=listener,
        names=names,
        tls=tls,
    )
    datagrams = _datagrams(options, bound, identity, io=io, names=names)
    parts = NodeParts(
        make_plane=_plane_maker(options, io, data, chance=chance),
        renew=_renewer(files, chance),
        peers=peers,
        datagrams=datagrams,
        table=MembershipTable(files.directory),
        background=(names.run,),
        monotonic=io.monotonic,
        wall_ms=io.wall_ms,
        wake=io.wake,
        run_blocking=run_in_thread,
    )
    try:
        return ClusterNode(options, state, parts), peers
    except BaseException:
        peers.close()
        datagrams.close()
        state.journal.close()
        raise


def _open_sockets(listening: Endpoint) -> tuple[SocketListener, socket.socket]:
    """Listen for links and datagrams. Raises OSError with the address in its text."""
    host, port = listening.host, listening.port
    try:
        listener = listen(host, port)
        try:
            return listener, bind_datagrams(host, port)
        except BaseException:
            listener.close()
            raise
    except OSError as failure:
        reason = failure.strerror or str(failure)
        text = f"can't listen for other nodes on {host} port {port}: {reason}"
        raise OSError(failure.errno, text) from None


def _datagrams(
    options: ClusterOptions,
    bound: socket.socket,
    identity: PeerIdentity,
    *,
    io: NodeIo,
    names: NameCache,
) -> Datagrams:
    return Datagrams(
        bound,
        identity,
        options.transport,
        secret=options.secret,
        monotonic=io.monotonic,
        names=names,
    )


def _tls(options: ClusterOptions) -> TlsContexts | None:
    files = options.tls
    if files is None:
        return None
    return load_tls(certificate=files.certificate, key=files.key, authority=files.authority)


def _plane_maker(
    options: ClusterOptions, io: NodeIo, data: DataPort, *, chance: Random
) -> Callable[[OpenedState], ControlPlane]:
    def make(state: OpenedState) -> ControlPlane:
        return ControlPlane(
            identity=state.identity,
            endpoint=options.announced,
            facts=options.facts,
            recovered=state.records,
            options=options.control,
            data=data,
            rng=Random(chance.getrandbits(128)),
            now=io.monotonic(),
        )

    return make


def _renewer(files: FileSystem, chance: Random) -> Callable[[Sequence[Record]], OpenedState]:
    def renew(records: Sequence[Record]) -> OpenedState:
        return renew_state(files, records, chance)

    return renew
