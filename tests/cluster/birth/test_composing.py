from __future__ import annotations

import attrs
import pytest

from cluster.birth.composing import choose_voters, is_claim_shown, voters_wanted
from cluster.map.genesis import flaw_of_genesis
from cluster.map.values import Claim
from cluster.membership.facts import NodeFacts, Role
from cluster.slots import SlotSet
from tests.cluster.birth.lone_node import genesis_of
from tests.sim.birth_nodes import node_id, view


@pytest.mark.parametrize(
    ("eligible", "voters"), [(1, 1), (2, 1), (3, 3), (6, 3), (7, 5), (100, 5)]
)
def test_voters_are_one_three_or_five(eligible: int, voters: int) -> None:
    """Two would be two single points of failure; more than five only cost time."""
    members = [view(number) for number in range(1, eligible + 1)]
    assert voters_wanted(eligible) == voters
    assert len(choose_voters(members[0], members)) == voters


def test_only_nodes_with_the_role_vote_and_the_proposer_does() -> None:
    """Three members of which two have the role: the proposer alone."""
    members = [view(1, roles=Role.STORAGE), view(2), view(3)]
    assert choose_voters(members[1], members) == (node_id(2),)


def test_voters_are_on_machines_and_in_racks_of_their_own() -> None:
    """Of seven nodes in three racks each rack has a voter before any has two."""
    racks = ["a", "a", "a", "b", "b", "c", "c"]
    members = [
        attrs.evolve(view(n), facts=NodeFacts(rack=rack, machine="m"))
        for n, rack in enumerate(racks, 1)
    ]
    chosen = choose_voters(members[0], members)
    assert set(chosen[:3]) == {node_id(1), node_id(4), node_id(6)}
    one_rack = [
        attrs.evolve(view(n), facts=NodeFacts(machine=machine))
        for n, machine in enumerate(["x", "x", "y", "z"], 1)
    ]
    assert set(choose_voters(one_rack[0], one_rack)) == {node_id(1), node_id(3), node_id(4)}


def test_a_genesis_has_no_flaw_and_shows_claims_as_they_are() -> None:
    """Empty claims are left out, and count as shown when they are still empty."""
    claim = Claim(node_id(2), SlotSet.span(0, 9), 4)
    genesis = genesis_of(1, 2, 3, claims=[claim, Claim(node_id(3), SlotSet())])
    assert flaw_of_genesis(genesis) is None
    assert genesis.claims == (claim,)
    assert is_claim_shown(genesis, claim)
    assert not is_claim_shown(genesis, attrs.evolve(claim, config_epoch=5))
    assert is_claim_shown(genesis, Claim(node_id(3), SlotSet()))
    assert not is_claim_shown(genesis, Claim(node_id(3), SlotSet(), 1))
    assert not is_claim_shown(genesis, Claim(node_id(2), SlotSet()))
