"""Random histories of the metadata log under faults: every promise holds, and a seed replays."""

from __future__ import annotations

import pytest

from tests.sim.metadata_simulation import run_seed

#: More are played by hand: `python -m tests.sim.metadata_simulation --count 1000`.
SEEDS = range(5)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_promise_holds(seed: int) -> None:
    """One map per epoch, commands carried out once, and all agree in the end."""
    run_seed(seed)


def test_a_seed_replays_exactly() -> None:
    """The same events, the same leaders, the same last map."""
    assert run_seed(3) == run_seed(3)
