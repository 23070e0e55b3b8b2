"""Keeping a store writable, step by step."""

from __future__ import annotations

import errno

from storage.blocking import run_inline
from storage.keeper import Keeper
from storage.options import StorageOptions
from storage.records import WriteBatch, encode_string
from storage.recovery import recover_log
from storage.store import Store
from tests.harness.crashable_files import CrashableFileSystem
from tests.harness.failing_files import FailWhile


def make(files: CrashableFileSystem) -> tuple[Store, Keeper]:
    """A store without any segment, and its keeper."""
    store = Store(StorageOptions("sim", segment_bytes_override=4096), files)
    store.begin(recover_log(files, 1), None)
    return store, Keeper(store, run_inline)


async def test_first_step_opens_a_segment_and_reserves_the_next() -> None:
    """A store that could not write can after one step, and has a spare."""
    store, keeper = make(CrashableFileSystem())
    assert store.refusal is not None
    await keeper.step()
    assert store.log.writer is not None and store.log.spare is not None
    assert store.files.names() == ["segment_0000000001.wal", "segment_0000000002.wal"]


async def test_refusal_lasts_as_long_as_its_cause() -> None:
    """Without room nothing can be reserved; once there is, one step clears it."""
    files = CrashableFileSystem()
    store, keeper = make(files)
    fault = FailWhile(errno.ENOSPC, lambda operation, name: operation == "preallocate")
    files.on_call = fault
    await keeper.step()
    refusal = store.refusal
    assert refusal is not None and "No space left" in refusal
    fault.active = False
    await keeper.step()
    assert store.refusal is None


async def test_wanted_seals_happen_without_a_commit() -> None:
    """A full segment is sealed by the keeper when no commit comes."""
    store, keeper = make(CrashableFileSystem())
    await keeper.step()
    batch = WriteBatch()
    batch.put(b"\x01a", encode_string(1, bytes(4000)))
    store.commit(batch)
    await keeper.step()
    assert len(store.seals) == 1
