"""A node on real sockets, a real disk and real threads, driven by a loop like the reactor's."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import pytest
import trio
from attrs import evolve, frozen

from cluster.assembly import open_node
from cluster.control.options import SEAL_BYTES, ControlOptions
from cluster.control.requests import Form, Meet, Reset
from cluster.errors import ClusterError, ClusterStopped
from cluster.identity import Endpoint
from cluster.journal.records import Record, RecordKind
from cluster.journal.state_directory import cluster_files, open_state
from cluster.map.values import ClusterMap
from cluster.membership.options import SwimOptions
from cluster.node import ClusterNode
from cluster.options import ClusterOptions, TlsFiles
from cluster.slots import SlotSet
from cluster.transport.datagrams import bind_datagrams
from cluster.transport.network import listen
from cluster.transport.peer_sockets import PeerSockets
from meridian_resp.server.io import SystemIo
from storage.errors import StorageError

HOST = "127.0.0.1"
PATIENCE_S = 30.0


@frozen
class NoData:
    """A node without a key."""

    def count_keys(self, slots: SlotSet) -> int:
        """None."""
        return 0

    def holds_keys(self) -> bool:
        """Not one."""
        return False

    def hold_writes(self, slots: SlotSet, epoch: int) -> None:
        """Nobody writes."""


def options_for(directory: Path) -> ClusterOptions:
    """Options of a node at a free port."""
    with contextlib.closing(listen(HOST, 0)) as probe:
        endpoint = Endpoint(HOST, probe.port)
    swim = SwimOptions(probe_interval_s=0.2, probe_timeout_s=0.1, packet_reserve_bytes=SEAL_BYTES)
    return ClusterOptions(
        data_directory=str(directory),
        listening=endpoint,
        announced=endpoint,
        control=ControlOptions(swim=swim),
    )


async def drive(io: SystemIo, peers: PeerSockets) -> None:
    """What the reactor does for links."""
    while True:
        await io.wait()
        for number, events in io.poll():
            if peers.handles(number):
                peers.on_ready(number, events)
        peers.flush()


@asynccontextmanager
async def running(options: ClusterOptions) -> AsyncIterator[ClusterNode]:
    """A node that runs."""
    with contextlib.closing(SystemIo()) as io:
        node, peers = await open_node(options, io, NoData())
        async with trio.open_nursery() as nursery:
            await nursery.start(node.run)
            nursery.start_soon(drive, io, peers)
            try:
                yield node
            finally:
                nursery.cancel_scope.cancel()


async def wait_map(node: ClusterNode, is_wanted: Callable[[ClusterMap], bool]) -> None:
    """Return when the node has a map like that."""
    changed = trio.Event()
    node.on_map_changed = lambda newer: changed.set()
    while (held := node.map()) is None or not is_wanted(held):
        await changed.wait()
        changed = trio.Event()


async def wait_members(node: ClusterNode, count: int) -> None:
    """Return when the map names so many members."""
    await wait_map(node, lambda held: len(held.members) >= count)


def endpoints(held: ClusterMap) -> set[Endpoint]:
    """Where the members are."""
    return {member.endpoint for member in held.members.values()}


async def wait_until(is_done: Callable[[], bool]) -> None:
    """Let the others run until it is."""
    while not is_done():
        await trio.lowlevel.checkpoint()


def batches(node: ClusterNode) -> int:
    """How often the table was written."""
    table = node.statistics().table
    return 0 if table is None else table.batches


@pytest.mark.slow
async def test_a_node_forms_a_cluster_and_remembers_it(tmp_path: Path) -> None:
    """The same node, the next life, the same map; the table of members is there."""
    options = options_for(tmp_path)
    with trio.fail_after(PATIENCE_S):
        async with running(options) as node:
            own = node.own_id
            await node.request(Form())
            await wait_members(node, 1)
            formed = node.map()
            assert formed is not None and list(formed.members) == [own]
            assert node.statistics().journal.saves > 0
        async with running(options) as node:
            assert node.own_id == own
            await wait_members(node, 1)
            again = node.map()
            assert again is not None and again.cluster == formed.cluster
            (member,) = node.members()
            assert member.boot.generation == 2
            await wait_until(lambda: batches(node) > 0)
    path = tmp_path / "cluster" / "membership.sqlite3"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT node_id, generation, status FROM cluster_membership")
        assert rows.fetchall() == [(own, 2, "alive")]


@pytest.mark.slow
async def test_two_nodes_meet(tmp_path: Path) -> None:
    """Over real sockets: one cluster, one map; the one that is reset begins anew and goes."""
    first, second = options_for(tmp_path / "1"), options_for(tmp_path / "2")
    with trio.fail_after(PATIENCE_S):
        async with running(first) as one, running(second) as other:
            await one.request(Meet((other.endpoint,)))
            await wait_members(one, 2)
            await wait_members(other, 2)
            assert one.map() == other.map()
            assert len(one.links()) > 0
            statistics = one.statistics()
            assert statistics.datagrams.received > 0
            assert statistics.peers.refused == {}


@pytest.mark.slow
async def test_a_hard_reset_gives_another_id(tmp_path: Path) -> None:
    """At once, and for all lives to come."""
    options = options_for(tmp_path)
    with trio.fail_after(PATIENCE_S):
        async with running(options) as node:
            former = node.own_id
            await node.request(Reset(is_hard=True))
            await wait_until(lambda: node.own_id != former)
            own = node.own_id
            assert [member.node for member in node.members()] == [own]
        async with running(options) as node:
            assert node.own_id == own


@pytest.mark.slow
async def test_a_node_that_comes_back_elsewhere_is_taken_in(tmp_path: Path) -> None:
    """It took its own former life, not found dead yet, for a second process and stopped."""
    first, second = options_for(tmp_path / "1"), options_for(tmp_path / "2")
    elsewhere = options_for(tmp_path / "2")
    with trio.fail_after(PATIENCE_S):
        async with running(first) as one:
            async with running(second) as other:
                await one.request(Meet((other.endpoint,)))
                await wait_members(one, 2)
                await wait_members(other, 2)
            async with running(elsewhere) as again:
                await wait_map(one, lambda held: endpoints(held) == {one.endpoint, again.endpoint})
                await wait_map(again, lambda held: held == one.map())


@pytest.mark.slow
async def test_a_copied_directory_is_noticed(tmp_path: Path) -> None:
    """Two processes with one id: one of them stops, and says why."""
    options, copied = options_for(tmp_path / "original"), options_for(tmp_path / "copy")
    async with running(options):
        pass
    shutil.copytree(options.data_directory, copied.data_directory)
    with trio.fail_after(PATIENCE_S):
        with pytest.RaisesGroup(
            pytest.RaisesExc(ClusterStopped, match="data directory copied"),
            flatten_subgroups=True,
        ):
            async with running(options) as one, running(copied) as other:
                assert one.own_id == other.own_id
                third = options_for(tmp_path / "third")
                async with running(third) as witness:
                    await one.request(Meet((witness.endpoint,)))
                    await other.request(Meet((witness.endpoint,)))
                    await trio.sleep_forever()


async def test_a_port_in_use_is_told_before_anything_is_written(tmp_path: Path) -> None:
    """With the address, and without a life begun."""
    options = options_for(tmp_path / "new")
    with contextlib.closing(listen(HOST, options.listening.port)):
        with contextlib.closing(SystemIo()) as io:
            with pytest.raises(OSError, match=f"on {HOST} port {options.listening.port}: "):
                await open_node(options, io, NoData())
    assert not await trio.Path(options.data_directory).exists()


async def test_missing_tls_files_are_told(tmp_path: Path) -> None:
    """The ports are free again."""
    options = evolve(options_for(tmp_path), tls=TlsFiles("none", "none", "none"))
    with contextlib.closing(SystemIo()) as io:
        with pytest.raises(FileNotFoundError):
            await open_node(options, io, NoData())
    listen(HOST, options.listening.port).close()


async def test_a_journal_that_no_core_has_written_is_refused(tmp_path: Path) -> None:
    """The record is sound, what it says is not; the ports are free again."""
    options = options_for(tmp_path)
    state = open_state(cluster_files(options.data_directory), Random(1))
    state.journal.append([Record(RecordKind.CLAIMS, b"\xff")])
    state.journal.sync()
    state.journal.close()
    with contextlib.closing(SystemIo()) as io:
        with pytest.raises((ClusterError, StorageError)):
            await open_node(options, io, NoData())
    listen(HOST, options.listening.port).close()
    bind_datagrams(HOST, options.listening.port).close()
