from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.identity import NodeId
from cluster.ring import Ring, RingNode, place_of, virtual_nodes

KEYS = [f"key {number}" for number in range(400)]


def nodes_of(shape: list[tuple[int, int, int]]) -> list[RingNode]:
    """Nodes by (datacenter, rack, machine) numbers."""
    return [
        RingNode(NodeId(f"n{i}"), f"dc{dc}", f"r{rack}", f"m{machine}")
        for i, (dc, rack, machine) in enumerate(shape)
    ]


shapes = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=12
).map(nodes_of)


@given(shapes, st.integers(0, 20), st.sampled_from(KEYS))
def test_lists_are_bounded_and_distinct(nodes: list[RingNode], count: int, key: str) -> None:
    """Asking for more than there are gives all, once each; the first one owns the key."""
    ring = Ring(nodes, vnodes_per_weight=8)
    ring.check_invariants()
    found = ring.preference_list(key, count)
    assert min(count, len(nodes)) == len(found) == len(set(found))
    if count:
        assert ring.node_of(key) == found[0]


@given(shapes, st.integers(1, 6), st.sampled_from(KEYS))
def test_domains_are_shared_only_when_they_must(
    nodes: list[RingNode], count: int, key: str
) -> None:
    """A list covers as many datacenters, then racks, then machines as it has places for."""
    found = set(Ring(nodes, vnodes_per_weight=8).preference_list(key, count))
    chosen = [node for node in nodes if node.node in found]
    for domain in ("datacenter", "rack_key", "machine_key"):
        there = {getattr(node, domain) for node in nodes}
        taken = {getattr(node, domain) for node in chosen}
        assert min(len(there), len(chosen)) == len(taken), domain


@given(st.integers(1, 9), st.sampled_from(KEYS))
def test_the_answer_does_not_depend_on_the_order_of_nodes(count: int, key: str) -> None:
    """Every process that knows the same nodes computes the same list."""
    nodes = nodes_of([(0, i % 3, i) for i in range(9)])
    assert Ring(nodes).preference_list(key, count) == Ring(nodes[::-1]).preference_list(key, count)


def test_a_new_node_only_takes() -> None:
    """Adding a node to ten moves about an eleventh of the keys, all of them to it."""
    nodes = nodes_of([(0, 0, i) for i in range(11)])
    before, after = Ring(nodes[:10]), Ring(nodes)
    moved = [key for key in KEYS if before.node_of(key) != after.node_of(key)]
    assert {"n10"} == {after.node_of(key) for key in moved}
    assert 0.03 * len(KEYS) < len(moved) < 0.2 * len(KEYS)


def test_weight_is_a_share_of_the_ring() -> None:
    """A node of four times the weight owns about four times the keys."""
    heavy = RingNode(NodeId("heavy"), weight=4.0)
    ring = Ring([heavy, *(RingNode(NodeId(f"n{i}")) for i in range(4))])
    owned = Counter(ring.node_of(f"k{i}") for i in range(4000))
    assert 0.42 < owned[heavy.node] / 4000 < 0.58
    assert virtual_nodes(4.0) == 512
    assert virtual_nodes(0.001) == 1


def test_places_are_sha_256() -> None:
    """Places are the first 64 bits of SHA-256, the same in every process and for ever."""
    assert place_of("abc") == 0xBA7816BF8F01CFEA


def test_an_empty_ring_owns_nothing() -> None:
    """Without nodes a list is empty, and asking for an owner is an error."""
    ring = Ring([])
    assert ring.preference_list("k", 3) == ()
    with pytest.raises(LookupError):
        ring.node_of("k")
    with pytest.raises(ValueError):
        RingNode(NodeId("n"), weight=0.0)
