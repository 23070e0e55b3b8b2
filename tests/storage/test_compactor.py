"""Compaction steps of an engine."""

from __future__ import annotations

import errno

from storage.blocking import run_inline
from storage.engine import Engine
from storage.keys import metadata_key
from storage.options import StorageOptions
from storage.records import Record, RecordType, WriteBatch, encode_record, encode_string
from tests.harness.crashable_files import CrashableFileSystem
from tests.harness.failing_files import FailWhile

NOW_MS = 1_700_000_000_000


def open_engine(files: CrashableFileSystem) -> Engine:
    """An engine that compacts two level-0 tables, without tasks, at a fixed time."""
    options = StorageOptions(
        "sim",
        segment_bytes_override=4096,
        level0_compaction_tables=2,
        workers=0,
        cache_size_mb=1,
        compaction_throughput_mb=0,
    )
    engine = Engine(options, files, run_blocking=run_inline, unix_ms=lambda: NOW_MS)
    engine.open()
    return engine


async def flush(engine: Engine, *entries: tuple[bytes, bytes]) -> None:
    """Make one table of these records; compacts if that is due then."""
    batch = WriteBatch()
    batch.entries.extend(entries)
    engine.commit(batch)
    engine.note_spare(engine.log.reserve(engine.log.spare_name()))
    engine.seal()
    await engine.background_step()


async def test_two_tables_become_one() -> None:
    """Level 0 is merged into level 1; the newest record is left; input files go."""
    files = CrashableFileSystem()
    engine = open_engine(files)
    for version in (1, 2):
        await flush(engine, (b"\x00\x01key", encode_string(version, b"")))
    statistics = engine.statistics()
    assert [level.tables for level in statistics.levels] == [0, 1]
    assert (statistics.compactions, statistics.levels[1].entries) == (1, 1)
    assert encode_string(2, b"") == engine.get(b"\x00\x01key")
    assert sum(name.endswith(".sst") for name in files.names()) == 1


async def test_dead_keyspaces_go_and_expired_keys_are_reported() -> None:
    """The hooks decide: data of other keyspaces is dropped, expired keys are told."""
    engine = open_engine(CrashableFileSystem())
    engine.live_keyspaces = lambda: frozenset({1})
    told: list[tuple[bytes, int]] = []
    engine.on_expired = told.extend
    expired = Record(7, b"v", type=RecordType.STRING, expiry_ms=NOW_MS - 1)
    alive, dead = metadata_key(1, b"a"), metadata_key(2, b"a")
    # Both tables span both keys, or they would only change their level.
    await flush(engine, (alive, encode_record(expired)), (dead, encode_string(8, b"")))
    await flush(engine, (alive, encode_record(expired)), (dead, encode_string(9, b"")))
    assert [(alive, 7)] == told
    assert encode_record(expired) == engine.get(alive)
    assert engine.get(dead) is None


async def test_failed_compaction_changes_nothing() -> None:
    """An error while writing is counted; the inputs stay in service."""
    files = CrashableFileSystem()
    engine = open_engine(files)
    await flush(
        engine, (b"\x00\x01a", encode_string(1, b"")), (b"\x00\x01b", encode_string(1, b""))
    )
    fault = FailWhile(errno.ENOSPC, lambda operation, name: name.endswith("4.sst"))
    files.on_call = fault
    await flush(
        engine, (b"\x00\x01a", encode_string(2, b"")), (b"\x00\x01b", encode_string(2, b""))
    )
    assert fault.failures > 0
    statistics = engine.statistics()
    assert (statistics.compaction_failures, statistics.levels[0].tables) == (1, 2)
    assert len(list(engine.scan(b"", b"\xff"))) == 2
