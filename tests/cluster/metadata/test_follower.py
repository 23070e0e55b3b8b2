"""A node that hears of newer maps gets them: from whom, when, and what it never takes."""

from __future__ import annotations

import attrs

from cluster.identity import ClusterId, NodeId, id_to_bytes
from cluster.journal.records import RecordKind
from cluster.map.codec import encode_map
from cluster.map.deltas import Delta, encode_delta
from cluster.map.genesis import genesis_map
from cluster.map.values import ClusterMap
from cluster.membership.events import EpochSeen
from cluster.metadata.events import Save
from cluster.metadata.follower import MapFollower
from cluster.metadata.held_map import HeldMap
from cluster.metadata.options import MetadataOptions
from cluster.metadata.saving import SaveQueue
from cluster.wire.messages import MapReply, MapRequest
from tests.cluster.metadata.test_held_map import changes_of
from tests.sim.metadata_world import CLUSTER, endpoint_of, genesis_of, node_id

N1, N2, N3 = (node_id(number) for number in range(1, 4))
FIRST = genesis_map(genesis_of(1, 3))
HERE = id_to_bytes(CLUSTER)
OPTIONS = MetadataOptions()


class LoneFollower:
    """Node 1; everything it sends, saves and shows is kept."""

    def __init__(self, held: ClusterMap | None = FIRST) -> None:
        self.now = 10.0
        self.sent: list[tuple[NodeId, MapRequest]] = []
        self.shown: list[int] = []
        self.saves = SaveQueue()
        self.held = HeldMap(held, kept_changes=8)
        self.follower = MapFollower(
            N1,
            OPTIONS,
            self.held,
            saves=self.saves,
            send=lambda seen, request: self.sent.append((seen.node, request)),
            show=lambda: self.shown.append(self.held.epoch),
        )

    def see(
        self,
        node: NodeId,
        epoch: int,
        *,
        cluster: ClusterId | None = CLUSTER,
        is_patient: bool = False,
    ) -> None:
        """Gossip tells of an epoch."""
        seen = EpochSeen(node, endpoint_of(node), epoch, cluster)
        self.follower.seen(seen, is_patient=is_patient, now=self.now)

    def answer(self, node: NodeId, *, whole: ClusterMap | None = None, delta: bytes = b"") -> None:
        """A node answers a request."""
        data = encode_map(whole) if whole else b""
        reply = MapReply(HERE, whole.epoch if whole else 0, delta, data)
        self.follower.take_reply(node, reply, self.now)

    def save(self) -> list[Save]:
        """Let the disk finish what is under way."""
        saves = self.saves.take()
        if saves:
            self.saves.saved(saves[-1].number, self.now)
        return saves

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds
        self.follower.on_deadline(self.now)

    def asked(self) -> list[tuple[NodeId, int]]:
        """Who was asked, and from which epoch on; forgotten after."""
        asked = [(node, request.known_epoch) for node, request in self.sent]
        self.sent.clear()
        return asked


def later(count: int = 3) -> ClusterMap:
    """The map after so many changes."""
    return changes_of(FIRST, count)[-1].after.published()


def test_a_newer_map_is_asked_for_saved_and_then_shown() -> None:
    """What was shown once is there after a restart."""
    lone = LoneFollower()
    lone.see(N2, 4)
    assert lone.asked() == [(N2, 1)]
    lone.answer(N2, whole=later())
    assert lone.shown == []
    (save,) = lone.save()
    assert [record.kind for record in save.records] == [RecordKind.MAP]
    assert (lone.shown, lone.held.map) == ([4], later())
    assert lone.follower.deadline() is None


def test_an_epoch_that_is_held_is_no_news() -> None:
    """Gossip tells it all the time."""
    lone = LoneFollower(later())
    lone.see(N2, 4)
    lone.see(N2, 3)
    assert lone.asked() == []


def test_one_is_asked_at_a_time_the_newest_first() -> None:
    """Ten nodes that tell the same do not cause ten maps."""
    lone = LoneFollower()
    lone.see(N2, 3)
    lone.see(N3, 9)
    assert lone.asked() == [(N2, 1)]
    lone.answer(N2, whole=later(2))
    assert lone.asked() == [(N3, 3)], "the map that is being saved counts as known"


def test_a_delta_leads_to_the_same_map() -> None:
    """Most maps come as what changed."""
    lone = LoneFollower(FIRST)
    changes = changes_of(FIRST, 2)
    source = HeldMap(FIRST, kept_changes=8)
    for change in changes:
        source.advance(change.after.published(), (change,))
    lone.see(N2, 3)
    reply = source.reply_to(lone.sent[0][1], [])
    assert reply is not None and reply.delta
    lone.follower.take_reply(N2, reply, lone.now)
    lone.save()
    assert lone.held.map == changes[-1].after.published()


def test_a_delta_that_does_not_fit_is_answered_by_asking_for_the_whole() -> None:
    """Of the same node, which has it."""
    lone = LoneFollower()
    lone.see(N2, 4)
    lone.asked()
    lone.answer(N2, delta=encode_delta(Delta(3, 4, (), b"d" * 16)))
    assert lone.asked() == [(N2, 0)]


def test_a_node_that_does_not_answer_is_left_for_another() -> None:
    """After the timeout, or as soon as its link breaks."""
    lone = LoneFollower()
    lone.see(N2, 4)
    lone.see(N3, 4)
    lone.asked()
    lone.wait(OPTIONS.map_request_timeout_s)
    assert lone.asked() == [(N3, 1)]
    lone.see(N2, 4)
    lone.follower.link_failed(N3, lone.now)
    assert lone.asked() == [(N2, 1)]
    lone.wait(OPTIONS.map_request_timeout_s)
    assert lone.asked() == [], "nobody is left to ask"
    assert lone.follower.deadline() is None


def test_what_nobody_asked_for_is_dropped() -> None:
    """A map is taken from who was asked, once."""
    lone = LoneFollower()
    lone.answer(N2, whole=later())
    lone.see(N2, 4)
    lone.answer(N3, whole=later())
    assert lone.save() == []
    lone.answer(N2, whole=later())
    lone.answer(N2, whole=later(4))
    assert len(lone.save()) == 1


def test_maps_of_other_clusters_and_older_ones_are_not_taken() -> None:
    """Whatever the answer claims to be."""
    other = ClusterId("d" * 8 + CLUSTER[8:])
    lone = LoneFollower()
    lone.see(N2, 9, cluster=other)
    lone.see(N2, 9, cluster=None)
    assert lone.asked() == []
    for wrong in (attrs.evolve(later(), cluster=other), FIRST):
        lone.see(N2, 9)
        lone.answer(N2, whole=wrong)
    lone.see(N2, 9)
    lone.follower.take_reply(N2, MapReply(HERE, 9, b"", b"garbage"), lone.now)
    assert (lone.save(), lone.shown) == ([], [])


def test_a_node_without_a_cluster_takes_a_map_that_names_it() -> None:
    """This is how it becomes a member."""
    lone = LoneFollower(None)
    lone.see(N2, 4)
    assert lone.asked() == [(N2, 0)]
    lone.answer(N2, whole=later())
    lone.save()
    assert lone.shown == [4]


def test_a_node_without_a_cluster_takes_no_map_without_it() -> None:
    """It was not admitted yet, and goes on as it was."""
    lone = LoneFollower(None)
    lone.see(N2, 4)
    members = {node: member for node, member in later().members.items() if node != N1}
    lone.answer(N2, whole=attrs.evolve(later(), members=members))
    assert (lone.save(), lone.shown) == ([], [])


def test_a_member_of_the_log_waits_for_its_log_first() -> None:
    """The log brings the same map without asking."""
    lone = LoneFollower()
    lone.see(N2, 4, is_patient=True)
    assert lone.asked() == []
    lone.wait(OPTIONS.member_patience_s)
    assert lone.asked() == [(N2, 1)]


def test_what_is_being_saved_when_the_cluster_is_left_is_not_shown() -> None:
    """The map of a cluster that was left never comes back."""
    lone = LoneFollower()
    lone.see(N2, 4)
    lone.answer(N2, whole=later())
    lone.held.clear()
    lone.follower.clear()
    lone.save()
    assert (lone.shown, lone.held.map) == ([], None)
