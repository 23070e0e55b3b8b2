from __future__ import annotations

from cluster.birth.events import ClusterFormed, DataChanged, MapNews, Output, ProposeMerge
from cluster.identity import ClusterId, id_to_bytes
from cluster.map.commands import Dissolve, Freeze, Unfreeze
from cluster.wire.messages import ClusterHello, HasDataReply, HasDataRequest
from tests.cluster.birth.lone_node import LoneNode
from tests.sim.birth_nodes import endpoint, node_id

OWN = ClusterId("70000000-0000-4000-8000-000000000000")
OTHER = ClusterId("10000000-0000-4000-8000-000000000000")
MEMBERS = tuple((node_id(n), endpoint(n)) for n in (1, 2, 3))


def _news(epoch: int, *, is_frozen: bool = False, leader: int = 1) -> MapNews:
    return MapNews(epoch, is_frozen, MEMBERS, node_id(leader))


def _leader() -> LoneNode:
    node = LoneNode(1)
    node.tell(ClusterFormed(OWN, {node for node, _ in MEMBERS}), _news(1))
    node.said()
    return node


def _proposed(outputs: list[Output]) -> list[object]:
    return [output.command for output in outputs if isinstance(output, ProposeMerge)]


def _asking() -> LoneNode:
    node = _leader()
    node.hear(9, ClusterHello(id_to_bytes(OTHER), False, is_reply=True))
    assert _proposed(node.said()) == [Freeze()]
    node.tell(_news(2, is_frozen=True))
    request = HasDataRequest(2, id_to_bytes(OWN))
    assert node.sent() == [(2, request), (3, request)]
    return node


def test_all_must_answer_before_the_end() -> None:
    """Dissolve is proposed when the last member holds nothing, under the frozen map."""
    node = _asking()
    node.hear(2, HasDataReply(2, has_data=False))
    node.hear(3, HasDataReply(1, has_data=False))
    assert _proposed(node.said()) == []
    node.hear(3, HasDataReply(2, has_data=False))
    assert _proposed(node.said()) == [Dissolve(OTHER, 2)]
    node.wait(100.0)
    assert set(_proposed(node.said())) == {Dissolve(OTHER, 2)}


def test_a_dissolution_that_another_leader_took_back_is_not_proposed_again() -> None:
    """Between two freezes there may have been writes; the members are asked anew."""
    node = _asking()
    for number in (2, 3):
        node.hear(number, HasDataReply(2, has_data=False))
    assert _proposed(node.said()) == [Dissolve(OTHER, 2)]
    node.tell(_news(3))
    node.wait(100.0)
    assert Dissolve(OTHER, 2) not in _proposed(node.said())


def test_a_key_ends_it() -> None:
    """The cluster is unfrozen, and is known to hold data from then on."""
    node = _asking()
    node.hear(2, HasDataReply(2, has_data=True))
    assert _proposed(node.said()) == [Unfreeze()]
    node.tell(_news(3))
    node.hear(9, ClusterHello(id_to_bytes(OTHER), False, is_reply=False))
    assert node.sent() == [(9, ClusterHello(id_to_bytes(OWN), True, is_reply=True))]


def test_a_key_of_the_leader_ends_it() -> None:
    """It came between the hello and the freeze."""
    node = _leader()
    node.hear(9, ClusterHello(id_to_bytes(OTHER), False, is_reply=True))
    node.tell(DataChanged(has_data=True), _news(2, is_frozen=True))
    assert _proposed(node.said()) == [Freeze(), Unfreeze()]


def test_silence_ends_it() -> None:
    """Questions are repeated; after 30 seconds the cluster goes on as it was."""
    node = _asking()
    node.wait(29.0)
    assert len(node.sent(HasDataRequest)) >= 2 * 20
    node.wait(2.0)
    assert _proposed(node.said()) == [Unfreeze()]
    node.tell(_news(3))
    node.wait(100.0)
    assert _proposed(node.said()) == []


def test_a_new_map_begins_the_questions_anew() -> None:
    """Answers under another map do not count."""
    node = _asking()
    node.hear(2, HasDataReply(2, has_data=False))
    node.tell(_news(5, is_frozen=True))
    node.hear(3, HasDataReply(2, has_data=False))
    node.hear(3, HasDataReply(5, has_data=False))
    assert _proposed(node.said()) == []


def test_who_no_longer_leads_stops() -> None:
    """And a leader that finds a frozen map nobody works on takes the freeze back, in a while."""
    node = _asking()
    node.tell(_news(2, is_frozen=True, leader=2))
    node.wait(100.0)
    assert _proposed(node.said()) == []
    heir = _leader()
    heir.tell(_news(2, is_frozen=True))
    assert _proposed(heir.said()) == [Unfreeze()]


def test_members_answer_under_the_frozen_map_only() -> None:
    """Before that a write might still come in."""
    node = _leader()
    request = HasDataRequest(2, id_to_bytes(OWN))
    node.hear(2, request)
    assert node.sent() == []
    node.tell(_news(2, is_frozen=True, leader=2), DataChanged(has_data=True))
    node.hear(2, request)
    assert node.sent() == [(2, HasDataReply(2, has_data=True))]


def test_a_member_of_another_cluster_holds_nothing_of_this_one() -> None:
    """Found by a simulated partition: a map named a node that another cluster had taken in, and
    the cluster could never be dissolved.
    """
    node = _leader()
    node.tell(DataChanged(has_data=True))
    node.hear(2, HasDataRequest(9, id_to_bytes(OTHER)))
    assert node.sent() == [(2, HasDataReply(9, has_data=False))]
    unformed = LoneNode(1)
    unformed.hear(2, HasDataRequest(9, id_to_bytes(OTHER)))
    assert unformed.sent() == []
