"""Data directories as a former process may have left them, for tests of opening them again.

A `Writer` runs an engine on a simulated disk, step by step, and keeps account of what every state
of the data was and of which batches were acknowledged under `always` (a sync that covers them has
returned). `SITUATIONS` names the ways in which its life ends: in the middle of a flush, between a
failed sync and writing again, and so on. `leave_directory` plays one of them.
"""

from __future__ import annotations

import errno
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from os import strerror
from random import Random

import trio
import trio.testing
from attrs import define, frozen

from storage.blocking import run_inline
from storage.engine import Engine
from storage.keys import metadata_key
from storage.options import FsyncPolicy, StorageOptions
from storage.records import WriteBatch, encode_string, encode_tombstone, is_tombstone
from tests.harness.crashable_files import CrashableFileSystem, SimulatedCrash

KEYS = [metadata_key(0, b"key:%d" % number) for number in range(12)]
SEGMENT_BYTES = 4096 * 3

State = dict[bytes, bytes]


def make_engine(files: CrashableFileSystem, seed: int) -> Engine:
    """An engine with small segments, without threads, clock or chance of its own."""
    salts = Random(seed)
    options = StorageOptions(
        "simulated",
        fsync=FsyncPolicy.ALWAYS,
        segment_bytes_override=SEGMENT_BYTES,
        wal_reserve_bytes=512,
        level0_compaction_tables=2,
        table_bytes_override=4096,
        block_bytes=512,
        cache_size_mb=1,
        workers=0,
        compaction_throughput_mb=0,
    )
    return Engine(
        options,
        files,
        run_blocking=run_inline,
        salt=lambda: salts.getrandbits(64),
        unix_ms=lambda: 1_700_000_000_000,
    )


def live(engine: Engine) -> State:
    """All records but tombstones (compaction may forget those)."""
    everything = engine.scan(b"", b"\xff" * 8)
    return {key: record for key, record in everything if not is_tombstone(record)}


@frozen
class Directory:
    """What a writer left behind.

    Attributes:
        files: the disk, with the page cache of a machine that is still up.
        states: the data after the first k batches, for every k.
        acknowledged: how many batches must never be lost.
    """

    files: CrashableFileSystem
    states: list[State]
    acknowledged: int


@define
class Stop:
    """A hook that kills the process at a call, or answers an error to it.

    Attributes:
        operation, prefix: the call, and how its file's name begins.
        skip: so many such calls are let through before.
        code: error to answer, once; None kills.
    """

    operation: str
    prefix: str
    skip: int = 0
    code: int | None = None

    def __call__(self, call: int, operation: str, name: str) -> None:
        """The hook."""
        if operation != self.operation or not name.startswith(self.prefix):
            return
        self.skip -= 1
        if self.skip == -1 and self.code is not None:
            raise OSError(self.code, strerror(self.code), name)
        if self.skip < 0 and self.code is None:
            raise SimulatedCrash


class Writer:
    """A process that writes; it dies without closing anything."""

    def __init__(self) -> None:
        self.files = CrashableFileSystem()
        self.engine = make_engine(self.files, 1)
        self.states: list[State] = [{}]
        self.acknowledged = 0
        self._rng = Random(20261125)

    def open(self) -> None:
        """Open the new directory."""
        self.engine.open()

    def write(self, count: int, *, value_bytes: int = 150) -> None:
        """Commit batches of a few effects each."""
        for _ in range(count):
            batch, state = make_batch(self._rng, self.states, value_bytes)
            self.engine.commit(batch)
            self.states.append(state)

    def sync(self) -> None:
        """Make all durable: acknowledged."""
        target = self.engine.log.sync_target()
        assert target is not None
        target.sync()
        self.engine.log.synced(target)
        self.acknowledged = len(self.states) - 1

    def reserve(self) -> None:
        """Do what the keeper does first."""
        log = self.engine.log
        if log.spare is None:
            self.engine.note_spare(log.reserve(log.spare_name()))

    def seal(self) -> None:
        """Go on in a new segment."""
        self.reserve()
        assert self.engine.seal()

    async def step(self) -> None:
        """Let the background tasks work: a seal is flushed, tables are compacted."""
        await self.engine.background_step()

    def stop_at(self, *stops: Stop) -> None:
        """Let all further calls go through these hooks."""

        def hook(call: int, operation: str, name: str) -> None:
            for stop in stops:
                stop(call, operation, name)

        self.files.on_call = hook


def make_batch(rng: Random, states: list[State], value_bytes: int) -> tuple[WriteBatch, State]:
    """Return a batch on top of the last state, and the state after it."""
    batch, state = WriteBatch(), dict(states[-1])
    version = len(states) << 16
    for number in range(rng.randint(1, 3)):
        key = rng.choice(KEYS)
        if number and rng.random() < 0.2:
            batch.put(key, encode_tombstone(version + number))
            state.pop(key, None)
        else:
            state[key] = encode_string(version + number, rng.randbytes(value_bytes))
            batch.put(key, state[key])
    return batch, state


Situation = Callable[..., Awaitable[None]]


async def never_opened(writer: Writer) -> None:
    """A new directory."""


async def unsynced_end(writer: Writer) -> None:
    """Acknowledged batches, then some that were not yet synced."""
    writer.open()
    writer.write(4)
    writer.sync()
    writer.write(8)


async def used_up_segment(writer: Writer) -> None:
    """As before, but the segment has no room to go on in."""
    writer.open()
    writer.write(10, value_bytes=400)
    writer.sync()
    writer.write(3, value_bytes=600)


async def sealed_segments(writer: Writer) -> None:
    """Segments that wait for their flush; the last two, and a spare, are not synced."""
    writer.open()
    writer.write(4)
    writer.seal()
    writer.write(4)
    writer.sync()
    for _ in range(2):
        writer.write(4)
        writer.seal()
    writer.write(2)
    writer.reserve()


async def flush(writer: Writer, *stops: Stop) -> None:
    """A sealed segment becomes a table."""
    writer.open()
    writer.write(6)
    writer.seal()
    writer.write(5)
    writer.sync()
    writer.write(2)
    writer.stop_at(*stops)
    await writer.step()


async def compaction(writer: Writer, *stops: Stop) -> None:
    """Two tables of level 0 become one of level 1."""
    writer.open()
    for number in range(2):
        writer.write(8)
        writer.seal()
        writer.write(2)
        writer.sync()
        if number == 1:
            writer.stop_at(*stops)
        await writer.step()


async def failed_sync(writer: Writer, *stops: Stop) -> None:
    """Batches go to a fresh segment because the open one could not be synced."""
    writer.open()
    writer.write(5)
    writer.sync()
    writer.reserve()
    writer.write(20)
    writer.stop_at(Stop("sync", "segment", code=errno.EIO), *stops)
    await writer.engine.sync()
    writer.acknowledged = len(writer.states) - 1
    writer.write(2)
    writer.sync()
    writer.write(3)


async def rewritten_manifest(writer: Writer, *stops: Stop) -> None:
    """An edit was in doubt, so the manifest is written anew."""
    await flush(writer, Stop("append", "MANIFEST", code=errno.EIO), *stops)


#: How a writer's life may end: what it does, and the call in whose middle it is killed.
SITUATIONS: Mapping[str, tuple[Situation, tuple[Stop, ...]]] = {
    "fresh": (never_opened, ()),
    "unsynced end": (unsynced_end, ()),
    "used up segment": (used_up_segment, ()),
    "sealed segments": (sealed_segments, ()),
    "flush, table written": (flush, (Stop("sync", "table"),)),
    "flush, edit written": (flush, (Stop("sync", "MANIFEST"),)),
    "flush, edit durable": (flush, (Stop("unlink", "segment"),)),
    "flush done": (flush, ()),
    "compaction, tables written": (compaction, (Stop("sync", "table", skip=1),)),
    "compaction, edit written": (compaction, (Stop("sync", "MANIFEST", skip=1),)),
    "compaction, edit durable": (compaction, (Stop("unlink", "table"),)),
    "compaction done": (compaction, ()),
    "manifest, new file": (rewritten_manifest, (Stop("append", "MANIFEST", skip=1),)),
    "manifest, CURRENT replaced": (rewritten_manifest, (Stop("rename", "CURRENT"),)),
    "manifest, old file goes": (rewritten_manifest, (Stop("unlink", "MANIFEST"),)),
    "manifest rewritten": (rewritten_manifest, ()),
    "failed sync": (failed_sync, (Stop("append", "segment_0000000002"),)),
    "failed sync, written again": (failed_sync, (Stop("write", "segment_0000000002"),)),
    "failed sync, header written": (failed_sync, (Stop("sync", "segment_0000000002"),)),
    "failed sync repaired": (failed_sync, ()),
}


def leave_directory(name: str) -> Directory:
    """Play one of `SITUATIONS`; the writer is dead afterwards, the machine still up."""
    situation, stops = SITUATIONS[name]
    writer = Writer()
    clock = trio.testing.MockClock(autojump_threshold=0)
    try:
        trio.run(partial(situation, writer, *stops), clock=clock)
    except SimulatedCrash:
        assert stops, name
    else:
        assert not stops, f"{name}: the writer came to its end"
    return Directory(writer.files.process_clone(), writer.states, writer.acknowledged)
