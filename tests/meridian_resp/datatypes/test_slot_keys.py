from __future__ import annotations

from cluster.slots import slot_of
from meridian_resp.datatypes.database import Database
from meridian_resp.datatypes.slot_keys import SLICE_RECORDS, count_keys, walk_slot
from tests.harness.command_runner import CommandRunner

SLOT = slot_of(b"a")


def keys_of(database: Database, slot: int, keys_max: int | None = None) -> list[bytes]:
    """All that a walk collects."""
    steps = walk_slot(database, slot, keys_max)
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            found: list[bytes] = stop.value
            return found


def filled(count: int) -> CommandRunner:
    """Some keys in one slot, and a key beside it."""
    runner = CommandRunner()
    runner.commits = False
    for number in range(count):
        runner.run("set", f"{{a}}{number:04}", "x")
    runner.run("set b x")
    return runner


def test_only_living_keys_of_the_slot_and_database_count() -> None:
    """Not deleted ones, not those whose time is over, not those of another database."""
    runner = filled(4)
    runner.run("del {a}0000")
    runner.run("pexpire {a}0001 5")
    runner.run("select 1")
    runner.run("set {a}0009 x")
    runner.pass_ms(6)
    database = runner.keyspace.databases[0]
    assert keys_of(database, SLOT) == [b"{a}0002", b"{a}0003"]
    assert count_keys(database, SLOT, SLOT) == 2
    assert count_keys(database, 0, 16383) == 3
    assert count_keys(runner.keyspace.databases[1], SLOT, SLOT) == 1
    assert count_keys(runner.keyspace.databases[2], SLOT, SLOT) == 0
    assert keys_of(runner.keyspace.databases[2], SLOT) == []


def test_a_walk_gives_way() -> None:
    """After so many records; and it goes on where it was."""
    runner = filled(SLICE_RECORDS * 2 + 1)
    database = runner.keyspace.databases[0]
    assert len(list(walk_slot(database, SLOT))) == 2
    assert len(keys_of(database, SLOT)) == SLICE_RECORDS * 2 + 1
    assert len(keys_of(database, SLOT, SLICE_RECORDS + 1)) == SLICE_RECORDS + 1


def test_counting_can_be_cut_short_but_never_to_nothing() -> None:
    """A slot that is told to be empty is given away, so dead records must not hide a key."""
    runner = filled(10)
    database = runner.keyspace.databases[0]
    assert count_keys(database, SLOT, SLOT, records_max=3) == 3
    assert count_keys(database, SLOT, SLOT, records_max=1000) == 10
    for number in range(9):
        runner.run(f"del {{a}}{number:04}")
    assert count_keys(database, SLOT, SLOT, records_max=3) == 1


def test_the_last_slot_ends_before_the_system_records() -> None:
    """Storage keeps records of its own behind it."""
    runner = CommandRunner()
    key = next(b"%d" % number for number in range(100_000) if slot_of(b"%d" % number) == 16383)
    runner.run(b"set", key, b"x")
    assert keys_of(runner.keyspace.databases[0], 16383) == [key]
