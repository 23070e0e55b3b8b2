from __future__ import annotations

import attrs
import pytest

from cluster.birth.accepting import INCOMPLETE
from cluster.birth.events import ClaimSlots, Contact, Hold, MembersChanged, Release
from cluster.birth.state import Stage
from cluster.identity import id_to_bytes
from cluster.map.codec import encode_genesis
from cluster.map.values import Genesis
from cluster.membership.messages import MemberStatus
from cluster.slots import SlotSet
from cluster.wire.messages import (
    GenesisAccepted,
    GenesisDropped,
    GenesisHeld,
    GenesisOffer,
    GenesisQuery,
    GenesisRefused,
)
from tests.cluster.birth.lone_node import LoneNode, genesis_of
from tests.sim.birth_nodes import endpoint, node_id, view

GENESIS = genesis_of(1, 2, 3)
CLUSTER = id_to_bytes(GENESIS.identifier)
OFFER = GenesisOffer(encode_genesis(GENESIS), [])
HELD = GenesisHeld(encode_genesis(GENESIS))


def _accepted(*, holds_entries: bool = False) -> LoneNode:
    node = LoneNode(2, others=[1, 3], holds_entries=holds_entries)
    node.hear(1, OFFER)
    assert node.sent() == [(1, GenesisAccepted(CLUSTER))]
    return node


def _alone(node: LoneNode) -> None:
    node.tell(MembersChanged((view(2),)))


def test_an_acceptance_is_durable_before_it_is_told() -> None:
    """And a restart remembers it."""
    node = LoneNode(2, others=[1])
    node.is_disk_held = True
    node.hear(1, OFFER)
    assert node.sent() == []
    again = LoneNode(2, journal=_accepted().journal)
    assert again.stage() is Stage.ACCEPTED
    assert again.core.undecided == GENESIS.identifier


@pytest.mark.parametrize(
    ("source", "genesis", "reason"),
    [
        (1, genesis_of(1, 3), "it is no member of this genesis"),
        (3, genesis_of(3, 1, 2), "it takes part in another genesis"),
    ],
)
def test_refusals_say_why(source: int, genesis: Genesis, reason: str) -> None:
    """One genesis at a time, and only one that names this node."""
    node = _accepted() if "another" in reason else LoneNode(2, others=[1])
    node.hear(source, GenesisOffer(encode_genesis(genesis), []))
    refused = GenesisRefused(id_to_bytes(genesis.identifier), reason, is_incomplete=False)
    assert node.sent() == [(source, refused)]


REFUSED = GenesisRefused(CLUSTER, INCOMPLETE, is_incomplete=True)


def test_a_cluster_of_few_was_formed_beside_one_of_the_others() -> None:
    """Its proposer had not heard of them; who has refuses each copy of the offer, and tells it."""
    node = LoneNode(2, others=[1, 3, 4])
    for _ in range(2):
        node.hear(1, OFFER)
        said = node.said()
        assert Contact((endpoint(1),)) in said
        node.outputs = said
        assert node.sent() == [(1, REFUSED)]
    assert node.stage() is Stage.UNFORMED


def test_whom_the_proposer_knows_it_may_leave_out() -> None:
    """For silence, data, or another genesis; that was refused once for each, with a long pause."""
    node = LoneNode(2, others=[1, 3, 4])
    node.hear(1, GenesisOffer(OFFER.genesis, [id_to_bytes(node_id(4)), b"nonsense"]))
    assert node.sent() == [(1, GenesisAccepted(CLUSTER))]


def test_a_suspected_node_is_not_missed() -> None:
    """It may be dead; nobody waits for it."""
    node = LoneNode(2)
    suspected = attrs.evolve(view(4), status=MemberStatus.SUSPECTED)
    node.tell(MembersChanged((view(1), view(2), view(3), suspected)))
    node.hear(1, OFFER)
    assert node.sent() == [(1, GenesisAccepted(CLUSTER))]


def test_a_proposer_that_cannot_learn_of_a_node_is_not_refused_for_ever() -> None:
    """Ten seconds of a minute at most."""
    node = LoneNode(2, others=[1, 3, 4])
    refused_at = []
    for second in range(130):
        node.now = float(second)
        node.hear(1, OFFER)
        (answer,) = node.sent()
        if answer == (1, REFUSED):
            refused_at.append(second)
        else:
            assert answer == (1, GenesisAccepted(CLUSTER))
            break
    assert refused_at == list(range(10))


def test_a_stranger_that_knows_too_little_is_refused_and_not_dialled() -> None:
    """Anybody with the secret could make a node dial any number of addresses."""
    node = LoneNode(2, others=[3, 4])
    node.hear(1, OFFER)
    said = node.said()
    assert not [output for output in said if isinstance(output, Contact)]
    node.outputs = said
    assert node.sent() == [(1, REFUSED)]


def test_claims_and_data_refuse() -> None:
    """An offer that shows an old claim, and any offer to a node with data."""
    node = LoneNode(2, others=[1])
    node.tell(ClaimSlots(1, SlotSet.of([5])))
    node.hear(1, OFFER)
    assert node.sent() == [
        (1, GenesisRefused(CLUSTER, "its claims have changed", is_incomplete=False))
    ]
    unable = LoneNode(2, has_data=True)
    unable.said()
    unable.hear(1, OFFER)
    assert unable.stage() is Stage.HELD
    assert unable.sent() == [
        (1, GenesisRefused(CLUSTER, "it takes part in another genesis", is_incomplete=False))
    ]


def test_offers_of_strangers_are_dropped() -> None:
    """Who is not the proposer cannot offer; bytes that are no genesis are nothing."""
    node = LoneNode(2, others=[1, 3])
    node.hear(3, OFFER)
    node.hear(1, GenesisOffer(b"garbage", []))
    node.hear(1, GenesisHeld(b""))
    node.hear(1, GenesisAccepted(b"short"))
    assert node.sent() == []
    assert node.stage() is Stage.UNFORMED


def test_what_was_not_accepted_is_not_held() -> None:
    """News of a decision about an unknown genesis, or with other bytes, starts nothing."""
    node = LoneNode(2, others=[1, 3])
    node.hear(1, HELD)
    assert node.stage() is Stage.UNFORMED
    held = _accepted()
    held.hear(1, HELD)
    assert [output for output in held.said() if isinstance(output, Hold)] == [Hold(GENESIS)]
    held.hear(1, HELD)
    assert held.said() == []


def test_a_holder_starts_its_group_again_after_a_restart() -> None:
    """The crash may have come between the record and the start of the group."""
    node = _accepted()
    node.hear(3, HELD)
    again = LoneNode(2, journal=node.journal)
    assert Hold(GENESIS) in again.said()


def test_questions_are_answered_by_state() -> None:
    """Unknown, accepted, held, dropped; the proposer of an unknown genesis has dropped it."""
    node = LoneNode(2, others=[1, 3])
    node.hear(3, GenesisQuery(CLUSTER))
    assert node.sent() == [
        (3, GenesisRefused(CLUSTER, "it is not known here", is_incomplete=False))
    ]
    node.hear(3, GenesisQuery(CLUSTER, is_proposer=True))
    assert node.sent() == [(3, GenesisDropped(CLUSTER))]
    node.hear(1, OFFER)
    node.said()
    node.hear(3, GenesisQuery(CLUSTER))
    assert node.sent() == [(3, GenesisAccepted(CLUSTER))]
    node.hear(1, HELD)
    node.said()
    node.hear(3, GenesisQuery(CLUSTER))
    assert node.sent() == [(3, HELD)]


def test_an_acceptor_asks_until_it_knows() -> None:
    """The proposer and the other voters, once a second."""
    node = _accepted()
    node.wait(1.0)
    asked = [(1, GenesisQuery(CLUSTER, is_proposer=True)), (3, GenesisQuery(CLUSTER))]
    assert node.sent() == asked
    node.wait(1.0)
    assert node.sent() == asked
    node.hear(1, GenesisDropped(CLUSTER))
    assert node.stage() is Stage.UNFORMED
    assert (1, GenesisDropped(CLUSTER)) in node.sent()


def test_a_dropped_genesis_is_never_accepted_again() -> None:
    """A copy of the offer, or of the decision, that comes late is answered so; restarts too."""
    node = _accepted()
    node.hear(1, GenesisDropped(CLUSTER))
    for again in (node, LoneNode(2, others=[1, 3], journal=node.journal)):
        again.said()
        again.hear(1, OFFER)
        again.hear(1, HELD)
        assert again.sent() == [(1, GenesisDropped(CLUSTER))] * 2
        assert again.stage() is Stage.UNFORMED


def test_a_dead_proposer_is_waited_for_and_then_given_up() -> None:
    """Sixty seconds after its death, if the other live voter does not hold the genesis."""
    node = _accepted()
    node.wait(100.0)
    node.tell(MembersChanged((view(2), view(3))))
    for _ in range(59):
        node.wait(1.0)
        node.hear(3, GenesisAccepted(CLUSTER))
    assert node.stage() is Stage.ACCEPTED
    node.hear(3, GenesisAccepted(CLUSTER))
    node.wait(2.0)
    assert node.core.undecided is None


def test_a_silent_voter_may_hold_it_and_is_waited_for_longer() -> None:
    """Not for ever: a link may be dead in one direction only."""
    node = _accepted()
    node.tell(MembersChanged((view(2), view(3))))
    node.wait(170.0)
    assert node.stage() is Stage.ACCEPTED
    node.wait(12.0)
    assert node.core.undecided is None


def test_a_proposer_that_comes_back_begins_the_wait_anew() -> None:
    """The wait is for a proposer that has been dead all the time."""
    node = _accepted()
    _alone(node)
    node.wait(50.0)
    node.tell(MembersChanged((view(1), view(2))))
    node.wait(2.0)
    _alone(node)
    node.wait(50.0)
    assert node.stage() is Stage.ACCEPTED
    node.wait(12.0)
    assert node.stage() is Stage.UNFORMED


def test_a_holder_gives_up_when_no_majority_can_ever_form() -> None:
    """Two of three have dropped it; one is not enough, and whoever is no voter does not count."""
    node = _accepted(holds_entries=True)
    node.hear(1, HELD)
    node.hear(1, GenesisDropped(CLUSTER))
    node.hear(1, GenesisDropped(CLUSTER))
    node.hear(4, GenesisDropped(CLUSTER))
    assert node.stage() is Stage.HELD
    node.hear(3, GenesisDropped(CLUSTER))
    assert node.core.undecided is None
    assert Release(GENESIS.identifier) in node.said()


def test_a_holder_stops_its_group_before_it_writes_that_down() -> None:
    """Between the decision and the disk the group must not acknowledge anything."""
    node = _accepted()
    node.hear(1, HELD)
    node.said()
    node.is_disk_held = True
    node.hear(1, GenesisDropped(CLUSTER))
    node.hear(3, GenesisDropped(CLUSTER))
    assert node.said()[0] == Release(GENESIS.identifier)
    assert node.sent() == []


@pytest.mark.parametrize("holds_entries", [False, True])
def test_a_lone_holder_gives_up_only_without_entries(holds_entries: bool) -> None:
    """With an entry it may be half of the majority that formed the cluster."""
    node = _accepted(holds_entries=holds_entries)
    node.hear(1, HELD)
    _alone(node)
    node.wait(59.0)
    assert node.stage() is Stage.HELD
    node.wait(1000.0)
    assert (node.stage() is Stage.HELD) == holds_entries
