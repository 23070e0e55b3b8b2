"""The synchronous store: commits, seals, refusals."""

from __future__ import annotations

import errno
from itertools import count
from unittest.mock import patch

import pytest

from storage.batch_format import encode_batch
from storage.errors import ClosedError, WriteRefusedError
from storage.memtable import ENTRY_BYTES, Memtable
from storage.options import StorageOptions
from storage.records import WriteBatch, encode_string
from storage.recovery import recover_log
from storage.store import Store
from tests.harness.crashable_files import CrashableFileSystem
from tests.harness.failing_files import fail_at


def open_store(files: CrashableFileSystem, segment_bytes: int = 4096) -> Store:
    """A store with one open segment and nothing in it."""
    salts = count(1)
    options = StorageOptions("sim", segment_bytes_override=segment_bytes, sealed_memtables_max=1)
    store = Store(options, files, lambda: next(salts))
    store.begin(recover_log(files, 1), None)
    spare(store)
    return store


def spare(store: Store) -> None:
    """What the keeper does."""
    store.note_spare(store.log.reserve(store.log.spare_name()))


def put(store: Store, key: bytes, version: int, size: int = 10) -> int:
    """Commit one record."""
    batch = WriteBatch()
    batch.put(key, encode_string(version, bytes(size)))
    return store.commit(batch)


def test_commits_are_read_back_across_seals() -> None:
    """The newest record wins wherever it is; scans merge; ranges hide what lies deeper."""
    store = open_store(CrashableFileSystem())
    put(store, b"\x01a", 1)
    put(store, b"\x01b", 1)
    spare(store)
    assert store.seal()
    put(store, b"\x01a", 2)
    ranged = WriteBatch()
    ranged.delete_range(b"\x01b", b"\x01c", 3)
    store.commit(ranged)
    assert encode_string(2, bytes(10)) == store.get(b"\x01a")
    assert store.get(b"\x01b") is None
    expected = [(b"\x01a", encode_string(2, bytes(10)))]
    assert expected == list(store.scan(b"", b"\xff"))
    spare(store)
    assert store.seal()
    assert expected == list(store.scan(b"", b"\xff"))
    assert [(1, 0), (2, store.seals[0].end_offset)] == [
        (seal.number, seal.base_offset) for seal in store.seals
    ]
    assert store.log_start(store.seals) == (1, 0)
    assert (3, store.log.appended_offset) == store.log_start([])


def test_sealing_nothing_does_nothing() -> None:
    """An empty memtable is not sealed."""
    store = open_store(CrashableFileSystem())
    spare(store)
    assert not store.seal()
    assert store.seals == []


def test_empty_batch_is_not_logged() -> None:
    """Committing nothing returns the present offset."""
    store = open_store(CrashableFileSystem())
    end = put(store, b"\x01a", 1)
    assert end == store.commit(WriteBatch()) == store.log.appended_offset


def test_superseded_values_were_encoded_to_learn_how_long_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """That doubled the memory of a pipeline of APPENDs."""
    encoded: list[int] = []

    def count(batch: WriteBatch) -> bytes:
        encoded.append(len(batch.entries))
        return encode_batch(batch)

    monkeypatch.setattr("storage.store.encode_batch", count)
    store = open_store(CrashableFileSystem(), 1 << 22)
    batch = WriteBatch()
    for version in range(1, 21):
        batch.put(b"\x01log", encode_string(version, bytes(20_000 * version)))
    store.commit(batch)
    assert encoded == [1]


def test_every_step_of_a_growing_value_was_logged() -> None:
    """A pipeline of APPENDs logged all lengths of the value; now a long batch logs the last."""
    files = CrashableFileSystem()
    store = open_store(files, 1 << 22)
    batch = WriteBatch()
    for version in range(1, 21):
        batch.put(b"\x01log", encode_string(version, bytes(20_000 * version)))
        batch.put(b"\x01count", encode_string(version, b"%d" % version))
    end = store.commit(batch)
    assert end < 450_000
    assert encode_string(20, bytes(400_000)) == store.get(b"\x01log")
    assert encode_string(20, b"20") == store.get(b"\x01count")
    store.close()
    again = recover_log(files, 1).segments[-1].memtable
    assert encode_string(20, bytes(400_000)) == again.get(b"\x01log")
    assert encode_string(20, b"20") == again.get(b"\x01count")


def test_full_segment_is_sealed_by_the_next_commit() -> None:
    """When the spare is there; without one the open segment goes on."""
    store = open_store(CrashableFileSystem())
    put(store, b"\x01a", 1, size=4000)
    put(store, b"\x01a", 2)
    assert store.seals == []
    spare(store)
    put(store, b"\x01a", 3)
    assert len(store.seals) == 1
    assert store.seals[0].memtable.count() == 1


def fill_until_estimated(store: Store, keys: int) -> None:
    """Write to so many keys in turn until the memory held is estimated anew."""
    with patch.object(
        Memtable, "reestimate", autospec=True, side_effect=Memtable.reestimate
    ) as new:
        number = 0
        while not new.called:
            put(store, b"\x01%d" % (number % keys), 1)
            number += 1


def test_overwrites_do_not_seal() -> None:
    """The estimate counts every overwrite; the new one finds that there is no need."""
    store = open_store(CrashableFileSystem(), segment_bytes=1 << 16)
    fill_until_estimated(store, keys=1)
    spare(store)
    store.seal_if_wanted()
    assert store.seals == []


def test_memory_was_estimated_without_the_event_loop() -> None:
    """25 stops per estimate, each felt by all who wrote: commit does it by itself, seldom."""
    store = open_store(CrashableFileSystem(), segment_bytes=1 << 18)
    rung = 0

    def ring() -> None:
        nonlocal rung
        rung += 1

    store.on_attention = ring
    with patch.object(
        Memtable, "reestimate", autospec=True, side_effect=Memtable.reestimate
    ) as new:
        for number in range(3000):
            put(store, b"\x01%d" % (number % 10), number)
    assert 0 < new.call_count < 40, new.call_count
    assert store.seals == [] and rung == 0


def test_memory_seals_before_the_segment_is_full() -> None:
    """Many small records take more memory than log; the new estimate confirms it and seals."""
    store = open_store(CrashableFileSystem(), segment_bytes=1 << 16)
    fill_until_estimated(store, keys=100_000)
    spare(store)
    store.seal_if_wanted()
    assert len(store.seals) == 1
    memtable = store.seals[0].memtable
    assert memtable.count() * ENTRY_BYTES < memtable.estimated_bytes
    assert store.seals[0].end_offset < 1 << 16


def test_oversized_batch_is_refused() -> None:
    """A batch beyond the limit is refused by itself; others go on."""
    store = open_store(CrashableFileSystem())
    options = StorageOptions("sim", segment_bytes_override=4096, wal_record_bytes_max=1024)
    store.options = options
    with pytest.raises(WriteRefusedError, match="exceeds the limit of 1024"):
        put(store, b"\x01a", 1, size=2000)
    put(store, b"\x01a", 1)
    assert store.refusal is None


def test_too_many_waiting_memtables_refuse_softly() -> None:
    """Flushes far behind set `refusal`, but what must be logged still can be."""
    store = open_store(CrashableFileSystem())
    for version in range(3):
        put(store, b"\x01a", version)
        spare(store)
        store.seal()
    assert store.refusal is not None and "flushed" in store.refusal
    put(store, b"\x01a", 9)


def test_failed_append_changes_nothing_and_blocks() -> None:
    """After an error nothing of the batch is there and writes raise until probed."""
    files = CrashableFileSystem()
    store = open_store(files)
    put(store, b"\x01a", 1)
    files.on_call = fail_at(files.calls + 1, errno.EIO)
    with pytest.raises(WriteRefusedError, match="Input/output error"):
        put(store, b"\x01a", 2)
    with pytest.raises(WriteRefusedError):
        put(store, b"\x01a", 3)
    assert encode_string(1, bytes(10)) == store.get(b"\x01a")
    assert store.needs_probe()
    store.note_probe(None)
    put(store, b"\x01a", 4)
    assert encode_string(4, bytes(10)) == store.get(b"\x01a")


def test_closed_store_takes_no_writes() -> None:
    """Before opening and after closing, writes raise ClosedError."""
    store = open_store(CrashableFileSystem())
    store.close()
    with pytest.raises(ClosedError):
        put(store, b"\x01a", 1)


def test_a_scan_is_prepared_bit_by_bit_in_all_memtables() -> None:
    """The open and the sealed ones, of the shard where it starts and of the next."""
    store = open_store(CrashableFileSystem(), 1 << 22)
    for version, shard in enumerate((b"\x01", b"\x02", b"\x09"), 1):
        batch = WriteBatch()
        for number in range(2500):
            batch.put(shard + b"%04d" % number, encode_string(version, b""))
        store.commit(batch)
        if version == 1:
            spare(store)
            assert store.seal()
    steps = 0
    while store.prepare_scan(b"\x01"):
        steps += 1
    assert steps == 4
    assert not store.prepare_scan(b"\x03")
    assert store.prepare_scan(b"\x09")
    assert len(list(store.scan(b"", b"\xff"))) == 7500
