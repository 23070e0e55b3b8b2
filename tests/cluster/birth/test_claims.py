from __future__ import annotations

from cluster.birth.claims import BEING_FORMED, IN_A_CLUSTER
from cluster.birth.events import Answer, ClaimSlots, ClusterFormed, SetClaimEpoch, UnclaimSlots
from cluster.control.requests import Done
from cluster.map.codec import encode_genesis
from cluster.slots import SlotSet
from cluster.wire.messages import GenesisOffer
from tests.cluster.birth.lone_node import LoneNode, genesis_of
from tests.sim.birth_nodes import node_id


def _answers(node: LoneNode) -> list[tuple[int, str]]:
    return [
        (output.token, "OK" if isinstance(output.answer, Done) else output.answer.text)
        for output in node.said()
        if isinstance(output, Answer)
    ]


def test_a_claim_is_durable_before_it_is_answered() -> None:
    """With a slow disk there is no answer yet; what changes nothing needs no disk."""
    node = LoneNode()
    node.is_disk_held = True
    node.tell(ClaimSlots(1, SlotSet.span(0, 5)))
    assert _answers(node) == []
    node.is_disk_held = False
    quick = LoneNode()
    quick.tell(UnclaimSlots(1, None))
    assert _answers(quick) == [(1, "OK")]
    assert quick.journal == []


def test_claims_answer_as_redis_does() -> None:
    """Busy and unassigned slots by the first of them; an epoch is given once."""
    node = LoneNode()
    node.tell(
        ClaimSlots(1, SlotSet.span(0, 9)),
        ClaimSlots(2, SlotSet.of([20, 7])),
        UnclaimSlots(3, SlotSet.of([5, 11])),
        UnclaimSlots(4, SlotSet.of([5])),
        SetClaimEpoch(5, -1),
        SetClaimEpoch(6, 3),
        SetClaimEpoch(7, 4),
    )
    assert _answers(node) == [
        (1, "OK"),
        (2, "ERR Slot 7 is already busy"),
        (3, "ERR Slot 11 is already unassigned"),
        (4, "OK"),
        (5, "ERR Invalid config epoch specified: -1"),
        (6, "OK"),
        (7, "ERR Node config epoch is already non-zero"),
    ]
    assert (str(node.core.claim.slots), node.core.claim.config_epoch) == ("0-4 6-9", 3)
    assert node.core.has_claims


def test_claims_are_locked_until_the_outcome() -> None:
    """After an acceptance nothing changes; in a cluster the map decides."""
    node = LoneNode(2, others=[1])
    genesis = genesis_of(1, 2)
    node.hear(1, GenesisOffer(encode_genesis(genesis), []))
    node.tell(ClaimSlots(1, SlotSet.of([1])), SetClaimEpoch(2, 1), UnclaimSlots(3, None))
    assert _answers(node) == [(token, BEING_FORMED) for token in (1, 2, 3)]
    node.tell(ClusterFormed(genesis.identifier, {node_id(1), node_id(2)}))
    node.tell(ClaimSlots(4, SlotSet.of([1])))
    assert _answers(node) == [(4, IN_A_CLUSTER)]
