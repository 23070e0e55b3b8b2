"""The choice of voters: how many, who, in which steps, and when not to touch anything."""

from __future__ import annotations

import attrs

from cluster.identity import NodeId
from cluster.map.genesis import genesis_map
from cluster.map.values import ClusterMap, MemberState
from cluster.membership.facts import Role
from cluster.metadata.voters import (
    Condition,
    VoterView,
    able_members,
    next_voter_step,
    wanted_voters,
)
from cluster.raft import ChangeMembership, Configuration, RaftStatus, TransferLeadership
from cluster.raft import Role as RaftRole
from cluster.raft.core import ProgressStatus
from cluster.raft.progress import ProgressState
from tests.sim.metadata_world import genesis_of, node_id

N1, N2, N3, N4, N5, N6, N7 = (node_id(number) for number in range(1, 8))
LAST = 100


def map_of(count: int) -> ClusterMap:
    """A map of so many members."""
    return genesis_map(genesis_of(1, count))


def with_state(held: ClusterMap, node: NodeId, state: MemberState) -> ClusterMap:
    """The map with one member in another state."""
    member = attrs.evolve(held.members[node], state=state)
    return attrs.evolve(held, members={**held.members, node: member})


def without(held: ClusterMap, node: NodeId) -> ClusterMap:
    """The map without a member."""
    members = {n: member for n, member in held.members.items() if n != node}
    return attrs.evolve(held, members=members, removed=held.removed | {node})


def view_of(
    held: ClusterMap,
    configuration: Configuration,
    *,
    silent: tuple[NodeId, ...] = (),
    dead: tuple[NodeId, ...] = (),
    behind: tuple[NodeId, ...] = (),
    strays: tuple[NodeId, ...] = (),
) -> VoterView:
    """What the leader, node 1, sees."""
    progress = tuple(
        ProgressStatus(
            node=node,
            state=ProgressState.PROBE if node in behind else ProgressState.REPLICATE,
            match=0 if node in behind else LAST - 3,
            next=LAST + 1,
            inflight_messages=0,
            is_recently_active=True,
        )
        for node in configuration.members()
    )
    status = RaftStatus(
        node=N1,
        role=RaftRole.LEADER,
        term=2,
        leader=N1,
        configuration=configuration,
        first_index=2,
        last_index=LAST,
        saved_index=LAST,
        commit=LAST,
        applied=LAST,
        is_hibernating=False,
        progress=progress,
    )
    conditions = {
        node: Condition.DEAD
        if node in dead
        else Condition.SILENT
        if node in silent
        else Condition.WELL
        for node in held.members
    }
    return VoterView(
        node=N1, status=status, map=held, conditions=conditions, strays=frozenset(strays)
    )


def change(
    *,
    voters: tuple[NodeId, ...] = (),
    learners: tuple[NodeId, ...] = (),
    removed: tuple[NodeId, ...] = (),
) -> ChangeMembership:
    """A change of members as the leader asks its core for it."""
    return ChangeMembership(token=0, voters=voters, learners=learners, removed=removed)


def test_few_members_have_one_voter() -> None:
    """Two voters would stop when either is away."""
    assert next_voter_step(view_of(map_of(2), Configuration.of(N1))) is None


def test_three_members_have_three_voters_learners_first() -> None:
    """Both come as learners, and vote together once they have the log."""
    held = map_of(3)
    assert next_voter_step(view_of(held, Configuration.of(N1))) == change(learners=(N2, N3))
    learning = Configuration.of(N1, learners=(N2, N3))
    assert next_voter_step(view_of(held, learning, behind=(N3,))) is None
    assert next_voter_step(view_of(held, learning)) == change(voters=(N2, N3))


def test_seven_members_have_five_voters() -> None:
    """From there on two may be away."""
    step = next_voter_step(view_of(map_of(7), Configuration.of(N1, N2, N3)))
    assert step == change(learners=(N4, N5))
    assert next_voter_step(view_of(map_of(6), Configuration.of(N1, N2, N3))) is None


def test_an_even_number_is_not_aimed_at() -> None:
    """One more voter of two would have to agree to everything."""
    assert next_voter_step(view_of(map_of(3), Configuration.of(N1), silent=(N3,))) is None


def test_a_dead_voter_is_replaced_in_one_change() -> None:
    """The new one comes and the dead one goes together, so the size stays."""
    held = map_of(4)
    voters = Configuration.of(N1, N2, N3)
    assert next_voter_step(view_of(held, voters, dead=(N2,))) == change(learners=(N4,))
    learning = Configuration.of(N1, N2, N3, learners=(N4,))
    step = next_voter_step(view_of(held, learning, dead=(N2,)))
    assert step == change(voters=(N4,), removed=(N2,))


def test_a_voter_that_is_silent_for_a_moment_stays() -> None:
    """A restart is no reason to change anything."""
    assert next_voter_step(view_of(map_of(4), Configuration.of(N1, N2, N3), silent=(N2,))) is None


def test_a_dead_voter_stays_while_nobody_can_take_its_place() -> None:
    """It may come back, and then it counts."""
    assert next_voter_step(view_of(map_of(3), Configuration.of(N1, N2, N3), dead=(N2,))) is None


def test_a_voter_that_was_removed_goes_in_any_case() -> None:
    """It will never come back."""
    held = without(map_of(4), N2)
    voters = Configuration.of(N1, N2, N3)
    assert next_voter_step(view_of(held, voters)) == change(learners=(N4,))
    few = without(map_of(3), N2)
    step = next_voter_step(view_of(few, voters))
    assert step == change(learners=(N3,), removed=(N2,)), "two members have one voter"


def test_a_draining_voter_becomes_a_learner_before_it_goes() -> None:
    """So it hears that it votes no more, and does not campaign."""
    held = with_state(map_of(4), N2, MemberState.DRAINING)
    learning = Configuration.of(N1, N2, N3, learners=(N4,))
    assert next_voter_step(view_of(held, learning)) == change(voters=(N4,), learners=(N2,))
    demoted = Configuration.of(N1, N3, N4, learners=(N2,))
    assert next_voter_step(view_of(held, demoted, behind=(N2,))) is None
    assert next_voter_step(view_of(held, demoted)) == change(removed=(N2,))


def test_a_draining_leader_hands_over_first() -> None:
    """To a voter that has everything, the lowest id of several."""
    held = with_state(map_of(4), N1, MemberState.DRAINING)
    step = next_voter_step(view_of(held, Configuration.of(N1, N2, N3), behind=(N2,)))
    assert step == TransferLeadership(N3)


def test_no_change_leaves_a_set_that_cannot_work() -> None:
    """Of three voters two must be alive after the change."""
    held = without(map_of(4), N4)
    voters = Configuration.of(N1, N2, N3, N4)
    assert next_voter_step(view_of(held, voters, silent=(N2, N3))) is None
    assert next_voter_step(view_of(held, voters, silent=(N2,))) == change(removed=(N4,))


def test_a_joint_configuration_is_left_alone() -> None:
    """The core ends it by itself."""
    joint = Configuration(voters=frozenset({N1, N2}), outgoing=frozenset({N1}))
    assert next_voter_step(view_of(map_of(4), joint)) is None


def test_a_stray_is_told_by_being_a_learner_for_a_moment() -> None:
    """A node that was replaced while it was away goes on campaigning until it hears of it."""
    held, voters = map_of(5), Configuration.of(N1, N2, N3)
    assert next_voter_step(view_of(held, voters, strays=(N5,))) == change(learners=(N5,))
    assert next_voter_step(view_of(held, voters, strays=(N5,), silent=(N5,))) is None


def test_other_machines_and_racks_are_preferred() -> None:
    """What fails together should not vote together."""
    held = map_of(5)
    members = dict(held.members)
    for node, machine, rack in (
        (N1, "a", "r1"),
        (N2, "a", "r1"),
        (N3, "b", "r1"),
        (N4, "c", "r2"),
    ):
        members[node] = attrs.evolve(members[node], machine=machine, rack=rack)
    members[N5] = attrs.evolve(members[N5], machine="d", rack="r3")
    held = attrs.evolve(held, members=members)
    assert wanted_voters(view_of(held, Configuration.of(N1))) == [N1, N4, N5]


def test_there_is_always_somebody_who_may_vote() -> None:
    """A log that only removed nodes run could never be changed again."""
    held = map_of(3)
    draining = held
    for node in held.members:
        draining = with_state(draining, node, MemberState.LEAVING)
    assert able_members(draining) == {N1, N2, N3}
    roleless = {n: attrs.evolve(m, roles=Role.STORAGE) for n, m in held.members.items()}
    roleless[N2] = attrs.evolve(roleless[N2], roles=Role.REBALANCER)
    assert able_members(attrs.evolve(held, members=roleless)) == {N2}
    del roleless[N2]
    assert able_members(attrs.evolve(held, members=roleless)) == {N1, N3}
