from __future__ import annotations

import pytest

from cluster.birth.events import (
    ClusterFormed,
    ClusterLost,
    Contact,
    DataChanged,
    DissolveWanted,
    ForeignSeen,
    MapNews,
    Notice,
)
from cluster.identity import ClusterId, id_to_bytes
from cluster.wire.messages import ClusterHello
from tests.cluster.birth.lone_node import LoneNode
from tests.sim.birth_nodes import endpoint, node_id

OWN = ClusterId("70000000-0000-4000-8000-000000000000")
LOWER = ClusterId("10000000-0000-4000-8000-000000000000")
HIGHER = ClusterId("f0000000-0000-4000-8000-000000000000")


def _formed() -> LoneNode:
    node = LoneNode(1)
    node.tell(ClusterFormed(OWN, {node_id(1), node_id(2)}))
    members = tuple((node_id(n), endpoint(n)) for n in (1, 2))
    node.tell(MapNews(1, False, members, node_id(2)))
    node.said()
    return node


@pytest.mark.parametrize(
    ("other", "own_keys", "other_keys", "gives_way"),
    [
        (LOWER, False, False, True),
        (HIGHER, False, False, False),
        (HIGHER, False, True, True),
        (LOWER, True, False, False),
        (LOWER, True, True, False),
    ],
)
def test_who_gives_way(
    other: ClusterId, own_keys: bool, other_keys: bool, gives_way: bool
) -> None:
    """Keys decide first, then the lower id; with keys on both sides nobody."""
    node = _formed()
    node.tell(DataChanged(own_keys))
    node.hear(9, ClusterHello(id_to_bytes(other), other_keys, is_reply=True))
    said = node.said()
    assert (DissolveWanted(other) in said) == gives_way
    is_told = any(isinstance(output, Notice) for output in said)
    assert is_told == (own_keys and other_keys)


def test_both_sides_never_give_way_together() -> None:
    """The rule gives opposite answers for the two sides, whatever holds keys."""
    for own_keys in (False, True):
        for other_keys in (False, True):
            verdicts = []
            for own, other, mine, theirs in (
                (OWN, LOWER, own_keys, other_keys),
                (LOWER, OWN, other_keys, own_keys),
            ):
                node = LoneNode(1)
                node.tell(ClusterFormed(own, {node_id(1)}), DataChanged(mine))
                node.said()
                node.hear(9, ClusterHello(id_to_bytes(other), theirs, is_reply=True))
                verdicts.append(DissolveWanted(other) in node.said())
            assert sum(verdicts) == (0 if own_keys and other_keys else 1)


def test_greetings_are_answered_and_rare() -> None:
    """One hello per cluster in five seconds; replies are not replied to."""
    node = _formed()
    for _ in range(3):
        node.tell(ForeignSeen(endpoint(9), HIGHER))
    own = id_to_bytes(OWN)
    assert node.sent() == [(9, ClusterHello(own, False, is_reply=False))]
    node.hear(9, ClusterHello(id_to_bytes(HIGHER), False, is_reply=False))
    assert node.sent() == [(9, ClusterHello(own, False, is_reply=True))]
    node.hear(9, ClusterHello(id_to_bytes(HIGHER), False, is_reply=True))
    assert node.sent() == []
    node.now += 5.0
    node.tell(ForeignSeen(endpoint(9), HIGHER))
    assert len(node.sent()) == 1


def test_an_unformed_node_greets_nobody() -> None:
    """It has no cluster to speak of; and a hello of one's own cluster is none."""
    node = LoneNode(1)
    node.tell(ForeignSeen(endpoint(9), HIGHER))
    node.hear(9, ClusterHello(id_to_bytes(HIGHER), False, is_reply=False))
    assert node.sent() == []
    formed = _formed()
    formed.hear(9, ClusterHello(id_to_bytes(OWN), False, is_reply=False))
    assert formed.said() == []


def test_the_leader_is_told_by_whoever_meets_the_other() -> None:
    """As a reply, so that it asks nothing; with the keys that the other one has."""
    node = _formed()
    node.hear(9, ClusterHello(id_to_bytes(HIGHER), True, is_reply=True))
    assert node.sent() == [(2, ClusterHello(id_to_bytes(HIGHER), True, is_reply=True))]


def test_keys_of_other_members_count() -> None:
    """A node without keys says that its cluster holds some, when it knows."""
    node = _formed()
    node.tell(DataChanged(has_data=True, is_cluster_wide=True))
    node.tell(ForeignSeen(endpoint(9), LOWER))
    assert node.sent() == [(9, ClusterHello(id_to_bytes(OWN), True, is_reply=False))]


def test_a_dissolved_node_contacts_the_cluster_that_stays() -> None:
    """At the endpoints where it was seen, which are bounded in number."""
    node = _formed()
    for number in range(10, 40):
        node.tell(ForeignSeen(endpoint(number), LOWER))
    node.tell(ClusterLost(OWN, LOWER))
    (contact,) = [output for output in node.said() if isinstance(output, Contact)]
    assert contact.endpoints == tuple(endpoint(number) for number in range(24, 40))


def test_strangers_do_not_fill_the_memory() -> None:
    """The oldest foreign cluster is forgotten."""
    node = _formed()
    for number in range(100):
        cluster = ClusterId(f"{number:08x}-0000-4000-8000-000000000000")
        node.hear(9, ClusterHello(id_to_bytes(cluster), False, is_reply=True))
    assert len(node.core._merging._foreign) == 16
