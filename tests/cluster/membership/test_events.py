from __future__ import annotations

from cluster.identity import Boot, Endpoint, NodeId, Precedence
from cluster.membership.events import MemberView
from cluster.membership.facts import NodeFacts
from cluster.membership.messages import MemberStatus


def test_a_view_tells_the_age_of_what_is_held() -> None:
    """A view compares with claims by the same precedence."""
    view = MemberView(
        NodeId("n"),
        Endpoint("h", 1),
        Boot(2, 5),
        4,
        None,
        NodeFacts(),
        MemberStatus.ALIVE,
        changed_at=0.0,
    )
    assert view.precedence == Precedence(2, 4)
