from __future__ import annotations

import pytest

from cluster.membership.facts import NodeFacts, Role


def test_weights_are_thousandths() -> None:
    """A weight is what will be sent, so that sender and receiver hold the same."""
    assert NodeFacts(capacity_weight=1 / 3).capacity_weight == 0.333


@pytest.mark.parametrize("weight", [0.0, -1.0, 1000.5, 0.0001])
def test_weights_have_bounds(weight: float) -> None:
    """A node without weight holds nothing and should not carry data at all."""
    with pytest.raises(ValueError, match="capacity_weight"):
        NodeFacts(capacity_weight=weight)


def test_names_are_bounded() -> None:
    """Facts must fit into datagrams."""
    with pytest.raises(ValueError, match="rack"):
        NodeFacts(rack="r" * 65)


def test_role_numbers_are_on_the_wire() -> None:
    """They never change their meaning."""
    assert [role.value for role in Role] == [1, 2, 4]
