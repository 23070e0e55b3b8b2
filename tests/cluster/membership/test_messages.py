from __future__ import annotations

from cluster.identity import Boot, Endpoint, NodeId, Precedence
from cluster.membership.facts import NodeFacts
from cluster.membership.messages import Alive, MemberStatus


def test_suspected_members_are_live() -> None:
    """Who may still refute counts as a member; the numbers are on the wire."""
    assert [status.is_live for status in MemberStatus] == [True, True, False, False]
    assert [status.value for status in MemberStatus] == [0, 1, 2, 3]


def test_an_alive_has_the_precedence_of_its_life() -> None:
    """Generation first, then incarnation; the nonce plays no part."""
    claim = Alive(NodeId("n"), Endpoint("h", 1), Boot(3, 99), 7, None, NodeFacts())
    assert claim.precedence == Precedence(3, 7)
