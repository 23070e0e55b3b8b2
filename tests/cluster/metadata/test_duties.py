"""What the leader does unasked: new members, changed facts, and the conditions of voters."""

from __future__ import annotations

import attrs

from cluster.identity import Boot, ClusterId, Endpoint, NodeId
from cluster.map.commands import AddMember, UpdateMember
from cluster.map.genesis import genesis_map
from cluster.map.values import ClusterMap
from cluster.membership.events import MemberView
from cluster.membership.messages import MemberStatus
from cluster.metadata.duties import Duties, DutiesFound, member_of
from cluster.metadata.options import MetadataOptions
from cluster.raft import ChangeMembership, Configuration, RaftStatus
from cluster.raft import Role as RaftRole
from tests.sim.metadata_world import CLUSTER, endpoint_of, facts_of, genesis_of, node_id

N1, N2, N3, N4 = (node_id(number) for number in range(1, 5))
MAP = genesis_map(genesis_of(3, 3))
NOW = 1000.0
OPTIONS = MetadataOptions()


def view(
    node: NodeId,
    *,
    cluster: ClusterId | None = CLUSTER,
    status: MemberStatus = MemberStatus.ALIVE,
    age_s: float = 60.0,
) -> MemberView:
    """A member as membership shows it."""
    boot = Boot(1, 1)
    return MemberView(
        node, endpoint_of(node), boot, 0, cluster, facts_of(node), status, NOW - age_s
    )


def status(*voters: NodeId) -> RaftStatus:
    """The log as its leader, node 1, sees it."""
    return RaftStatus(
        node=N1,
        role=RaftRole.LEADER,
        term=2,
        leader=N1,
        configuration=Configuration.of(*voters),
        first_index=2,
        last_index=9,
        saved_index=9,
        commit=9,
        applied=9,
        is_hibernating=False,
        progress=(),
    )


def look(
    *members: MemberView, held: ClusterMap = MAP, duties: Duties | None = None, now: float = NOW
) -> DutiesFound:
    """One look of the leader."""
    duties = duties or Duties(N1, OPTIONS)
    known = {member.node: member for member in members}
    return duties.look(held, known, status(N1, N2, N3), now=now)


ALL_WELL = (view(N1), view(N2), view(N3))


def test_nothing_is_done_when_all_is_well() -> None:
    """An idle cluster writes nothing."""
    assert look(*ALL_WELL) == DutiesFound((), None)


def test_an_unformed_node_becomes_a_member() -> None:
    """With what it says of itself."""
    found = look(*ALL_WELL, view(N4, cluster=None))
    assert found.commands == (AddMember(member_of(view(N4))),)


def test_who_is_not_admitted() -> None:
    """Neither the newly seen, the suspected, members of other clusters, nor the removed."""
    other = ClusterId("d" * 8 + CLUSTER[8:])
    assert look(*ALL_WELL, view(N4, cluster=None, age_s=0.5)).commands == ()
    assert look(*ALL_WELL, view(N4, cluster=None, status=MemberStatus.SUSPECTED)).commands == ()
    assert look(*ALL_WELL, view(N4, cluster=other)).commands == ()
    removed = attrs.evolve(MAP, removed=frozenset({N4}))
    assert look(*ALL_WELL, view(N4, cluster=None), held=removed).commands == ()


def test_a_frozen_cluster_takes_nobody_in() -> None:
    """It is about to become part of another one."""
    frozen = attrs.evolve(MAP, is_frozen=True)
    assert look(*ALL_WELL, view(N4, cluster=None), held=frozen).commands == ()


def test_facts_and_endpoint_follow_the_node() -> None:
    """The map says where it is now, and what it says of its weight."""
    facts = attrs.evolve(facts_of(N2), rack="r9", capacity_weight=2.0)
    moved = attrs.evolve(view(N2), facts=facts, endpoint=Endpoint("10.9.9.9", 7402))
    (command,) = look(view(N1), moved, view(N3)).commands
    assert isinstance(command, UpdateMember)
    assert (command.member.rack, command.member.endpoint.host) == ("r9", "10.9.9.9")


def test_a_weight_chosen_by_an_operator_is_no_difference() -> None:
    """It holds beside what the node says, so nothing is to be updated."""
    chosen = attrs.evolve(MAP.members[N2], chosen_weight=5.0)
    held = attrs.evolve(MAP, members={**MAP.members, N2: chosen})
    assert look(*ALL_WELL, held=held).commands == ()


def test_commands_of_one_look_are_bounded() -> None:
    """A thousand nodes that come at once are taken in bit by bit."""
    many = [view(node_id(number), cluster=None) for number in range(100, 300)]
    assert len(look(*ALL_WELL, *many).commands) == OPTIONS.admissions_max


def test_a_voter_dead_for_long_is_replaced() -> None:
    """For as long as the option says, and not before."""
    held = genesis_map(genesis_of(3, 4))
    dead = view(N2, status=MemberStatus.DEAD, age_s=OPTIONS.voter_dead_s - 1)
    assert look(view(N1), dead, view(N3), view(N4), held=held).voter_step is None
    dead = view(N2, status=MemberStatus.DEAD, age_s=OPTIONS.voter_dead_s)
    step = look(view(N1), dead, view(N3), view(N4), held=held).voter_step
    assert step == ChangeMembership(token=0, learners=(N4,))


def test_a_voter_never_heard_of_counts_from_the_first_look() -> None:
    """A new leader's membership may not know a node that is long dead."""
    held = genesis_map(genesis_of(3, 4))
    duties = Duties(N1, OPTIONS)
    others = (view(N1), view(N3), view(N4))
    assert look(*others, held=held, duties=duties).voter_step is None
    later = NOW + OPTIONS.voter_dead_s
    step = look(*others, held=held, duties=duties, now=later).voter_step
    assert step == ChangeMembership(token=0, learners=(N4,))


def test_a_member_that_has_not_adopted_the_cluster_is_no_candidate() -> None:
    """It would drop the messages of the log."""
    held = genesis_map(genesis_of(3, 4))
    dead = view(N2, status=MemberStatus.DEAD, age_s=OPTIONS.voter_dead_s)
    found = look(view(N1), dead, view(N3), view(N4, cluster=None), held=held)
    assert found == DutiesFound((), None)
