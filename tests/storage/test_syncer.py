"""Making the log durable, and repairing after a failed sync."""

from __future__ import annotations

import errno
from unittest.mock import patch

import pytest
import trio
import trio.testing

from storage.blocking import run_inline
from storage.errors import WriteRefusedError
from storage.keeper import Keeper
from storage.options import FsyncPolicy, StorageOptions
from storage.records import WriteBatch, encode_string
from storage.recovery import recover_log
from storage.store import Store
from storage.syncer import Syncer
from tests.harness.crashable_files import CrashableFileSystem
from tests.harness.failing_files import FailWhile


async def make(
    files: CrashableFileSystem, policy: FsyncPolicy = FsyncPolicy.ALWAYS
) -> tuple[Store, Keeper, Syncer]:
    """A writable store with its keeper and syncer."""
    options = StorageOptions("sim", fsync=policy, segment_bytes_override=4096)
    store = Store(options, files)
    store.begin(recover_log(files, 1), None)
    keeper = Keeper(store, run_inline)
    await keeper.step()
    return store, keeper, Syncer(store, run_inline, keeper.wakeup.ring)


def put(store: Store, version: int) -> int:
    """Commit one record."""
    batch = WriteBatch()
    batch.put(b"\x01a", encode_string(version, b""))
    return store.commit(batch)


async def test_sync_now_covers_what_was_appended() -> None:
    """After `sync_now` everything is durable; a second one has nothing to do."""
    store, _, syncer = await make(CrashableFileSystem())
    end = put(store, 1)
    await syncer.sync_now()
    await syncer.sync_now()
    assert end == store.log.synced_offset
    assert (syncer.syncs, syncer.failures) == (1, 0)


@pytest.mark.parametrize("policy", [FsyncPolicy.ALWAYS, FsyncPolicy.EVERYSEC])
async def test_copies_of_durable_records_were_kept_while_nobody_wrote(
    policy: FsyncPolicy, autojump_clock: trio.testing.MockClock
) -> None:
    """An idle server drops them all, although no append does."""
    store, _, syncer = await make(CrashableFileSystem(), policy)
    for version in range(1, 301):
        put(store, version)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(syncer.run)
        syncer.wakeup.ring()
        await trio.sleep(1.5)
        assert store.log.synced_offset == store.log.appended_offset
        assert not store.log._copies
        nursery.cancel_scope.cancel()


async def test_what_appends_drop_anyway_was_dropped_in_forty_steps_after_each_sync(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """While as much is written from second to second no step of the task is needed."""
    store, _, syncer = await make(CrashableFileSystem(), FsyncPolicy.EVERYSEC)
    found: list[bool] = []
    forget = store.log.forget_durable

    def observed() -> bool:
        before = len(store.log._copies)
        is_more_left = forget()
        found.append(len(store.log._copies) < before)
        return is_more_left

    with patch.object(store.log, "forget_durable", observed):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(syncer.run)
            await trio.sleep(0.5)  # between two beats of the task
            for second in range(4):
                for version in range(1, 301):
                    put(store, 300 * second + version)
                await trio.sleep(1)
            nursery.cancel_scope.cancel()
    assert syncer.syncs >= 3
    assert len(found) >= 3 and not any(found)


async def test_failed_sync_stops_writes_until_written_again() -> None:
    """The failure is an error of `sync_now`; writes are refused, then nothing is lost."""
    files = CrashableFileSystem()
    store, keeper, syncer = await make(files)
    put(store, 1)
    fault = FailWhile(errno.EIO, lambda operation, name: operation == "sync")
    files.on_call = fault
    with pytest.raises(WriteRefusedError):
        await syncer.sync_now()
    with pytest.raises(WriteRefusedError):
        put(store, 2)
    assert encode_string(1, b"") == store.get(b"\x01a")
    fault.active = False
    await keeper.step()
    await syncer.sync_now()
    assert store.refusal is None
    end = put(store, 3)
    await syncer.sync_now()
    assert end == store.log.synced_offset
    assert encode_string(3, b"") == store.get(b"\x01a")
