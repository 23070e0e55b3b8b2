"""A whole node on a network, a clock and a disk in memory.

Two ways to drive it. `SimulatedServer` alone runs no task: `step` runs ticks of the reactor until
nothing is ready, so a test sees each tick by itself. `serving` runs all tasks under Trio, with
the virtual clock of `trio.testing`.
"""

from __future__ import annotations

import math
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import attrs
import trio
import trio.testing

from meridian_resp.commands import build_table
from meridian_resp.commands.registry import CommandSpec, CommandTable
from meridian_resp.config.settings import Settings
from meridian_resp.config.storage_options import storage_options
from meridian_resp.server.node import Node
from meridian_resp.server.reactor import Reactor
from meridian_resp.server.session import Session
from storage.blocking import run_inline
from storage.engine import Engine
from tests.harness.crashable_files import CrashableFileSystem
from tests.harness.memory_io import BUFFER_BYTES, MemoryClient, MemoryIo

#: Small, so that a fresh disk costs nothing.
SEGMENT_BYTES = 1 << 20
_TICKS_MAX = 100_000


class SimulatedServer:
    """Engine, node and network of one simulated process."""

    def __init__(
        self,
        *,
        files: CrashableFileSystem | None = None,
        io: MemoryIo | None = None,
        extra: tuple[CommandSpec, ...] = (),
        **options: Any,
    ) -> None:
        self.files = files or CrashableFileSystem()
        self.io = io or MemoryIo()
        self.settings = Settings(compaction_workers=0, **options)
        engine_options = attrs.evolve(
            storage_options(self.settings),
            segment_bytes_override=SEGMENT_BYTES,
            wal_reserve_bytes=SEGMENT_BYTES // 8,
        )
        self.engine = Engine(
            engine_options, self.files, run_blocking=run_inline, unix_ms=self.io.wall_ms
        )
        self.table = build_table()
        if extra:
            self.table = CommandTable([*_flattened(self.table), *extra])
        self.node: Node = None  # type: ignore[assignment] # set by `open_node`

    def open(self) -> SimulatedServer:
        """Recover the directory and listen; for tests that run no task."""
        self.engine.open()
        self.open_node()
        # Commands that would wait in a task of their own wait for ever.
        self.node.long_commands._tasks, self._waiting = trio.open_memory_channel(math.inf)
        return self

    def open_node(self) -> None:
        """Build the node on the open engine."""
        self.node = Node(self.engine, self.io, self.settings, self.table, random.Random(1))
        self.node.open()
        self.node.reactor.listeners.add(self.io.listener)

    @property
    def reactor(self) -> Reactor:
        """The node's reactor."""
        return self.node.reactor

    # --- driving by hand ---

    def tick(self) -> int:
        """One tick with what is ready; how many sockets were."""
        events = self.node.reactor.take_ready()
        self.node.reactor.tick(events)
        return len(events)

    def step(self) -> int:
        """Ticks until nothing is ready and nothing is left over; their number."""
        reactor = self.node.reactor
        for count in range(_TICKS_MAX):
            events = reactor.take_ready()
            if not (events or reactor._unserved or reactor._run_queue or reactor.slices):
                return count
            reactor.tick(events)
        raise AssertionError("the reactor does not come to rest")

    def pass_s(self, seconds: float) -> None:
        """Let time go on."""
        self.io.now_s += seconds

    def connect(self, *, peer: str = "", buffer_bytes: int = BUFFER_BYTES) -> MemoryClient:
        """A client that was accepted."""
        client = self.io.connect(peer=peer, buffer_bytes=buffer_bytes)
        self.step()
        return client

    def ask(self, client: MemoryClient, *commands: str | bytes) -> bytes:
        """Send commands as one chunk, run ticks, read what came back."""
        client.send(b"".join([line(command) for command in commands]))
        self.step()
        return client.take()

    def session(self, client: MemoryClient) -> Session:
        """The session of a client."""
        return self.node.registry.by_number[client.connection.number]

    def sync(self) -> None:
        """Make the log durable and tell whoever waits."""
        trio.run(self.engine.sync)
        self.node.reactor.on_synced()
        self.step()


def _flattened(table: CommandTable) -> list[CommandSpec]:
    specs: list[CommandSpec] = []
    for spec in table.by_name.values():
        specs.append(attrs.evolve(spec, subcommands=()))
        specs.extend(spec.subcommands)
    return specs


def line(command: str | bytes) -> bytes:
    """A command in the protocol's form; a text is split at blanks, bytes are sent as they are."""
    return command if isinstance(command, bytes) else request(*command.split(" "))


def request(*arguments: str | bytes | int) -> bytes:
    """A command in the protocol's form, from its arguments."""
    words = [item if isinstance(item, bytes) else str(item).encode() for item in arguments]
    body = b"".join([b"$%d\r\n%b\r\n" % (len(word), word) for word in words])
    return b"*%d\r\n%b" % (len(words), body)


class LiveClient:
    """A client of a server whose tasks run; waits for answers in virtual time."""

    def __init__(self, client: MemoryClient) -> None:
        self.client = client

    async def ask(self, *commands: str | bytes) -> bytes:
        """Send commands as one chunk; what has come back when all tasks are at rest."""
        self.send(*commands)
        return await self.take()

    def send(self, *commands: str | bytes) -> None:
        """Send commands as one chunk."""
        self.client.send(b"".join([line(command) for command in commands]))

    async def take(self) -> bytes:
        """What has come when all tasks are at rest."""
        await trio.testing.wait_all_tasks_blocked()
        return self.client.take()


@asynccontextmanager
async def serving(
    *, files: CrashableFileSystem | None = None, **options: Any
) -> AsyncIterator[SimulatedServer]:
    """Run a server with all its tasks; stop it as `app` does, from the inside out."""
    server = SimulatedServer(files=files, io=MemoryIo(trio.current_time), **options)
    async with trio.open_nursery() as storage_nursery:
        await storage_nursery.start(server.engine.run)
        server.open_node()
        async with trio.open_nursery() as nursery:
            await nursery.start(server.node.run)
            yield server
            nursery.cancel_scope.cancel()
        storage_nursery.cancel_scope.cancel()
