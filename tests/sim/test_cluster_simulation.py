"""The simulator of whole clusters: seeds replay, stories are held, and the checkers bite."""

from __future__ import annotations

from random import Random

import pytest
from attrs import evolve

from cluster.identity import ClusterId, Endpoint, NodeId, new_id
from cluster.map.genesis import genesis_map
from cluster.map.values import ClusterMap, Genesis, MapMember
from cluster.raft import Entry
from tests.sim import cluster_simulation
from tests.sim.cluster_checkers import (
    EverybodyAgrees,
    LogsMatch,
    MapsNeverGoBack,
    OneLeaderPerTerm,
    OneMapPerEpoch,
    Seen,
    Violation,
)
from tests.sim.cluster_faults import FaultsError, names, parse
from tests.sim.cluster_simulation import Simulation, run_seed

NODE, OTHER = (NodeId(new_id(Random(seed))) for seed in range(2))
CLUSTER = ClusterId(new_id(Random(7)))


def a_map() -> ClusterMap:
    """A map of one member."""
    member = MapMember(NODE, Endpoint("h", 7400))
    return genesis_map(Genesis(CLUSTER, NODE, (NODE,), (member,)))


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_seed_replays_exactly() -> None:
    """Two runs of a seed agree in everything that happened, to the last byte and moment."""
    first, second = run_seed(5, "mixed"), run_seed(5, "mixed")
    assert first == second
    assert first.events > 10_000


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("name", names())
def test_a_story_of_faults_is_held(name: str) -> None:
    """A fresh seed each run, printed when it fails; `make simulate` plays more of them."""
    seed = Random().randrange(1_000_000)
    try:
        outcome = run_seed(seed, name)
    except AssertionError as failure:
        raise AssertionError(f"seed {seed} of {name}: {failure}") from failure
    assert outcome.formed_s is not None
    assert outcome.epochs >= 1 and outcome.terms >= 1


def test_another_seed_is_another_history(capsys: pytest.CaptureFixture[str]) -> None:
    """The command plays what it is asked to, and says what it came to."""
    assert cluster_simulation.main(["--faults", "calm", "--seeds", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len({line.split(",")[-1] for line in lines[:2]}) == 2
    assert lines[2].startswith("2 histories, 0 violations")


def test_a_violation_names_the_line_that_replays_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And the exit code tells a program."""

    def broken(self: Simulation) -> None:
        raise Violation("two maps")

    monkeypatch.setattr(Simulation, "run", broken)
    assert cluster_simulation.main(["--faults", "calm", "--seeds", "1", "--first", "3"]) == 1
    assert "--faults calm --seed 3 --trace" in capsys.readouterr().err


@pytest.mark.parametrize(
    "line",
    ["nodes", "nodes 5..3", "nemesis flood every 1..2", "nemesis kill 3", "network loss",
     "start never", "workload join every 1..2 until 3", "nodes five"],
)  # fmt: skip
def test_a_line_that_makes_no_sense_is_named(line: str) -> None:
    """With its number, so that nobody plays a story that was meant differently."""
    with pytest.raises(FaultsError, match="story:2: can't be understood"):
        parse(f"duration 3\n{line}", "story")


def test_a_story_is_read_with_its_comments() -> None:
    """Ranges and single numbers, and comments behind a line."""
    faults = parse(
        "nodes 5..7 # machines\nnetwork loss 0.1 delay 0.1\nnemesis kill every 1..2 for 3"
    )
    assert (faults.nodes, faults.network.loss) == ((5, 7), 0.1)
    assert faults.network.delay_s == (0.1, 0.1)
    assert faults.recurring[0].lasts_s == (3, 3)


def test_two_maps_of_one_epoch_are_noticed() -> None:
    """Whoever holds them."""
    checker, first = OneMapPerEpoch(), a_map()
    checker.map_changed(NODE, first)
    checker.map_changed(OTHER, first)
    with pytest.raises(Violation, match="another map of epoch 1"):
        checker.map_changed(OTHER, evolve(first, settings={"color": "blue"}))


def test_a_map_that_goes_back_is_noticed() -> None:
    """Unless the node was without a cluster in between."""
    checker, first = MapsNeverGoBack(), a_map()
    checker.map_changed(NODE, evolve(first, epoch=3))
    with pytest.raises(Violation, match="went back from epoch 3 to 2"):
        checker.map_changed(NODE, evolve(first, epoch=2))
    checker.map_changed(NODE, None)
    checker.map_changed(NODE, first)


def test_two_leaders_of_a_term_are_noticed() -> None:
    """Other terms and other clusters are other elections."""
    checker = OneLeaderPerTerm()
    checker.leads(NODE, CLUSTER, 1)
    checker.leads(OTHER, CLUSTER, 2)
    with pytest.raises(Violation, match="both lead in term 1"):
        checker.leads(OTHER, CLUSTER, 1)


def test_logs_that_do_not_match_are_noticed() -> None:
    """Another entry of one index and term, or another one before it."""
    checker = LogsMatch()
    checker.saved(NODE, CLUSTER, [Entry(2, 1, b"a"), Entry(3, 2, b"b")])
    checker.saved(OTHER, CLUSTER, [Entry(2, 1, b"a"), Entry(3, 2, b"b")])
    with pytest.raises(Violation, match="another entry 3"):
        checker.saved(OTHER, CLUSTER, [Entry(3, 2, b"c")])
    checker = LogsMatch()
    checker.saved(NODE, CLUSTER, [Entry(2, 1, b"a"), Entry(3, 4, b"b")])
    with pytest.raises(Violation, match="before 3"):
        checker.saved(OTHER, CLUSTER, [Entry(2, 2, b"x"), Entry(3, 4, b"b")])


def test_disagreement_in_the_end_is_noticed() -> None:
    """Other maps, no map, and members held for dead."""
    first = a_map()
    well = {NODE: "alive", OTHER: "alive"}
    good = [Seen(NODE, first, well, False), Seen(OTHER, first, well, False)]
    EverybodyAgrees().at_end(good)
    for bad in (
        evolve(good[1], map=None),
        evolve(good[1], map=evolve(first, epoch=2)),
        evolve(good[1], members={NODE: "dead", OTHER: "alive"}),
    ):
        with pytest.raises(Violation):
            EverybodyAgrees().at_end([good[0], bad])
