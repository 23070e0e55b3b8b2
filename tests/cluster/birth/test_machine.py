from __future__ import annotations

import logging

import attrs
import pytest

from cluster.birth.events import (
    Adopt,
    ClaimSlots,
    ClusterFormed,
    ClusterLost,
    DataChanged,
    Hold,
    MembersChanged,
    Notice,
    Release,
)
from cluster.birth.machine import DATA_STAYS_OUT, Birth
from cluster.birth.options import BirthOptions
from cluster.birth.state import Stage
from cluster.errors import OptionError
from cluster.identity import ClusterId, id_to_bytes
from cluster.map.codec import encode_genesis
from cluster.membership.facts import Role
from cluster.slots import SlotSet
from cluster.wire.messages import ClaimsReply, GenesisCall, GenesisDropped, GenesisOffer
from tests.cluster.birth.lone_node import LoneNode, genesis_of
from tests.sim.birth_nodes import node_id, view

GENESIS = genesis_of(1, 2, 3)
OTHER = ClusterId("f0000000-0000-4000-8000-000000000000")
MEMBERS = {node_id(1), node_id(2), node_id(3)}


def test_options_are_checked() -> None:
    """A profile that does not fit is refused at the start."""
    with pytest.raises(OptionError, match="quiet_s"):
        LoneNode(options=attrs.evolve(BirthOptions(), quiet_s=-1.0))


def test_a_map_adopts_an_unformed_node() -> None:
    """Durably before it is told; a restart is in the cluster from the start."""
    node = LoneNode(2)
    node.is_disk_held = True
    node.tell(ClusterFormed(OTHER, MEMBERS))
    assert Adopt(OTHER) not in node.said()
    done = LoneNode(2)
    done.tell(ClaimSlots(1, SlotSet.of([1])), ClusterFormed(OTHER, MEMBERS))
    assert Adopt(OTHER) in done.said()
    again = LoneNode(2, journal=done.journal)
    assert (again.core.cluster, again.stage()) == (OTHER, Stage.FORMED)
    assert not again.core.has_claims


def test_a_map_without_this_node_adopts_nobody() -> None:
    """Maps of other nodes pass by."""
    node = LoneNode(9)
    node.tell(ClusterFormed(OTHER, MEMBERS))
    assert node.stage() is Stage.UNFORMED


def test_a_map_does_not_take_keys_that_it_knows_nothing_of() -> None:
    """A node with data that could not form alone (it lacks the role) is not adopted either."""
    node = LoneNode(2)
    node.tell(MembersChanged((view(2, roles=Role.STORAGE),)), DataChanged(has_data=True))
    node.tell(ClusterFormed(OTHER, MEMBERS))
    assert node.stage() is Stage.UNFORMED
    assert Notice(logging.WARNING, DATA_STAYS_OUT.format(OTHER)) in node.said()


def test_nobody_is_in_two_clusters() -> None:
    """Who is formed follows no other map, and neither does who holds a genesis."""
    formed = LoneNode(2)
    formed.tell(ClusterFormed(OTHER, MEMBERS), ClusterFormed(GENESIS.identifier, MEMBERS))
    assert formed.core.cluster == OTHER
    holder = LoneNode(1, has_data=True)
    holder.tell(ClusterFormed(OTHER, MEMBERS))
    assert (holder.stage(), holder.core.cluster) == (Stage.HELD, None)


def test_a_voter_that_learns_by_map_starts_its_group() -> None:
    """It accepted, the news that the genesis holds never came, and the map names it."""
    node = LoneNode(2, others=[1, 3])
    node.hear(1, GenesisOffer(encode_genesis(GENESIS), []))
    node.said()
    node.tell(ClusterFormed(GENESIS.identifier, MEMBERS))
    said = node.said()
    assert said.index(Hold(GENESIS)) < said.index(Adopt(GENESIS.identifier))


def test_leaving_is_final_for_the_group() -> None:
    """The group stops at once; the genesis of that cluster is never held again."""
    node = LoneNode(2, others=[1, 3])
    node.hear(1, GenesisOffer(encode_genesis(GENESIS), []))
    node.tell(ClusterFormed(GENESIS.identifier, MEMBERS))
    node.said()
    node.tell(ClusterLost(OTHER))
    assert node.said() == []
    node.tell(ClusterLost(GENESIS.identifier))
    assert Release(GENESIS.identifier) in node.said()
    again = LoneNode(2, others=[1, 3], journal=node.journal)
    again.said()
    again.hear(1, GenesisOffer(encode_genesis(GENESIS), []))
    assert again.sent() == [(1, GenesisDropped(id_to_bytes(GENESIS.identifier)))]
    again.tell(ClusterFormed(GENESIS.identifier, MEMBERS))
    assert again.stage() is Stage.FORMED, "as a member that does not vote it may come back"


def test_calls_are_answered_with_what_is_so() -> None:
    """Claims, data, and whether something has this node already."""
    node = LoneNode(2, others=[1])
    node.tell(ClaimSlots(1, SlotSet.span(3, 5)))
    node.said()
    node.hear(1, GenesisCall(8))
    assert node.sent() == [(1, ClaimsReply(8, [(3, 5)], 0, False, False))]
    node.tell(ClusterFormed(OTHER, MEMBERS), DataChanged(has_data=True))
    node.said()
    node.hear(1, GenesisCall(9))
    assert node.sent() == [(1, ClaimsReply(9, [], 0, True, True))]


def test_a_compacted_journal_leads_to_the_same_state() -> None:
    """At every stage, with what was dropped."""
    node = LoneNode(2, others=[1, 3])
    other = genesis_of(1, 2, 3, seed=2)
    node.hear(1, GenesisOffer(encode_genesis(other), []))
    node.hear(1, GenesisDropped(id_to_bytes(other.identifier)))
    node.hear(1, GenesisOffer(encode_genesis(GENESIS), []))
    again = LoneNode(2, journal=node.core.compacted())
    assert (again.stage(), again.core.undecided) == (Stage.ACCEPTED, GENESIS.identifier)
    assert again.core.compacted() == node.core.compacted()


def test_a_core_has_the_four_calls_of_a_machine() -> None:
    """An early `on_deadline` does nothing."""
    core: Birth = LoneNode(1, others=[2]).core
    assert core.deadline() == 1.0
    core.on_deadline(0.5)
    assert list(core.take()) == []
    assert core.deadline() == 1.0
