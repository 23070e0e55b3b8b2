from __future__ import annotations

import pytest

from cluster.raft.log import RaftLog
from tests.sim import raft_simulation
from tests.sim.raft_simulation import run_seed


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 24, 4))
def test_seeds(first: int) -> None:
    """Under loss, partitions, crashes and changes every promise of figure 3 holds."""
    for seed in range(first, first + 4):
        run_seed(seed)


def test_a_seed_replays_exactly() -> None:
    """Two runs of a seed say the same, event for event."""
    traces: list[list[str]] = [[], []]
    for lines in traces:
        simulation = raft_simulation.Simulation(7)
        simulation.world.trace = lines.append
        simulation.run()
    assert traces[0] == traces[1]
    assert len(traces[0]) > 1000


def test_checkers_bite(monkeypatch: pytest.MonkeyPatch) -> None:
    """With voters that do not compare logs (5.4.1), committed entries get lost and are missed."""
    monkeypatch.setattr(RaftLog, "is_up_to_date", lambda self, index, term: True)
    with pytest.raises(AssertionError, match=r"--seed \d+"):
        for seed in range(20):
            run_seed(seed)
