from __future__ import annotations

import pytest

from cluster.errors import ClusterStopped
from cluster.map.views import SlotView
from cluster.slots import SlotSet, slot_of
from meridian_resp.server.routing import HERE, Nowhere, Routing
from meridian_resp.server.slot_data import SlotData
from storage.errors import CorruptionError
from tests.harness.command_runner import CommandRunner
from tests.harness.fake_cluster import map_of, node_id


def made() -> tuple[CommandRunner, Routing, SlotData]:
    """A keyspace, and node 1's view of a map in which it leads everything."""
    runner, routing = CommandRunner(), Routing()
    current = map_of({1: "0-16383"})
    routing.change_map(node_id(1), current, SlotView(current))
    return runner, routing, SlotData(runner.keyspace, routing)


def test_keys_are_counted_over_all_ranges() -> None:
    """Of database 0, which is the one that nodes of a cluster have."""
    runner, _, data = made()
    assert not data.holds_keys()
    assert data.count_keys(SlotSet.span(0, 16383)) == 0
    for key in ("a", "b", "{b}1"):
        runner.run("set", key, "x")
    slots = SlotSet.of([slot_of(b"a"), slot_of(b"b"), 7])
    assert data.count_keys(slots) == 3
    assert data.count_keys(SlotSet.of([slot_of(b"b")])) == 2
    assert data.count_keys(SlotSet()) == 0
    assert data.holds_keys()


def test_any_database_counts_for_whether_there_are_keys() -> None:
    """A node that was alone before may have used another one; nothing of it may be given up."""
    runner, _, data = made()
    runner.run("select 3")
    runner.run("set a x")
    assert data.holds_keys()


def test_writes_are_held_in_these_slots_only() -> None:
    """Until the map has a newer epoch for them, which is the routing's to see."""
    _, routing, data = made()
    data.hold_writes(SlotSet.span(5, 6), 1)
    assert isinstance(routing.decide(5, adds_keys=True), Nowhere)
    assert routing.decide(7, adds_keys=True) is HERE


def test_keys_of_other_databases_were_out_of_reach_in_a_cluster() -> None:
    """Nobody can SELECT them there: the start is refused, and says what to do."""
    runner, _, data = made()
    runner.run("set a x")
    data.require_one_database()
    runner.run("select 3")
    runner.run("mset a x b y")
    with pytest.raises(ClusterStopped, match=r"keys in database 3 \(2\), and a node .*FLUSHDB"):
        data.require_one_database()
    runner.run("flushdb")
    data.require_one_database()


def test_a_slot_that_cannot_be_read_ended_the_node(monkeypatch: pytest.MonkeyPatch) -> None:
    """It counts as used, so it is not given away."""
    _, _, data = made()

    def failing(*_: object, **__: object) -> int:
        raise CorruptionError("table", 7, "checksum")

    monkeypatch.setattr("meridian_resp.server.slot_data.count_keys", failing)
    assert data.count_keys(SlotSet.span(0, 99)) == 1
