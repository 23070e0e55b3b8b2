from __future__ import annotations

from attrs import evolve

from cluster.membership.events import (
    AdoptCluster,
    AdvertiseEpoch,
    ChangeFacts,
    EpochSeen,
    ForeignCluster,
    Leave,
    LeaveFinished,
    MemberForgotten,
    PacketReceived,
    Remove,
    SendPacket,
)
from cluster.membership.facts import NodeFacts
from cluster.membership.messages import (
    Ack,
    Alive,
    Left,
    MemberStatus,
    Packet,
    Ping,
    Removed,
    Suspect,
)
from tests.cluster.membership.lone_node import (
    MINE,
    OWN,
    PEERS,
    THEIRS,
    LoneNode,
    alive,
    at,
    endpoint_of,
)

A, B, C = PEERS[:3]


def test_another_formed_cluster_is_not_heard() -> None:
    """Its packets are dropped whole, counted, and reported once a minute."""
    node = LoneNode(1, cluster=MINE)
    for _ in range(3):
        node.hear(A, Ping(1, OWN), alive(B), cluster=THEIRS)
    assert list(node.sent(Ack)) == []
    assert node.status(B) is None
    assert node.told(ForeignCluster) == [ForeignCluster(endpoint_of(A), THEIRS)]
    assert node.core.statistics().counts["packets_foreign"] == 3


def test_unformed_nodes_are_heard_by_all() -> None:
    """A node without a cluster may be taken in; one with ours is."""
    node = LoneNode(0, cluster=MINE)
    node.hear(A, alive(A))
    node.hear(B, evolve(alive(B), cluster=MINE), cluster=MINE)
    assert {node.status(A), node.status(B)} == {MemberStatus.ALIVE}


def test_adopting_a_cluster_forgets_the_members_of_others() -> None:
    """And says so of itself, by a new incarnation, as packets do from then on."""
    node = LoneNode(0)
    node.hear(A, evolve(alive(A), cluster=MINE))
    node.hear(B, evolve(alive(B), cluster=THEIRS))
    node.core.handle(AdoptCluster(MINE), node.now)
    node.note()
    assert node.told(MemberForgotten) == [MemberForgotten(B, is_removed=False)]
    node.pass_time(0.3)
    own = [m for _, m, _ in node.sent(Alive) if m.node == OWN and m.incarnation == 1]
    assert {claim.cluster for claim in own} == {MINE}


def test_a_node_that_left_its_cluster_says_so() -> None:
    """It is unformed again, and the epochs of the cluster that it left count no more."""
    node = LoneNode(0)
    node.core.handle(AdoptCluster(MINE), node.now)
    node.core.handle(AdvertiseEpoch(7), node.now)
    node.core.handle(AdoptCluster(None), node.now)
    node.note()
    node.hear(A, evolve(alive(A), cluster=THEIRS), Ping(1, OWN), map_epoch=3)
    packets = [out.packet for out in node.told(SendPacket) if Ack(1) in out.packet.messages]
    assert [(packet.cluster, packet.map_epoch) for packet in packets] == [(None, 0)]
    assert [seen.map_epoch for seen in node.told(EpochSeen)] == [3]


def test_epochs_travel_with_every_packet() -> None:
    """A newer map elsewhere is reported with where to fetch it; ours is told to all."""
    node = LoneNode(1)
    node.core.handle(AdvertiseEpoch(5), node.now)
    node.hear(A, Ping(1, OWN), map_epoch=5)
    assert node.told(EpochSeen) == []
    node.hear(A, map_epoch=6)
    assert node.told(EpochSeen) == [EpochSeen(A, endpoint_of(A), 6, None)]
    packets = [o.packet for o in node.said if hasattr(o, "packet")]
    assert {packet.map_epoch for packet in packets} == {5}


def test_changed_facts_are_told() -> None:
    """By a new incarnation, so that they hold over the old ones."""
    node = LoneNode(2)
    node.core.handle(ChangeFacts(NodeFacts(capacity_weight=2.5)), node.now)
    node.note()
    node.pass_time(0.3)
    told = [m for _, m, _ in node.sent(Alive) if m.node == OWN and m.incarnation == 1]
    assert {claim.facts.capacity_weight for claim in told} == {2.5}


def test_a_leaving_node_says_so_and_refutes_nothing() -> None:
    """The leave ends when it was told often enough; alone it ends at once."""
    node = LoneNode(3)
    node.core.handle(Leave(), node.now)
    node.hear(A, Suspect(OWN, at(2, 0), A))
    node.pass_time(6.0)
    assert node.told(LeaveFinished) == [LeaveFinished()]
    assert {m.node for _, m, _ in node.sent(Left)} == {OWN}
    assert "refutations" not in node.core.statistics().counts
    assert list(node.sent(Ping)) == []


def test_removing_a_node_spreads() -> None:
    """An operator's word on one node is told to the others."""
    node = LoneNode(3)
    node.core.handle(Remove(A, 100.0), node.now)
    node.note()
    assert node.told(MemberForgotten) == [MemberForgotten(A, is_removed=True)]
    node.pass_time(0.3)
    assert {(m.node, m.remaining_s) for _, m, _ in node.sent(Removed)} == {(A, 100)}


def test_packets_under_the_own_id_are_dropped() -> None:
    """A clone, or a way that leads back: nothing it says is believed."""
    node = LoneNode(1)
    node.hear(A)
    node.core._receive(node_packet(), node.now)
    assert node.status(B) is None
    assert node.core.statistics().counts["packets_own"] == 1


def node_packet() -> PacketReceived:
    """A packet that claims to come from the node itself."""
    return PacketReceived(Packet(None, OWN, 0, (alive(B),)), endpoint_of(A))


def test_an_idle_node_alone_says_nothing() -> None:
    """Without anybody to talk to there are no packets, and statistics are sober."""
    node = LoneNode(0)
    node.pass_time(300.0)
    assert node.said == []
    statistics = node.core.statistics()
    assert statistics.members[MemberStatus.ALIVE] == 1
    assert (statistics.awareness, statistics.paused_s) == (0, 0.0)


def test_early_calls_of_the_deadline_do_nothing() -> None:
    """Who wakes the core too soon, or twice, changes nothing."""
    node = LoneNode(3)
    deadline = node.core.deadline()
    for _ in range(3):
        node.core.on_deadline(node.now)
    node.note()
    assert node.said == []
    assert node.core.deadline() == deadline
