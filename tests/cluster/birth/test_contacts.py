from __future__ import annotations

import attrs

from cluster.birth.contacts import Contacts
from cluster.identity import ClusterId, Endpoint
from cluster.membership.facts import Role
from cluster.membership.messages import MemberStatus
from tests.sim.birth_nodes import endpoint, node_id, view


def test_suspicions_do_not_disturb_the_quiet() -> None:
    """A suspected node counts; a dead one does not, and its going is a change."""
    contacts = Contacts(node_id(1), 0.0)
    assert contacts.update([view(1), view(2)], 1.0)
    suspected = attrs.evolve(view(2), status=MemberStatus.SUSPECTED, incarnation=3)
    assert not contacts.update([view(1), suspected], 2.0)
    assert (contacts.changed_at, contacts.is_live(node_id(2))) == (1.0, True)
    assert contacts.update([view(1), attrs.evolve(view(2), status=MemberStatus.DEAD)], 3.0)
    assert (contacts.changed_at, contacts.is_live(node_id(2))) == (3.0, False)


def test_candidates_have_the_role_and_no_cluster() -> None:
    """Lowest id first; who is in a cluster is no candidate and is told apart."""
    contacts = Contacts(node_id(2), 0.0)
    formed = view(4, cluster=ClusterId("c"))
    idle = view(1, roles=Role.STORAGE)
    contacts.update([view(2), view(3), formed, idle], 0.0)
    assert contacts.candidates() == [node_id(2), node_id(3)]
    assert [member.node for member in contacts.unformed()] == [node_id(1), node_id(3)]
    assert contacts.has_formed()


def test_an_address_is_the_newest_one_known() -> None:
    """A node that moved is reached where it is; one that is gone, where it was said to be."""
    contacts = Contacts(node_id(1), 0.0)
    moved = attrs.evolve(view(2), endpoint=Endpoint("10.9.9.9", 1))
    contacts.update([view(1), moved], 0.0)
    assert contacts.endpoint_of(node_id(2), endpoint(2)) == Endpoint("10.9.9.9", 1)
    assert contacts.endpoint_of(node_id(3), endpoint(3)) == endpoint(3)
