from __future__ import annotations

from cluster.machine import Machine
from cluster.raft import Event, Ready
from tests.sim.raft_member import LoneMember


def test_a_raft_group_is_a_machine() -> None:
    """What drives machines can drive a Raft group: the type checker agrees, and it runs."""
    machine: Machine[Event, Ready] = LoneMember().group
    deadline = machine.deadline()
    assert deadline is not None
    assert machine.take() == ()
    machine.on_deadline(deadline)
    [ready] = machine.take()
    assert ready.hard_state is not None
