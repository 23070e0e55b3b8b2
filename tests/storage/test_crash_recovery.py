"""Crashes at every system call of a storage workload, on a simulated disk.

Goal: whatever the moment of a power cut, and whatever the disk kept of what was not synced, the
directory opens again, nothing that was durable is missing, nothing appears that was never
written, batches are there as a whole or not at all, and opening again gives the same.

Method: a deterministic workload (commits, syncs, rotations, flushes, compactions, a delete-range)
runs on `CrashableFileSystem` once to count its calls, then once per call with a crash there. The
crashed disk is cloned with un-synced pages kept, dropped and torn. What recovery finds must equal
the state after the first k batches, with k at least the number of batches known to be synced.
"""

from __future__ import annotations

import errno
from random import Random

import pytest
import trio
import trio.testing
from attrs import define, field

from storage.blocking import run_inline
from storage.engine import Engine
from storage.errors import StorageError
from storage.keys import metadata_key
from storage.options import FsyncPolicy, StorageOptions
from storage.records import WriteBatch, encode_string, encode_tombstone, is_tombstone
from tests.harness.crashable_files import MODES, CrashableFileSystem, SimulatedCrash
from tests.harness.failing_files import crash_at, fail_at

SEED = 20261122
KEY_COUNT = 24
STEPS = 48
KEYS = [metadata_key(0, b"key:%d" % number) for number in range(KEY_COUNT)]
EVERYTHING = (b"", b"\xff" * 8)

State = dict[bytes, bytes]


def make_options(policy: FsyncPolicy) -> StorageOptions:
    """Options so small that the batches rotate, flush and compact several times."""
    return StorageOptions(
        "simulated",
        fsync=policy,
        segment_bytes_override=8192,
        wal_reserve_bytes=512,
        level0_compaction_tables=2,
        table_bytes_override=8192,
        level1_bytes_override=1 << 20,
        block_bytes=512,
        cache_size_mb=1,
        workers=0,
        compaction_throughput_mb=0,
    )


def make_engine(files: CrashableFileSystem, policy: FsyncPolicy, seed: int) -> Engine:
    """An engine without threads, clock or chance of its own."""
    salts = Random(seed)
    return Engine(
        make_options(policy),
        files,
        run_blocking=run_inline,
        salt=lambda: salts.getrandbits(64),
        unix_ms=lambda: 1_700_000_000_000,
    )


def live(engine: Engine) -> State:
    """All records but tombstones (compaction may forget those)."""
    return {key: record for key, record in engine.scan(*EVERYTHING) if not is_tombstone(record)}


@define
class Workload:
    """A seeded sequence of batches and background steps on one disk.

    Attributes:
        states: state after the first k batches, for every k.
        synced: number of batches known to be durable.
        offsets: log offset after each batch.
        refused: number of batches answered with an error.
    """

    files: CrashableFileSystem
    policy: FsyncPolicy
    states: list[State] = field(factory=lambda: [{}])
    offsets: list[int] = field(factory=lambda: [0])
    synced: int = 0
    refused: int = 0

    def note_synced(self, engine: Engine) -> None:
        """Remember which batches were acknowledged as durable."""
        while (
            self.synced + 1 < len(self.offsets)
            and self.offsets[self.synced + 1] <= engine.synced_offset
        ):
            self.synced += 1

    async def run(self) -> None:
        """Run to the end, or until the disk crashes."""
        rng = Random(SEED)
        engine = make_engine(self.files, self.policy, SEED)
        engine.open()
        for step in range(1, STEPS + 1):
            batch, after = self.make_batch(rng, step)
            # Until the commit returns nobody knows which of the two states the disk holds.
            self.states.append(after)
            offset = self.commit(engine, batch)
            if offset is None:
                self.states.pop()
                self.refused += 1
            else:
                self.offsets.append(offset)
            await self.background(engine, step)
        await engine.background_step()

    def commit(self, engine: Engine, batch: WriteBatch) -> int | None:
        """Commit; None if refused."""
        try:
            return engine.commit(batch)
        except StorageError:
            return None

    async def background(self, engine: Engine, step: int) -> None:
        """What the engine's tasks would do."""
        if self.policy is FsyncPolicy.ALWAYS or step % 9 == 0:
            try:
                await engine.sync()
            except StorageError:
                self.refused += 1
        self.note_synced(engine)
        if step % 4 == 0:
            await engine.background_step()
            self.note_synced(engine)

    def make_batch(self, rng: Random, step: int) -> tuple[WriteBatch, State]:
        """Return a batch and the state after it."""
        batch = WriteBatch()
        state = dict(self.states[-1])
        for _ in range(rng.randint(1, 6)):
            key = rng.choice(KEYS)
            version = step << 16 | len(batch.entries)
            if rng.random() < 0.15:
                batch.put(key, encode_tombstone(version))
                state.pop(key, None)
            else:
                state[key] = encode_string(version, rng.randbytes(rng.randint(0, 300)))
                batch.put(key, state[key])
        if rng.random() < 0.08:
            start, end = sorted(rng.sample(KEYS, 2))
            batch.delete_range(start, end, step << 16 | 0xFFFF)
            state = {key: record for key, record in state.items() if not start <= key < end}
        return batch, state


async def recover(files: CrashableFileSystem, policy: FsyncPolicy, seed: int) -> State:
    """Open, read everything, and leave without closing (as a process that dies)."""
    engine = make_engine(files, policy, seed)
    engine.open()
    files.is_locked = False
    return live(engine)


def check_recovered(found: State, workload: Workload, where: str) -> None:
    """The state must be that after k batches, and no synced batch may be missing."""
    matching = [count for count, state in enumerate(workload.states) if state == found]
    assert matching, f"{where}: the state is none that the workload ever had"
    assert max(matching) >= workload.synced, f"{where}: lost synced batches"


def count_calls(policy: FsyncPolicy) -> int:
    """Number of system calls of the undisturbed workload."""
    files = CrashableFileSystem()
    trio.run(Workload(files, policy).run)
    return files.calls


@pytest.mark.parametrize("policy", [FsyncPolicy.ALWAYS, FsyncPolicy.EVERYSEC])
def test_crash_at_every_call(policy: FsyncPolicy) -> None:
    """At every call: recovery gives a prefix with all synced batches, and does so twice."""
    calls = count_calls(policy)
    for number in range(1, calls + 1):
        files = CrashableFileSystem()
        workload = Workload(files, policy)
        files.on_call = crash_at(number)
        with pytest.raises(SimulatedCrash):
            trio.run(workload.run)
        files.on_call = None
        for mode in MODES:
            where = f"seed {SEED}, policy {policy.value}, crash at call {number}, {mode}"
            rng = Random(number)
            clone = files.crash_clone(rng, mode)
            found = trio.run(recover, clone, policy, number)
            check_recovered(found, workload, where)
            again = trio.run(recover, clone.crash_clone(rng, "dropped"), policy, number + 1)
            assert found == again, f"{where}: opening twice differs"


@pytest.mark.parametrize(
    ("code", "count", "stride"), [(errno.EIO, 1, 1), (errno.ENOSPC, 3, 2), (errno.EIO, 5, 3)]
)
def test_error_at_every_call(code: int, count: int, stride: int) -> None:
    """An I/O error at any call: answered, service goes on, nothing acknowledged is lost.

    After the error the workload ends undisturbed, and a power cut that drops all un-synced bytes
    still leaves every synced batch. Batches that were refused do not come back.
    """
    policy = FsyncPolicy.ALWAYS
    calls = count_calls(policy)
    opening = count_opening_calls(policy)
    for number in range(opening + 1, calls + 1, stride):
        files = CrashableFileSystem()
        workload = Workload(files, policy)
        files.on_call = fail_at(number, code, count)
        trio.run(workload.run, clock=trio.testing.MockClock(autojump_threshold=0))
        files.on_call = None
        where = f"seed {SEED}, error {code} at call {number}"
        assert workload.refused < STEPS // 2, f"{where}: service did not go on"
        assert workload.synced > STEPS // 2, f"{where}: nothing became durable any more"
        for mode in MODES:
            found = trio.run(recover, files.crash_clone(Random(number), mode), policy, number)
            check_recovered(found, workload, f"{where}, {mode}")
            if mode == "kept":
                assert found == workload.states[-1], f"{where}: a committed batch is missing"


def count_opening_calls(policy: FsyncPolicy) -> int:
    """Number of system calls until an engine is open on a new disk."""
    files = CrashableFileSystem()
    make_engine(files, policy, SEED).open()
    return files.calls
