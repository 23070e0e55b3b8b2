from __future__ import annotations

from cluster.membership.messages import MemberStatus
from meridian_resp.commands.cluster_picture import ClusterPicture, picture
from tests.harness.fake_cluster import FakeCluster, map_of, member, node_id

NOW_MS = 1_000_000


def pictured(*statuses: MemberStatus) -> ClusterPicture:
    """Node 1 among others whose states are given; each leads a third or so."""
    port = FakeCluster(1)
    port.views += [member(number, status) for number, status in enumerate(statuses, 2)]
    port.set_map(map_of({1: "0-5460", 2: "5461-10922", 3: "10923-16383"}))
    return picture(port, NOW_MS)


def test_membership_is_newer_than_the_map() -> None:
    """Where they differ in an address, and what it does not know is dead."""
    port = FakeCluster(1)
    port.set_map(map_of({1: "0-100", 2: ""}))
    found = picture(port, NOW_MS).find(node_id(2))
    assert found is not None
    assert (found.is_failed, found.pong_ms, found.client_port) == (True, 0, 7002)
    port.views.append(member(2))
    found = picture(port, NOW_MS).find(node_id(2))
    assert found is not None
    assert (found.is_failed, found.pong_ms) == (False, NOW_MS)


def test_silence_counts_before_membership_has_agreed() -> None:
    """It is this node's own opinion: `fail?`."""
    port = FakeCluster(1)
    port.views.append(member(2))
    port.silence(2, 3.0)
    found = picture(port, NOW_MS).find(node_id(2))
    assert found is not None
    assert (found.is_suspected, found.is_failed, found.is_reachable) == (True, False, False)
    assert found.pong_ms == NOW_MS - 3000


def test_this_node_is_well_whatever_is_said_of_it() -> None:
    """It answers, after all."""
    port = FakeCluster(1)
    port.views = [member(1, MemberStatus.DEAD)]
    assert picture(port, NOW_MS).own.is_reachable


def test_a_failed_leader_takes_its_slots_out_of_the_coverage() -> None:
    """A suspected one does not yet."""
    alive, suspected, dead = MemberStatus.ALIVE, MemberStatus.SUSPECTED, MemberStatus.DEAD
    assert pictured(alive, suspected).is_ok(needs_coverage=True)
    assert not pictured(alive, dead).is_ok(needs_coverage=True)
    assert pictured(alive, dead).is_ok(needs_coverage=False)


def test_without_a_map_nothing_is_served() -> None:
    """And a node with no view of itself is shown all the same."""
    port = FakeCluster(1)
    port.views = []
    found = picture(port, NOW_MS)
    assert not found.is_ok(needs_coverage=False)
    assert found.own.node == node_id(1)
    assert found.find(node_id(2)) is None
