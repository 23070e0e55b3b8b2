"""Crashes and errors at every system call of opening a directory, once and twice in a row.

Goal: a start that is interrupted changes nothing that a later start needs. Whatever a former
process left behind, wherever the first start ends and wherever the second one does, the third
start opens the directory, nothing acknowledged under `always` is missing, the data is that after
some number of whole batches, and what is written then survives the next power cut.

Method: `tests/harness/directory_states.py` leaves directories. Each is found after a kill (the
machine stays up: un-synced pages and names are still seen, and still not durable) or after a
power cut (un-synced pages kept, dropped or torn). Every start is counted once, then repeated with
a crash or an error at each of its calls; what that leaves is found in the same ways again. One
interruption is tried at every call; of pairs, and of what is found after one, a sample is tried,
the same one in every run. With the profile `deep` it is all, and 20,000 pairs.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from random import Random

import pytest

from storage.engine import Engine
from storage.keys import metadata_key
from storage.records import WriteBatch, encode_string
from tests.harness.crashable_files import MODES, CrashableFileSystem, SimulatedCrash
from tests.harness.directory_states import (
    SITUATIONS,
    Directory,
    State,
    leave_directory,
    live,
    make_engine,
)
from tests.harness.failing_files import crash_at, fail_at

KILLED = "killed"
ENDS = (KILLED, *MODES)
#: Try everything instead of a sample: minutes instead of seconds, so with `--timeout 0`.
EXHAUSTIVE = os.environ.get("HYPOTHESIS_PROFILE") == "deep"
PAIRS = 1000 if EXHAUSTIVE else 8

PROBE = metadata_key(0, b"probe")


def found_after(files: CrashableFileSystem, end: str, seed: str) -> CrashableFileSystem:
    """Return the disk as the next process finds it."""
    if end == KILLED:
        return files.process_clone()
    return files.crash_clone(Random(seed), end)


def count_calls(files: CrashableFileSystem) -> int:
    """Number of system calls of an undisturbed start on a copy of this disk."""
    copy = files.process_clone()
    make_engine(copy, 2).open()
    return copy.calls


def crash_start(files: CrashableFileSystem, number: int) -> CrashableFileSystem:
    """Start on a copy of this disk and die at a call."""
    copy = files.process_clone()
    copy.on_call = crash_at(number)
    with pytest.raises(SimulatedCrash):
        make_engine(copy, 3).open()
    copy.on_call = None
    return copy


def fail_start(files: CrashableFileSystem, number: int, code: int, count: int) -> Engine | None:
    """Start on this disk with errors from a call on; return the engine if it opened."""
    files.on_call = fail_at(number, code, count)
    engine = make_engine(files, 3)
    try:
        engine.open()
    except OSError:
        return None
    finally:
        files.on_call = None
        files.is_locked = False
    return engine


def check_state(state: State, directory: Directory, where: str) -> None:
    """The data must be that after k batches, all acknowledged ones among them."""
    matching = [k for k, known in enumerate(directory.states) if known == state]
    assert matching, f"{where}: the data is none that the writer ever had"
    assert max(matching) >= directory.acknowledged, f"{where}: lost acknowledged batches"


def sync(engine: Engine) -> None:
    """Make all durable, as the syncer does."""
    target = engine.log.sync_target()
    assert target is not None
    target.sync()
    engine.log.synced(target)


def check_start(files: CrashableFileSystem, directory: Directory, where: str) -> None:
    """An undisturbed start works: right data, and what is shown or written then is durable."""
    engine = make_engine(files, 4)
    engine.open()
    state = live(engine)
    check_state(state, directory, where)
    assert engine.refusal is None, f"{where}: {engine.refusal}"
    check_goes_on(engine, files, state, where)


def check_goes_on(engine: Engine, files: CrashableFileSystem, state: State, where: str) -> None:
    """What the engine shows, and what is written to it now, survives a power cut."""
    probe = encode_string(1 << 40, b"acknowledged after the start")
    batch = WriteBatch()
    batch.put(PROBE, probe)
    engine.commit(batch)
    sync(engine)
    end = Random(where).choice(MODES)
    after = make_engine(found_after(files, end, where), 5)
    after.open()
    assert live(after) == {**state, PROBE: probe}, f"{where}; works, {end}: not what was shown"


def first_ends(name: str) -> tuple[str, ...]:
    """Return how the former process' directory is found: killed and one other way, or all."""
    return ENDS if EXHAUSTIVE else (KILLED, Random(name).choice(MODES[1:]))


def calls_and_ends(calls: int, where: str) -> Iterator[tuple[int, str]]:
    """Yield every call with the ways in which its crash is found: one by turns, or all."""
    first = Random(where).randrange(len(ENDS))
    for number in range(1, calls + 1):
        chosen = ENDS if EXHAUSTIVE else (ENDS[(first + number) % len(ENDS)],)
        yield from ((number, end) for end in chosen)


@pytest.mark.parametrize("name", SITUATIONS)
def test_crash_at_every_call_of_a_start(name: str) -> None:
    """The second start finds all, wherever the first one ended."""
    directory = leave_directory(name)
    for first in first_ends(name):
        files = found_after(directory.files, first, name)
        check_start(files.process_clone(), directory, f"{name}, {first}")
        for number, end in calls_and_ends(count_calls(files), f"{name}, {first}"):
            where = f"{name}, {first}; start 1 ends at call {number}, {end}"
            crashed = crash_start(files, number)
            check_start(found_after(crashed, end, where), directory, where)


@pytest.mark.parametrize("name", SITUATIONS)
def test_crash_in_the_recovery_from_a_crash_in_recovery(name: str) -> None:
    """The third start finds all, wherever the first and the second one ended."""
    directory = leave_directory(name)
    rng = Random(name)
    for _ in range(PAIRS):
        files, where = directory.files, name
        end = rng.choice(ENDS)
        for start in (1, 2):
            files = found_after(files, end, where)
            number, where = rng.randint(1, count_calls(files)), f"{where}, {end}"
            files = crash_start(files, number)
            end = rng.choice(ENDS)
            where = f"{where}; start {start} ends at call {number}"
        check_start(found_after(files, end, where), directory, f"{where}, {end}")


@pytest.mark.parametrize("name", SITUATIONS)
@pytest.mark.parametrize(("code", "count"), [(errno.EIO, 1), (errno.ENOSPC, 3)])
def test_error_at_every_call_of_a_start(name: str, code: int, count: int) -> None:
    """A start with I/O errors says so or works; either way the next one finds all."""
    directory = leave_directory(name)
    for first in first_ends(name) if EXHAUSTIVE else (KILLED,):
        files = found_after(directory.files, first, name)
        for number, end in calls_and_ends(count_calls(files), f"{name}, {first}, {code}"):
            where = f"{name}, {first}; error {code} at call {number}, {end}"
            failed = files.process_clone()
            engine = fail_start(failed, number, code, count)
            if engine is not None:
                check_state(live(engine), directory, where)
            if engine is not None and engine.refusal is None:
                check_goes_on(engine, failed, live(engine), where)
            else:
                check_start(found_after(failed, end, where), directory, where)


@pytest.mark.parametrize("name", SITUATIONS)
def test_start_after_many_failed_starts(name: str) -> None:
    """One start after the other fails at the next call, with the machine up; then one works."""
    directory = leave_directory(name)
    files = directory.files.process_clone()
    for number in range(1, count_calls(files) + 1):
        fail_start(files, number, errno.EIO, 1)
        files = files.process_clone()
    check_start(files, directory, name)
