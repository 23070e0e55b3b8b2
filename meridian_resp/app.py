"""The composition root: builds every part and nests their nurseries.

    run
    └─ storage nursery        the engine: log syncs, flushes, compaction, worker processes
       └─ cluster nursery     with `cluster-enabled`: control plane, journal, gossip
          └─ server nursery   the node: reactor, expiry, long commands; HTTP endpoint; signals

The outermost closes last: on SIGTERM, SIGINT or SHUTDOWN no more connections are accepted, the
tick in hand is finished, the server nursery is cancelled, clients take their replies (for at most
`shutdown-timeout`), the other nodes are told, then the engine syncs its log and closes, then the
process exits with 0. A second signal ends the process at once.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import random
import resource
import signal
import sys

import trio

from cluster import ClusterError
from cluster.assembly import open_node
from meridian_resp import REDIS_VERSION, __version__
from meridian_resp.commands import build_table
from meridian_resp.commands.registry import CommandTable
from meridian_resp.config.cluster_options import cluster_options
from meridian_resp.config.settings import Settings
from meridian_resp.config.storage_options import storage_options
from meridian_resp.server.cluster_serving import ClusterServing
from meridian_resp.server.http_wiring import serve_http
from meridian_resp.server.io import Io, SystemIo, listen_tcp, listen_unix
from meridian_resp.server.logs import set_up_logging
from meridian_resp.server.node import Node
from storage import StorageError
from storage.engine import Engine

logger = logging.getLogger("meridian")

#: Young collections only: the data is kept in objects the collector never visits, and a full
#: collection over a large heap would stop all clients for its length. 1000 objects, because each
#: may be a block of forty keys: collections of 5000 took 7 to 11 ms beside KEYS (2026-11-25).
_GC_THRESHOLDS = (1000, 4, 1_000_000)
#: How long a thread that opens tables or syncs files may keep the reactor waiting for the
#: interpreter's lock; Python's own 5 ms would be a pause that clients notice.
_SWITCH_INTERVAL_S = 0.0005
_DESCRIPTORS_RESERVED = 512


def main(settings: Settings) -> int:
    """Serve until told to stop; the process's exit code."""
    try:
        set_up_logging(settings)
    except OSError as failure:
        sys.stderr.write(f"meridian: logfile {settings.logfile!r} can't be opened: {failure}\n")
        return 1
    try:
        table = _command_table(settings)
    except ValueError as failure:
        logger.critical("Meridian can't run: rename-command: %s", failure)
        return 1
    _raise_descriptor_limit(settings.maxclients)
    code = 1
    try:
        code = trio.run(run, settings, table)
    except* (StorageError, OSError, ClusterError) as group:
        _say_why(group)
    return code


def _say_why(failure: BaseException) -> None:
    """Name the innermost cause without a traceback: it is the world's fault, not ours."""
    if isinstance(failure, BaseExceptionGroup):
        for inner in failure.exceptions:
            _say_why(inner)
    else:
        logger.critical("Meridian can't run: %s", failure)


def _command_table(settings: Settings) -> CommandTable:
    """The commands under the names that the settings give them. Raises ValueError."""
    table = build_table()
    for rename in settings.rename_command:
        table.rename(rename.old, rename.new)
    return table


async def run(settings: Settings, table: CommandTable) -> int:
    """Open the engine, serve, close; the exit code."""
    _introduce(settings)
    engine = Engine(storage_options(settings))
    async with trio.open_nursery() as storage_nursery:
        await storage_nursery.start(engine.run)
        opened = engine.statistics()
        if opened.recovered_batches:
            logger.info(
                "Replayed %d batches of the log in %.1f s",
                opened.recovered_batches,
                opened.recovery_seconds,
            )
        io = SystemIo()
        try:
            await _serve(engine, io, settings, table)
        finally:
            io.close()
        storage_nursery.cancel_scope.cancel()
    logger.info("The log is synced and closed. Bye.")
    return 0


async def _serve(engine: Engine, io: Io, settings: Settings, table: CommandTable) -> None:
    """Run the node on an open engine, in a cluster or not, until something ends it."""
    node = Node(engine, io, settings, table, random.Random())
    node.open()
    if not settings.cluster_enabled:
        await _serve_clients(node, settings, None)
        return
    serving = ClusterServing(node)
    cluster, peers = await open_node(cluster_options(settings), io, serving.data)
    async with trio.open_nursery() as cluster_nursery:
        serving.attach(cluster, peers)
        await cluster_nursery.start(cluster.run)
        await _serve_clients(node, settings, serving)
        await cluster.leave()
        cluster_nursery.cancel_scope.cancel()


async def _serve_clients(node: Node, settings: Settings, serving: ClusterServing | None) -> None:
    """Serve clients until a signal or SHUTDOWN, then let them take their replies."""
    async with trio.open_nursery() as server_nursery:
        stop = server_nursery.cancel_scope
        node.on_shutdown = lambda save: stop.cancel()
        try:
            # Before anybody can connect: a signal must end a server that answers gracefully.
            await server_nursery.start(_stop_on_signal, stop)
            _listen(node, settings)
            gc.collect()
            gc.freeze()
            gc.set_threshold(*_GC_THRESHOLDS)
            sys.setswitchinterval(_SWITCH_INTERVAL_S)
            await server_nursery.start(node.run)
            if serving is not None:
                server_nursery.start_soon(serving.run)
            if settings.http_port:
                await server_nursery.start(serve_http, node)
            _greet(settings)
        except BaseException:
            stop.cancel()
            raise
    node.reactor.listeners.remove_all()
    if serving is not None:
        serving.stop()
    await _drain(node, settings)
    node.reactor.close_all()
    if settings.unixsocket:
        with contextlib.suppress(FileNotFoundError):  # somebody may have cleaned up
            os.unlink(settings.unixsocket)


async def _drain(node: Node, settings: Settings) -> None:
    """Let clients take what they were answered, for at most `shutdown-timeout`."""
    with trio.move_on_after(settings.shutdown_timeout_s) as limit:
        try:
            await node.reactor.drain()
        except StorageError as failure:
            logger.error("The log could not be synced, replies are lost: %s", failure)
    if limit.cancelled_caught:
        logger.warning("Some clients did not take their replies within shutdown-timeout")


def _listen(node: Node, settings: Settings) -> None:
    """Open all client listeners. Raises OSError with the address in its text."""
    opened = 0
    for written in settings.bind if settings.port else ():
        host = written.removeprefix("-")
        host = {"*": "0.0.0.0", "::*": "::"}.get(host, host)
        try:
            listener = listen_tcp(
                host,
                settings.port,
                backlog=settings.tcp_backlog,
                keepalive_s=lambda: settings.tcp_keepalive_s,
            )
        except OSError as failure:
            if written.startswith("-"):
                continue
            reason = failure.strerror or str(failure)
            raise OSError(
                f"can't listen on {host} port {settings.port}: {reason}; --port chooses another"
            ) from None
        node.reactor.listeners.add(listener)
        opened += 1
    if settings.unixsocket:
        mode, backlog = settings.unixsocketperm, settings.tcp_backlog
        node.reactor.listeners.add(listen_unix(settings.unixsocket, mode=mode, backlog=backlog))
        opened += 1
    if not opened:
        raise OSError("nothing to listen on: set port, or unixsocket")


def _introduce(settings: Settings) -> None:
    """Before the log is replayed, which may take a while."""
    logger.info(
        "Meridian %s (speaks Redis %s), Python %s, process %d",
        __version__, REDIS_VERSION, sys.version.split()[0], os.getpid(),
    )  # fmt: skip
    logger.info("Data directory: %s", os.path.abspath(settings.dir))


def _greet(settings: Settings) -> None:
    host = settings.bind[0].removeprefix("-") if settings.bind else "127.0.0.1"
    if settings.http_port:
        logger.info("Metrics and status: http://%s:%d/status", host, settings.http_port)
    for warning in settings.start_warnings:
        logger.warning("%s", warning)
    if settings.unixsocket:
        logger.info("Ready. Connect with: redis-cli -s %s", settings.unixsocket)
    if settings.port:
        logger.info("Ready. Connect with: redis-cli -h %s -p %d", host, settings.port)


async def _stop_on_signal(
    stop: trio.CancelScope, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Turn the first SIGTERM or SIGINT into a graceful stop."""
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        task_status.started()
        async for number in signals:
            logger.info("Stopping on %s", signal.Signals(number).name)
            stop.cancel()
            return


def _raise_descriptor_limit(maxclients: int) -> None:
    """Allow as many open files as the client limit asks for, as far as we may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = maxclients + _DESCRIPTORS_RESERVED
    if soft < wanted:
        allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, allowed), hard))
        if allowed < wanted:
            logger.warning(
                "maxclients is %d but only %d files may be open: raise the limit (ulimit -n)",
                maxclients, allowed,
            )  # fmt: skip
