"""The journal on a disk that crashes, refuses and lies."""

from __future__ import annotations

import errno
from random import Random

import pytest
from attrs import define, field

from cluster.identity import NodeId
from cluster.journal.journal import Journal
from cluster.journal.records import Record, RecordKind
from storage.errors import CorruptionError
from tests.harness.crashable_files import MODES, CrashableFileSystem, SimulatedCrash
from tests.harness.failing_files import FailWhile, crash_at, fail_at

SEED = 20261125
STEPS = 40
A = NodeId("aaaaaaaa-0000-4000-8000-000000000001")
B = NodeId("bbbbbbbb-0000-4000-8000-000000000002")
ONE = Record(RecordKind.RAFT_HARD_STATE, b"term 1, vote for a")
TWO = Record(RecordKind.RAFT_ENTRIES, b"entry")
THREE = Record(RecordKind.MAP, b"map" * 2000)


def open_journal(files: CrashableFileSystem) -> tuple[Journal, list[Record]]:
    """Open as a new process does."""
    return Journal.open(files)


def save(journal: Journal, *records: Record) -> None:
    """Append and make durable."""
    journal.append(records)
    journal.sync()


def is_sync(operation: str, name: str) -> bool:
    """Whether a call is the sync of a file."""
    return operation == "sync"


def test_a_new_directory_gets_an_empty_journal() -> None:
    """There is a file at once: later its absence means that it was lost."""
    files = CrashableFileSystem()
    journal, records = open_journal(files)
    assert records == []
    assert files.names() == [journal.name]


def test_what_was_synced_is_found_in_order() -> None:
    """A power cut that drops everything un-synced leaves every synced record."""
    files = CrashableFileSystem()
    journal, _ = open_journal(files)
    save(journal, ONE, TWO)
    save(journal, THREE)
    journal.append([TWO])
    _, records = open_journal(files.crash_clone(Random(1), "dropped"))
    assert records == [ONE, TWO, THREE]


def test_a_rewrite_replaces_everything() -> None:
    """Un-synced records go as well; the former file is removed; appending goes on."""
    files = CrashableFileSystem()
    journal, _ = open_journal(files)
    save(journal, ONE)
    journal.append([TWO])
    journal.rewrite([THREE])
    assert files.names() == [journal.name]
    save(journal, ONE)
    _, records = open_journal(files)
    assert records == [THREE, ONE]


def test_a_torn_end_is_told_and_stays_gone() -> None:
    """What was cut off never comes back behind a record that was written later."""
    files = CrashableFileSystem()
    journal, _ = open_journal(files)
    save(journal, ONE)
    journal.append([TWO, THREE])
    file = files.open_append(journal.name)
    file.write_at(journal.size_bytes + 4, b"\xff" * 4)
    journal, records = open_journal(files)
    assert records == [ONE]
    assert journal.torn_bytes > len(THREE.payload)
    save(journal, TWO)
    journal, records = open_journal(files)
    assert records == [ONE, TWO]
    assert journal.torn_bytes == 0


def test_damage_refuses_the_start_by_file_and_place() -> None:
    """A node that forgot a vote could vote twice, so it does not start."""
    files = CrashableFileSystem()
    journal, _ = open_journal(files)
    save(journal, ONE)
    place = journal.size_bytes - 8
    save(journal, TWO)
    files.open_append(journal.name).write_at(place, b"\xff")
    with pytest.raises(CorruptionError, match=rf"cluster/{journal.name} at byte \d+ is damaged"):
        open_journal(files)


def test_a_renamed_file_is_refused() -> None:
    """A journal under another number is somebody's mistake, not a newer state."""
    files = CrashableFileSystem()
    journal, _ = open_journal(files)
    files.rename(journal.name, "journal_0000000009.log")
    with pytest.raises(CorruptionError, match="that of journal 1"):
        open_journal(files)


@pytest.mark.parametrize("operation", ["append", "sync"])
def test_a_failed_write_is_done_again_in_a_fresh_file(operation: str) -> None:
    """The file that failed is not written again: its pages may be lost without an error."""
    files = CrashableFileSystem()
    journal, _ = open_journal(files)
    save(journal, ONE)
    failed_in = journal.name
    fault = FailWhile(errno.EIO, lambda called, name: called == operation)
    files.on_call = fault
    for _ in range(3):
        with pytest.raises(OSError, match="Input/output"):
            save(journal, TWO)
    assert journal.is_in_doubt
    fault.active = False
    files.trace.clear()
    save(journal, TWO)
    assert not journal.is_in_doubt and journal.name != failed_in
    assert (operation, failed_in) not in files.trace
    save(journal, THREE)
    _, records = open_journal(files.crash_clone(Random(1), "dropped"))
    assert records == [ONE, TWO, THREE]


def test_a_journal_of_another_id_does_not_count() -> None:
    """What a node that was never born had to remember is no record of this one."""
    files = CrashableFileSystem()
    journal, _ = Journal.open(files, A)
    save(journal, ONE)
    Journal.create(files, B, [TWO, THREE]).close()
    journal, records = Journal.open(files, A)
    assert records == [ONE]
    assert files.names() == [journal.name]


@pytest.mark.parametrize("operation", ["create", "append", "sync", "rename", "sync_dir"])
def test_after_a_failed_rewrite_the_former_records_count(operation: str) -> None:
    """The new file may have got its name: what is appended then must not go into the old one."""
    files = CrashableFileSystem()
    journal, _ = open_journal(files)
    save(journal, ONE)
    files.on_call = fault = FailWhile(errno.EIO, lambda called, name: called == operation)
    with pytest.raises(OSError, match="Input/output"):
        journal.rewrite([THREE])
    fault.active = False
    save(journal, TWO)
    for mode in MODES:
        _, records = open_journal(files.crash_clone(Random(1), mode))
        assert records == [ONE, TWO]


def test_unreadable_records_are_not_forgotten_by_a_fresh_file() -> None:
    """When what was durable can't be read back, nothing replaces it, and nothing doubles."""
    files = CrashableFileSystem()
    journal, _ = open_journal(files)
    save(journal, ONE)
    files.on_call = fault = FailWhile(errno.EIO, is_sync)
    with pytest.raises(OSError, match="Input/output"):
        save(journal, TWO)
    fault.active = False
    file, place = files.open_append(journal.name), journal.size_bytes - 8
    sound = file.read_at(place, 1)
    file.write_at(place, b"\xff")
    with pytest.raises(CorruptionError):
        save(journal, TWO)
    file.write_at(place, sound)
    save(journal, TWO)
    _, records = open_journal(files)
    assert records == [ONE, TWO]


def test_what_only_the_page_cache_holds_is_written_again() -> None:
    """After a failed sync and a kill the next process reads bytes that the disk has not."""
    files = CrashableFileSystem()
    journal, _ = open_journal(files)
    files.on_call = fault = FailWhile(errno.EIO, is_sync)
    with pytest.raises(OSError, match="Input/output"):
        save(journal, ONE)
    fault.active = False
    _, read_by_next = open_journal(files)
    assert read_by_next == [ONE]
    _, records = open_journal(files.crash_clone(Random(1), "dropped"))
    assert records == read_by_next


@define
class Workload:
    """A seeded sequence of appends, syncs and rewrites on one disk.

    Attributes:
        states: everything that may be found, oldest first: the last durable one, and what was
            begun since.
        failures: how many calls were answered by an error.
    """

    files: CrashableFileSystem
    states: list[list[Record]] = field(factory=lambda: [[]])
    failures: int = 0

    def run(self) -> None:
        """Run to the end, or until the disk crashes."""
        rng = Random(SEED)
        journal, _ = Journal.open(self.files)
        for step in range(STEPS):
            if rng.random() < 0.2:
                self.rewrite(journal, make_records(rng, step))
            else:
                self.append(journal, [make_records(rng, step) for _ in range(rng.randint(1, 3))])

    def append(self, journal: Journal, groups: list[list[Record]]) -> None:
        """Append in one call or more, then sync; done again until it is durable."""
        durable = self.states[0]
        for _ in range(20):
            try:
                state = durable
                for group in groups:
                    # A torn write may leave any number of its records.
                    self.states += [[*state, *group[: n + 1]] for n in range(len(group))]
                    state = [*state, *group]
                    journal.append(group)
                journal.sync()
            except OSError:
                self.failures += 1
                continue
            self.states = [state]
            return
        raise AssertionError("the disk never came back")

    def rewrite(self, journal: Journal, records: list[Record]) -> None:
        """Replace everything, tried until it is done."""
        for _ in range(20):
            self.states.append(records)
            try:
                journal.rewrite(records)
            except OSError:
                self.failures += 1
                continue
            self.states = [records]
            return
        raise AssertionError("the disk never came back")


def make_records(rng: Random, step: int) -> list[Record]:
    """Records of all sizes, so that pages and sectors are crossed."""
    kinds = list(RecordKind)
    return [
        Record(rng.choice(kinds), b"%d:" % step + rng.randbytes(rng.choice((0, 9, 700, 6000))))
        for _ in range(rng.randint(1, 4))
    ]


def count_calls() -> int:
    """Number of system calls of the undisturbed workload."""
    files = CrashableFileSystem()
    Workload(files).run()
    return files.calls


def check_recovered(files: CrashableFileSystem, workload: Workload, where: str) -> None:
    """What is found is a state that may be, and found again by who opens after another crash."""
    _, found = Journal.open(files)
    assert found in workload.states, f"{where}: found what is neither durable nor begun"
    for mode in MODES:
        _, again = Journal.open(files.crash_clone(Random(1), mode))
        assert again == found, f"{where}, {mode}: opening again finds something else"


def test_crash_at_every_call() -> None:
    """Whatever the moment of a power cut and whatever the disk kept: all that was synced.

    A rewrite is there or is not, as a whole; of an append, records from its beginning.
    """
    for number in range(1, count_calls() + 1):
        files = CrashableFileSystem()
        workload = Workload(files)
        files.on_call = crash_at(number)
        with pytest.raises(SimulatedCrash):
            workload.run()
        files.on_call = None
        for mode in MODES:
            where = f"seed {SEED}, crash at call {number}, {mode}"
            check_recovered(files.crash_clone(Random(number), mode), workload, where)
        check_recovered(files, workload, f"seed {SEED}, killed at call {number}")


def test_crash_while_opening() -> None:
    """Opening rewrites; a power cut in the middle of that loses nothing either."""
    files = CrashableFileSystem()
    workload = Workload(files)
    workload.run()
    for mode in MODES:
        number = 1
        while True:
            clone = files.crash_clone(Random(1), mode)
            clone.on_call = crash_at(number)
            try:
                Journal.open(clone)
            except SimulatedCrash:
                clone.on_call = None
                for again in MODES:
                    where = f"crash at call {number} of opening, {mode} {again}"
                    check_recovered(clone.crash_clone(Random(number), again), workload, where)
                number += 1
                continue
            break
        assert number > 5


@pytest.mark.parametrize(("code", "count"), [(errno.EIO, 1), (errno.ENOSPC, 4)])
def test_error_at_every_call(code: int, count: int) -> None:
    """An error at any call: tried again it succeeds, and nothing that was durable is lost."""
    opening = CrashableFileSystem()
    Journal.open(opening)
    failures = 0
    for number in range(opening.calls + 1, count_calls() + 1):
        files = CrashableFileSystem()
        workload = Workload(files)
        files.on_call = fail_at(number, code, count)
        workload.run()
        failures += workload.failures
        files.on_call = None
        for mode in MODES:
            where = f"seed {SEED}, error {code} at call {number}, {mode}"
            check_recovered(files.crash_clone(Random(number), mode), workload, where)
    assert failures > 50
