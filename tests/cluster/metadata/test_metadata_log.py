"""The metadata log as a whole: forming, changing, following, restarting, leaving."""

from __future__ import annotations

from random import Random

import attrs

from cluster.identity import ClusterId, NodeId, id_to_bytes
from cluster.journal.records import Record
from cluster.map.commands import RemoveMember, SetSetting
from cluster.membership.events import EpochSeen
from cluster.metadata.events import (
    Formed,
    Hold,
    MapChanged,
    MessageReceived,
    Output,
    Propose,
    Release,
    Result,
    Save,
    Saved,
    Send,
)
from cluster.metadata.metadata_log import MetadataLog
from cluster.metadata.options import METADATA_GROUP, MetadataOptions
from cluster.metadata.records import RecoveredMetadata, compacted, recover
from cluster.raft.messages import Heartbeat
from cluster.wire.messages import MapRequest, RaftMessage
from cluster.wire.raft_messages import encode_raft_message
from tests.cluster.metadata.lone_log import log_of, propose, quiet_world, set_value
from tests.sim.metadata_world import CLUSTER, endpoint_of, genesis_of, node_id

N1, N2, N3, N4 = (node_id(number) for number in range(1, 5))


def fresh_log(node: NodeId = N1, recovered: RecoveredMetadata | None = None) -> MetadataLog:
    """One log alone, whose shell is the test."""
    recovered = recovered or RecoveredMetadata()
    return MetadataLog(node, MetadataOptions(), recovered, rng=Random(1), now=100.0)


def drive(log: MetadataLog) -> list[Output]:
    """Finish every save at once; return everything that was said."""
    said: list[Output] = []
    while outputs := log.take():
        said += outputs
        for output in outputs:
            if isinstance(output, Save):
                log.handle(Saved(output.number), 100.0)
    return said


def test_one_node_forms_at_once() -> None:
    """It needs nobody and no timer: three saves, and there is a map."""
    log = fresh_log()
    log.handle(Hold(genesis_of(1, 1)), 100.0)
    said = drive(log)
    assert [type(output) for output in said if not isinstance(output, Save)] == [
        Formed,
        MapChanged,
    ]
    assert log.is_leader
    assert log.map is not None and log.map.epoch == 1


def test_nothing_is_shown_before_it_is_durable() -> None:
    """Each save is waited for; the first map comes after the last of them."""
    log = fresh_log()
    log.handle(Hold(genesis_of(1, 1)), 100.0)
    saves = 0
    while log.map is None:
        pending = [output for output in log.take() if isinstance(output, Save)]
        assert pending, "it waits for nothing"
        saves += len(pending)
        log.handle(Saved(pending[-1].number), 100.0)
    assert saves >= 4, "genesis, vote, entry and commit index"


def test_three_voters_agree_on_one_leader_and_one_map() -> None:
    """And the members that do not vote hold the same map."""
    world = quiet_world(nodes=5, voters=3)
    world.run_for(5.0)
    leader = world.leader()
    assert leader is not None and leader.is_formed
    assert all(log_of(node).map == log_of(leader).map for node in world.running())
    roles = sorted(log_of(node).status.role for node in world.running())
    assert roles == ["follower", "follower", "leader", "map follower", "map follower"]


def test_anybody_can_propose() -> None:
    """The leader, another voter, and a node that does not vote; each sees what it was told of."""
    world = quiet_world(nodes=5, voters=3)
    world.run_for(5.0)
    for number, node in enumerate(world.running()):
        result = set_value(world, node, f"value{number}")
        assert result.result is not None and result.result.is_applied
        held = log_of(node).map
        assert held is not None and held.epoch >= result.result.epoch
        assert held.settings["name"] == f"value{number}"


def test_a_rejection_says_why() -> None:
    """The text of the state machine reaches whoever asked, wherever it was."""
    world = quiet_world(nodes=3, voters=1)
    world.run_for(5.0)
    result = propose(world, world.nodes[N3], RemoveMember(N4))
    assert result.result is not None and not result.result.is_applied
    assert N4 in result.result.text


def test_without_a_majority_nobody_knows() -> None:
    """The outcome comes at the deadline and does not claim that nothing happened."""
    world = quiet_world(nodes=3, voters=3)
    world.run_for(5.0)
    for node in (world.nodes[N2], world.nodes[N3]):
        world.crash(node)
    result = set_value(world, world.nodes[N1], "lost")
    assert result.result is None and "no leader" in result.reason


def test_a_map_is_served_on_by_the_minority() -> None:
    """Losing the majority takes the right to change the map, not the map."""
    world = quiet_world(nodes=3, voters=3)
    world.run_for(5.0)
    held = log_of(world.nodes[N1]).map
    for node in (world.nodes[N2], world.nodes[N3]):
        world.crash(node)
    world.run_for(20.0)
    assert log_of(world.nodes[N1]).map == held
    assert not log_of(world.nodes[N1]).is_leader


def test_a_lone_voter_that_restarts_shows_the_same_map_at_once() -> None:
    """What was shown is durable, commit index included; nobody has to be asked."""
    world = quiet_world(nodes=3, voters=3)
    world.run_for(5.0)
    node = world.nodes[N1]
    set_value(world, node, "kept")
    world.run_for(1.0)
    held = log_of(node).map
    for other in world.running():
        world.crash(other)
    world.start(node)
    assert log_of(node).map == held
    assert held is not None and held.settings["name"] == "kept"


def test_unformed_nodes_are_taken_in_and_vote() -> None:
    """They come by gossip of the epoch, and the leader makes voters of two of them."""
    world = quiet_world(nodes=4, voters=1, members=1)
    world.run_for(10.0)
    leader = world.leader()
    assert leader is not None
    status = log_of(leader).status
    assert (len(status.voters), status.learners) == (3, ())
    held = log_of(leader).map
    assert held is not None and set(held.members) == set(world.nodes)
    assert all(log_of(node).map == held for node in world.running())


def test_a_voter_dead_for_long_is_replaced_and_comes_back_as_a_follower() -> None:
    """The one that comes back hears of it, and stops campaigning."""
    world = quiet_world(nodes=4, voters=3)
    world.run_for(5.0)
    victim = world.nodes[N2]
    world.crash(victim)
    world.run_for(15.0)
    leader = world.leader()
    assert leader is not None
    assert set(log_of(leader).status.voters) == {N1, N3, N4}
    world.start(victim)
    world.run_for(10.0)
    assert log_of(victim).status.role == "learner"
    assert log_of(victim).map == log_of(leader).map
    term = log_of(leader).status.term
    world.run_for(20.0)
    assert log_of(leader).status.term == term, "somebody campaigned"
    assert log_of(leader).status.learners == ()


def test_an_idle_log_writes_nothing() -> None:
    """Only heartbeats are sent."""
    world = quiet_world(nodes=5, voters=3)
    world.run_for(5.0)
    before = {node.node: len(node.journal) for node in world.running()}
    world.run_for(60.0)
    assert {node.node: len(node.journal) for node in world.running()} == before


def test_a_snapshot_replaces_entries_and_brings_a_member_up_to_date() -> None:
    """A member that lacks what was dropped is sent the map."""
    options = MetadataOptions(snapshot_entries=10, kept_entries=2)
    world = quiet_world(nodes=3, voters=3, options=options)
    world.run_for(5.0)
    away = next(node for node in world.running() if node is not world.leader())
    world.crash(away)
    leader = world.leader()
    assert leader is not None
    for number in range(40):
        set_value(world, leader, f"value{number}")
    assert log_of(leader).status.first_index > 20
    world.start(away)
    world.run_for(3.0)
    status = log_of(away).status
    assert status.applied == log_of(leader).status.applied
    assert status.first_index > 20
    assert log_of(away).map == log_of(leader).map


def saved_prefixes() -> list[tuple[list[Record], int]]:
    """What a node's journal holds after each of its records, and which epoch was shown by then."""
    log = fresh_log()
    journal: list[Record] = []
    prefixes: list[tuple[list[Record], int]] = [([], 0)]
    log.handle(Hold(genesis_of(1, 1)), 100.0)
    for number in range(8):
        while outputs := log.take():
            for save in [output for output in outputs if isinstance(output, Save)]:
                for record in save.records:
                    journal.append(record)
                    prefixes.append((list(journal), log.map.epoch if log.map else 0))
                log.handle(Saved(save.number), 100.0)
                prefixes.append((list(journal), log.map.epoch if log.map else 0))
        log.handle(Propose(number, SetSetting("name", str(number))), 100.0)
    return prefixes


def test_recovery_at_every_record_loses_nothing_that_was_shown() -> None:
    """From whatever was written the node goes on, forms once, and shows no earlier map."""
    prefixes = saved_prefixes()
    for journal, shown in prefixes:
        log = fresh_log(recovered=recover(journal))
        assert (log.map.epoch if log.map is not None else 0) >= shown
        said = drive(log)
        assert log.is_leader == (log.cluster is not None)
        formed = [output for output in said if isinstance(output, Formed)]
        assert len(formed) == (log.cluster is not None)
        assert compacted(recover(log.records())) == log.records()
    assert prefixes[-1][1] == 8


def test_a_removed_leader_hands_over_to_those_who_do_not_know_it_any_more() -> None:
    """A newcomer dropped the messages of a leader that was no member of its map."""
    world = quiet_world(nodes=2, voters=1)
    world.run_for(5.0)
    result = propose(world, world.nodes[N2], RemoveMember(N1))
    assert result.result is not None and result.result.is_applied
    world.run_for(10.0)
    status = log_of(world.nodes[N2]).status
    assert (status.role, status.voters) == ("leader", (N2,))
    assert set_value(world, world.nodes[N2], "after").result is not None


def test_a_genesis_that_is_told_again_changes_nothing() -> None:
    """Its birth tells it after every restart."""
    log = fresh_log()
    log.handle(Hold(genesis_of(1, 1)), 100.0)
    drive(log)
    log.handle(Hold(genesis_of(1, 1)), 100.0)
    assert log.take() == []
    assert fresh_log(N4).map is None


def test_a_proposal_without_a_cluster_is_refused() -> None:
    """It is known that it does not happen."""
    log = fresh_log()
    log.handle(Propose(3, RemoveMember(N2)), 100.0)
    (result,) = log.take()
    assert isinstance(result, Result) and result.result is not None
    assert "no cluster" in result.result.text


def test_leaving_a_cluster_forgets_all_but_the_vote() -> None:
    """The map goes, proposals end unknown, and nothing of the group is said any more."""
    log = fresh_log()
    log.handle(Hold(genesis_of(1, 1)), 100.0)
    drive(log)
    log.handle(Release(), 100.0)
    outputs = log.take()
    assert MapChanged(None) in outputs
    assert (log.map, log.cluster, log.is_leader) == (None, None, False)
    recovered = recover(log.records())
    assert (recovered.map, recovered.group) == (None, None)
    assert recovered.past_vote(CLUSTER).vote == N1
    log.handle(Hold(genesis_of(1, 1)), 101.0)
    assert log.cluster is None, "a cluster that was left is not joined by its old genesis"


def test_another_genesis_ends_the_first_cluster() -> None:
    """A node belongs to one cluster; the last decision of its birth counts."""
    log = fresh_log()
    log.handle(Hold(genesis_of(1, 1)), 100.0)
    drive(log)
    other = attrs.evolve(genesis_of(1, 1), identifier=ClusterId("d" * 8 + CLUSTER[8:]))
    log.handle(Hold(other), 100.0)
    drive(log)
    assert log.cluster == other.identifier
    assert recover(log.records()).past_vote(CLUSTER).term > 1


def test_messages_of_another_cluster_s_group_are_dropped() -> None:
    """Groups of two clusters have the same number; a term must not leak from one to the other."""
    log = fresh_log()
    log.handle(Hold(genesis_of(1, 1)), 100.0)
    drive(log)
    term = log.status.term
    beat = Heartbeat(source=N2, target=N1, term=99, commit=0, round=1)
    for cluster in (b"", b"x" * 16):
        message = RaftMessage(METADATA_GROUP, encode_raft_message(beat), b"", cluster)
        log.handle(MessageReceived(N2, endpoint_of(N2), message), 100.0)
    stolen = RaftMessage(METADATA_GROUP, encode_raft_message(beat), b"", id_to_bytes(CLUSTER))
    log.handle(MessageReceived(N3, endpoint_of(N3), stolen), 100.0)
    garbage = RaftMessage(METADATA_GROUP, b"\x01garbage", b"", id_to_bytes(CLUSTER))
    log.handle(MessageReceived(N2, endpoint_of(N2), garbage), 100.0)
    drive(log)
    assert (log.status.term, log.is_leader) == (term, True)


def test_a_node_without_a_map_ignores_the_log() -> None:
    """It cannot know that the sender's cluster is its own."""
    log = fresh_log()
    beat = Heartbeat(source=N2, target=N1, term=5, commit=0, round=1)
    message = RaftMessage(METADATA_GROUP, encode_raft_message(beat), b"", id_to_bytes(CLUSTER))
    log.handle(MessageReceived(N2, endpoint_of(N2), message), 100.0)
    assert (log.take(), log.cluster) == ([], None)


def requests_of_maps(log: MetadataLog) -> list[NodeId]:
    """Whom the log asked for a map, since the last time."""
    return [
        output.node
        for output in drive(log)
        if isinstance(output, Send) and isinstance(output.message, MapRequest)
    ]


def test_a_learner_that_was_removed_got_each_new_map_two_seconds_late() -> None:
    """Nobody tells it that it was removed; it waits for the log only while the log speaks."""
    log = fresh_log()
    log.handle(Hold(genesis_of(1, 1)), 100.0)
    drive(log)
    beat = Heartbeat(source=N2, target=N1, term=99, commit=0, round=1)
    message = RaftMessage(METADATA_GROUP, encode_raft_message(beat), b"", id_to_bytes(CLUSTER))
    log.handle(MessageReceived(N2, endpoint_of(N2), message), 100.0)
    assert log.status.leader == N2
    log.handle(EpochSeen(N3, endpoint_of(N3), 7, CLUSTER), 101.0)
    assert requests_of_maps(log) == []
    log.handle(Release(), 101.0)
    drive(log)

    log = fresh_log()
    log.handle(Hold(genesis_of(1, 1)), 100.0)
    log.handle(MessageReceived(N2, endpoint_of(N2), message), 100.0)
    drive(log)
    log.handle(EpochSeen(N3, endpoint_of(N3), 7, CLUSTER), 100.0 + 3.0)
    assert requests_of_maps(log) == [N3]
