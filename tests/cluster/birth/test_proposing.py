from __future__ import annotations

from cluster.birth.events import Answer, DataChanged, FormNow, Hold, MembersChanged
from cluster.birth.state import Stage
from cluster.control.requests import RequestRefused
from cluster.identity import ClusterId, id_to_bytes
from cluster.map.codec import decode_genesis
from cluster.wire.messages import (
    ClaimsReply,
    GenesisAccepted,
    GenesisCall,
    GenesisDropped,
    GenesisOffer,
    GenesisRefused,
)
from tests.cluster.birth.lone_node import LoneNode
from tests.sim.birth_nodes import node_id, view


def _calling(*others: int) -> tuple[LoneNode, int]:
    node = LoneNode(1, others=others)
    node.wait(1.0)
    ((_, call), *_) = node.sent(GenesisCall)
    assert isinstance(call, GenesisCall)
    return node, call.call


def _offered(node: LoneNode) -> dict[int, ClusterId]:
    return {
        target: decode_genesis(message.genesis).identifier
        for target, message in node.sent()
        if isinstance(message, GenesisOffer)
    }


def test_the_second_candidate_is_patient() -> None:
    """Node 2 waits ten seconds longer than node 1 would, and node 3 twenty."""
    node = LoneNode(3, others=[1, 2])
    node.wait(20.9)
    assert node.sent(GenesisCall) == []
    node.wait(0.2)
    assert {target for target, _ in node.sent(GenesisCall)} == {1, 2}


def test_a_formed_cluster_in_contact_is_waited_for() -> None:
    """Nobody proposes while there is somebody to take them in."""
    node = LoneNode(1)
    formed = view(2, cluster=ClusterId("c"))
    node.tell(MembersChanged((view(1), formed, view(3))))
    node.wait(100)
    assert node.sent() == []


def test_late_answers_and_answers_to_other_calls_do_not_count() -> None:
    """A reply of an earlier call may show old claims."""
    node, call = _calling(2, 3)
    node.hear(2, ClaimsReply(call + 1, [], 0, False, False))
    node.hear(2, ClaimsReply(call, [], 0, False, False))
    node.hear(4, ClaimsReply(call, [], 0, False, False))
    assert _offered(node) == {}
    node.wait(2.0)
    assert set(_offered(node)) == {2}
    node.hear(3, ClaimsReply(call, [], 0, False, False))
    assert _offered(node) == {}


def test_claims_that_are_no_set_of_slots_are_not_taken() -> None:
    """Overlapping, unsorted and impossible ranges count as no answer."""
    node, call = _calling(2)
    for ranges in ([(5, 4)], [(0, 16384)], [(0, 5), (5, 9)], [(9, 9), (0, 0)], [(-1, 3)]):
        node.hear(2, ClaimsReply(call, ranges, 0, False, False))
    node.hear(2, ClaimsReply(call, [], -1, False, False))
    assert _offered(node) == {}
    node.hear(2, ClaimsReply(call, [(0, 5), (7, 9)], 0, False, False))
    assert set(_offered(node)) == {2}


def test_only_the_last_acceptance_decides() -> None:
    """And one for another genesis never does."""
    node, call = _calling(2, 3)
    for number in (2, 3):
        node.hear(number, ClaimsReply(call, [], 0, False, False))
    cluster = id_to_bytes(_offered(node)[2])
    node.hear(2, GenesisAccepted(cluster))
    node.hear(2, GenesisAccepted(cluster))
    node.hear(3, GenesisAccepted(b"x" * 16))
    assert node.stage() is Stage.PROPOSING
    node.hear(3, GenesisAccepted(cluster))
    assert [output for output in node.said() if isinstance(output, Hold)]
    assert node.stage() is Stage.HELD


def test_a_refusal_withdraws_the_offer() -> None:
    """All hear of it; the request behind it is told why; the next attempt is a little later."""
    node, call = _calling(2, 3)
    node.tell(FormNow(7))
    for number in (2, 3):
        node.hear(number, ClaimsReply(call, [], 0, False, False))
    cluster = id_to_bytes(_offered(node)[2])
    node.hear(3, GenesisRefused(cluster, "so it is", is_incomplete=False))
    said = node.said()
    assert [o.answer for o in said if isinstance(o, Answer)] == [
        RequestRefused(f"ERR no cluster is formed: node {node_id(3)} refuses: so it is")
    ]
    node.outputs = list(said)
    assert node.sent(GenesisDropped) == [(n, GenesisDropped(cluster)) for n in (2, 3)]
    assert node.stage() is Stage.UNFORMED
    node.hear(2, GenesisAccepted(cluster))
    assert node.stage() is Stage.UNFORMED
    node.wait(2.0)
    assert node.stage() is Stage.PROPOSING


def test_who_is_silent_after_the_call_is_not_asked_for_a_while() -> None:
    """A node whose disk hangs answers calls and accepts nothing; it must not stop all others."""
    node, call = _calling(2, 3)
    for number in (2, 3):
        node.hear(number, ClaimsReply(call, [], 0, False, False))
    cluster = id_to_bytes(_offered(node)[2])
    node.hear(2, GenesisAccepted(cluster))
    node.wait(5.0)
    node.said()
    node.wait(2.0)
    assert {target for target, _ in node.sent(GenesisCall)} == {2}


def test_first_data_withdraws_an_offer_and_forms_alone() -> None:
    """Nobody else may decide what becomes of keys."""
    node, call = _calling(2)
    node.hear(2, ClaimsReply(call, [], 0, False, False))
    node.tell(DataChanged(has_data=True))
    held = [output.genesis for output in node.said() if isinstance(output, Hold)]
    assert [[member.node for member in genesis.members] for genesis in held] == [[node_id(1)]]


def test_a_request_is_answered_in_the_end() -> None:
    """After 30 seconds without a cluster the answer is that nobody knows yet."""
    node = LoneNode(1)
    node.tell(FormNow(1))
    node.wait(30.0)
    (answer,) = [output.answer for output in node.said() if isinstance(output, Answer)]
    assert isinstance(answer, RequestRefused)
    assert answer.is_unknown


def test_a_proposer_that_hears_of_more_nodes_was_taken_for_one_that_failed() -> None:
    """Its request ended with an error and its pauses doubled; now it tries again at once."""
    node, call = _calling(2, 3)
    node.tell(FormNow(7))
    for _ in range(6):
        for number in (2, 3):
            node.hear(number, ClaimsReply(call, [], 0, False, False))
        cluster = id_to_bytes(_offered(node)[2])
        node.hear(3, GenesisRefused(cluster, "so it is", is_incomplete=True))
        said = node.said()
        assert not [output for output in said if isinstance(output, Answer)]
        node.outputs = said
        assert node.sent(GenesisDropped) == [(n, GenesisDropped(cluster)) for n in (2, 3)]
        node.wait(0.5)
        ((_, again), *_) = node.sent(GenesisCall)
        assert isinstance(again, GenesisCall)
        call = again.call


def test_an_offer_says_whom_it_leaves_out() -> None:
    """Whoever is in contact and has not answered, or cannot take part."""
    node, call = _calling(2, 3, 4)
    node.hear(2, ClaimsReply(call, [], 0, False, False))
    node.hear(3, ClaimsReply(call, [], 0, True, False))
    node.wait(2.0)
    offers = [m for _, m in node.sent() if isinstance(m, GenesisOffer)]
    assert offers and all(
        set(offer.left_out) == {id_to_bytes(node_id(3)), id_to_bytes(node_id(4))}
        for offer in offers
    )
