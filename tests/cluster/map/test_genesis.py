from __future__ import annotations

from collections import Counter
from random import Random

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.identity import NodeId
from cluster.map.codec import map_digest
from cluster.map.genesis import claimed_slots, flaw_of_genesis, genesis_map, home_datacenter
from cluster.map.values import Claim, ClusterMap
from cluster.map.views import SlotView
from cluster.membership.facts import Role
from cluster.slots import SLOT_COUNT, SlotSet
from tests.cluster.map.maps import first_map, genesis_of, member, node_id, some_map

weights = st.lists(st.sampled_from((0.5, 1.0, 2.0)), min_size=1, max_size=9)


def led_slots(current: ClusterMap) -> Counter[NodeId]:
    """How many slots each node leads; all members are in it."""
    counts = Counter(dict.fromkeys(current.members, 0))
    for number, partition in current.partitions.items():
        leader = current.leader_of(number)
        assert leader is not None
        counts[leader] += len(partition.slots)
    return counts


@settings(max_examples=40)
@given(weights)
def test_leads_follow_weights(given_weights: list[float]) -> None:
    """Without claims all slots are led, each node within 1.2 of its share or a partition of it."""
    members = [member(i, weight=weight) for i, weight in enumerate(given_weights)]
    current = genesis_map(genesis_of(members))
    assert SlotView(current).is_covered
    counts = led_slots(current)
    # Partitions are equal up to one slot; a node is off by less than a partition, or by a fifth.
    greatest = max(len(partition.slots) for partition in current.partitions.values())
    replicas = min(3, len(members))
    for node in members:
        share = SLOT_COUNT * node.weight / sum(given_weights)
        if max(given_weights) * replicas <= sum(given_weights):
            assert counts[node.node] <= max(share * 1.2, share + greatest)
            assert counts[node.node] >= min(share / 1.2, share - greatest)


@pytest.mark.parametrize("count", range(1, 10))
def test_equal_nodes_lead_within_a_fifth_of_the_mean(count: int) -> None:
    """Up to nine equal nodes: none leads more than 1.2 times the mean, at least 16 partitions."""
    current = first_map(count)
    mean = SLOT_COUNT / count
    assert all(mean / 1.2 <= led <= mean * 1.2 for led in led_slots(current).values())
    led = Counter(current.leader_of(number) for number in current.partitions)
    assert min(led.values()) >= 16 / 1.2
    assert len(current.partitions) == (128 if count <= 8 else 256)


def test_a_member_alone_has_everything_at_once() -> None:
    """One node forms the smallest cluster."""
    current = first_map(1)
    assert (1, {node_id(0): SLOT_COUNT}) == (current.epoch, led_slots(current))


def test_replicas_are_spread_over_racks_and_datacenters() -> None:
    """Each datacenter has its replicas, in racks of their own; the larger one is home."""
    members = [member(i, "dc1", rack=f"r{i % 3}") for i in range(6)]
    members += [member(i, "dc0", rack=f"r{i % 3}") for i in range(6, 9)]
    current = genesis_map(genesis_of(members))
    assert current.home_datacenter == "dc1"
    for partition in current.partitions.values():
        for datacenter in ("dc0", "dc1"):
            replicas = partition.replicas(datacenter)
            assert len({current.members[node].rack for node in replicas}) == 3
        assert current.members[partition.placements[1][1][0]].datacenter == "dc1"
        assert partition.leader("dc1") == partition.replicas("dc1")[0]


def test_home_is_where_most_data_is() -> None:
    """Members that store nothing do not count; of equal datacenters the first by name is home."""
    assert home_datacenter((member(0, "dc2"), member(1, "dc1"))) == "dc1"
    coordinators = [member(i, "dc1", roles=Role.COORDINATOR) for i in range(3)]
    assert home_datacenter((*coordinators, member(5, "dc2"))) == "dc2"
    assert home_datacenter((coordinators[0],)) == "dc1"


def test_claims_hold_as_redis_cli_makes_them() -> None:
    """Three thirds, with config epochs 1 to 3: each leads its third in several pinned pieces."""
    thirds = (SlotSet.span(0, 5460), SlotSet.span(5461, 10922), SlotSet.span(10923, 16383))
    claims = [Claim(node_id(i), slots, i + 1) for i, slots in enumerate(thirds)]
    current = first_map(5, *claims)
    view = SlotView(current)
    for claim in claims:
        assert claim.slots == view.ranges_of(claim.node)
        assert claim.config_epoch == current.members[claim.node].config_epoch
        assert 42 <= len(current.partitions_led_by(claim.node)) <= 43
    assert view.is_covered
    assert all(partition.is_pinned for partition in current.partitions.values())
    assert all(len(partition.replicas("dc1")) == 3 for partition in current.partitions.values())


def test_claims_in_conflict() -> None:
    """The higher config epoch wins a slot, of equal ones the lower node id; gaps stay gaps."""
    claims = (
        Claim(node_id(0), SlotSet.span(0, 99), 1),
        Claim(node_id(1), SlotSet.span(50, 149), 2),
        Claim(node_id(2), SlotSet.span(140, 199), 2),
    )
    genesis = genesis_of([member(i) for i in range(3)], *claims)
    expected = {0: "0-49", 1: "50-149", 2: "150-199"}
    assert {node_id(i): SlotSet.parse(text) for i, text in expected.items()} == claimed_slots(
        genesis
    )
    view = SlotView(genesis_map(genesis))
    assert not view.is_covered
    assert view.leaders[200] is None


def test_a_single_claimed_slot_is_a_partition() -> None:
    """However little a node claims it leads at least one partition."""
    everything = Claim(node_id(0), SlotSet.span(1, SLOT_COUNT - 1))
    current = first_map(2, everything, Claim(node_id(1), SlotSet.span(0, 0)))
    assert len(current.partitions_led_by(node_id(1))) == 1


def test_a_claim_far_from_home_leads() -> None:
    """A claimant leads, in whichever datacenter: where others would lead first they have none."""
    members = [member(0, "dc1"), member(1, "dc1"), member(2, "dc0"), member(3, "dc2")]
    current = genesis_map(genesis_of(members, Claim(node_id(3), SlotSet.span(0, 99))))
    assert current.home_datacenter == "dc1"
    for partition in current.partitions.values():
        assert (("dc2", (node_id(3),)),) == partition.placements


def test_members_without_data_claim_nothing() -> None:
    """The claim of a node without the storage role does not count; the planner assigns all."""
    members = [member(0, roles=Role.COORDINATOR), member(1)]
    current = genesis_map(genesis_of(members, Claim(node_id(0), SlotSet.span(0, 99))))
    assert {node_id(0): 0, node_id(1): SLOT_COUNT} == led_slots(current)


def test_a_cluster_without_storage_has_no_slots() -> None:
    """Coordinators can form; slots come with the first member that stores data."""
    current = genesis_map(genesis_of([member(0, roles=Role.COORDINATOR)]))
    assert not current.partitions


@given(st.integers(0, 2**32))
@settings(max_examples=30)
def test_all_voters_make_the_same_map(seed: int) -> None:
    """The same genesis gives the same map, to the byte, and a sound one."""
    current, again = some_map(Random(seed)), some_map(Random(seed))
    current.check_invariants()
    assert current == again
    assert map_digest(current) == map_digest(again)


def test_flaws_of_a_genesis_are_named() -> None:
    """What no map can be made of is said before it is tried."""
    good = genesis_of([member(0), member(1)])
    assert flaw_of_genesis(good) is None
    stranger, claim = node_id(9), Claim(node_id(0), SlotSet.span(0, 0))
    for broken in (
        attrs.evolve(good, members=()),
        attrs.evolve(good, members=(member(0), member(0))),
        attrs.evolve(good, proposer=stranger),
        attrs.evolve(good, voters=()),
        attrs.evolve(good, voters=(stranger,)),
        attrs.evolve(good, voters=(node_id(0), node_id(0))),
        attrs.evolve(good, claims=(claim, claim)),
        attrs.evolve(good, claims=(attrs.evolve(claim, node=stranger),)),
        attrs.evolve(good, replicas=0),
    ):
        assert flaw_of_genesis(broken)
