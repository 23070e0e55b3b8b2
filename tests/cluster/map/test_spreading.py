from __future__ import annotations

from random import Random

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.map.spreading import Spread, ring_node, spread_partitions, with_followers, would_lead
from cluster.map.values import Placements, leader_in, nodes_in
from tests.cluster.map.maps import member, node_id

A, B, C, D, E, F = (node_id(i) for i in range(6))
NOWHERE: Placements = ()


def spread_of(*datacenters: str, partitions: int = 16) -> Spread:
    """What to spread over one member per named datacenter; dc1 is home."""
    members = [member(number, name) for number, name in enumerate(datacenters)]
    return Spread(members, "dc1", 3, dict.fromkeys(range(partitions), NOWHERE), {})


def test_every_datacenter_gets_its_replicas() -> None:
    """Three at most, fewer where there are fewer members."""
    spread = spread_of("dc1", "dc1", "dc1", "dc1", "dc2")
    for placements in spread_partitions(spread).values():
        assert [(name, len(nodes)) for name, nodes in placements] == [("dc1", 3), ("dc2", 1)]


def test_without_members_everything_is_nowhere() -> None:
    """The caller sees empty placements."""
    assert spread_partitions(spread_of(partitions=2)) == {0: (), 1: ()}


def test_a_pinned_leader_leads_wherever_it_is() -> None:
    """Datacenters whose first replica would lead before it get none."""
    spread = attrs.evolve(spread_of("dc1", "dc2", "dc3"), pinned={0: B, 1: C, 2: A})
    placements = spread_partitions(spread)
    assert placements[0] == (("dc2", (B,)), ("dc3", (C,)))
    assert placements[1] == (("dc3", (C,)),)
    assert placements[2] == (("dc1", (A,)), ("dc2", (B,)), ("dc3", (C,)))


def test_who_would_lead_first() -> None:
    """Home before all others, then by name."""
    assert not would_lead("dc2", "dc1", "dc1")
    assert would_lead("dc1", "dc2", "dc1")
    assert would_lead("dc0", "dc2", "dc1")
    assert not would_lead("dc3", "dc2", "dc1")
    assert not would_lead("dc2", "dc2", "dc1")


def test_followers_stand_behind_what_their_master_leads() -> None:
    """Nowhere else, and never where they would lead."""
    follower = attrs.evolve(member(5), replicates=A)
    spread = attrs.evolve(spread_of("dc1", "dc1"), followers=[follower])
    for placements in spread_partitions(spread).values():
        is_led_by_a = leader_in(placements, "dc1") == A
        assert is_led_by_a == (F in nodes_in(placements))
        assert not is_led_by_a or placements[0][1][-1] == F
    away: Placements = (("dc2", (A,)),)
    assert away == with_followers(away, A, home_datacenter="dc1", followers=[follower])
    near = with_followers(away, A, home_datacenter="dc2", followers=[follower])
    assert near == (("dc1", (F,)), ("dc2", (A,)))
    assert near == with_followers(near, A, home_datacenter="dc2", followers=[follower])


@settings(max_examples=30)
@given(st.integers(0, 2**32))
def test_what_is_spread_stays(seed: int) -> None:
    """Spreading again moves nothing, with pins and followers in any datacenter."""
    rng = Random(seed)
    spread = spread_of(*rng.choices(("dc0", "dc1", "dc2"), k=rng.randint(1, 6)), partitions=32)
    nodes = [m.node for m in spread.members]
    spread = attrs.evolve(
        spread,
        pinned={number: rng.choice(nodes) for number in range(rng.randrange(20))},
        followers=[attrs.evolve(member(9, "dc1"), replicates=rng.choice(nodes))],
    )
    once = spread_partitions(spread)
    for number, node in spread.pinned.items():
        assert leader_in(once[number], "dc1") == node
    assert once == spread_partitions(attrs.evolve(spread, old=once))


def test_the_ring_knows_weights_and_domains() -> None:
    """The weight is the one that holds, by hand or not."""
    node = ring_node(attrs.evolve(member(0, "dc2", rack="r1"), chosen_weight=2.5))
    assert (node.node, node.datacenter, node.rack, node.weight) == (A, "dc2", "r1", 2.5)
