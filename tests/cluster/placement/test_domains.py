from __future__ import annotations

from fractions import Fraction
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from cluster.identity import NodeId
from cluster.placement.domains import Domains, fill, least_cap
from cluster.ring import RingNode


def nodes_of(shape: list[tuple[int, int, float]]) -> list[RingNode]:
    """Nodes by (rack, machine, weight)."""
    return [
        RingNode(NodeId(f"n{i:02}"), "dc1", f"r{rack}", f"m{machine}", weight)
        for i, (rack, machine, weight) in enumerate(shape)
    ]


shapes = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 3), st.sampled_from([0.25, 1.0, 3.0])),
    min_size=1,
    max_size=12,
).map(nodes_of)


@given(shapes, st.integers(1, 5), st.integers(1, 200))
def test_shares_use_all_replicas_and_fit(
    nodes: list[RingNode], replicas: int, partitions: int
) -> None:
    """Shares sum up to all replicas, and no domain gets more than its cap allows."""
    domains = Domains(nodes, replicas)
    shares = domains.shares(partitions)
    assert partitions * domains.replicas == sum(shares.values())
    for key, cap in (("machine_key", domains.machine_cap), ("rack_key", domains.rack_cap)):
        for domain in {getattr(node, key) for node in nodes}:
            held = sum(shares[n.node] for n in nodes if getattr(n, key) == domain)
            assert held <= cap * partitions
    assert all(0 < share <= partitions for share in shares.values())


@given(shapes, st.integers(1, 5), st.randoms(use_true_random=False))
def test_a_greedy_choice_never_gets_stuck(
    nodes: list[RingNode], replicas: int, rng: Random
) -> None:
    """Whatever was chosen within the caps, the rest can be placed within the caps."""
    domains = Domains(nodes, replicas)
    order = [node.node for node in nodes]
    rng.shuffle(order)
    held: list[NodeId] = []
    for node in order:
        if len(held) < domains.replicas and domains.has_room(held, node):
            held.append(node)
    assert domains.replicas == len(held)


def test_caps_are_the_least_that_fit() -> None:
    """One per domain when there are enough domains, else as evenly as sizes allow."""
    assert least_cap([5, 5, 5], 3) == 1
    assert least_cap([5, 5], 3) == 2
    assert least_cap([1, 9], 5) == 4


def test_what_one_cannot_take_goes_to_the_others() -> None:
    """Water filling: the heavy one is full at its room, the rest is shared by weight."""
    weights = {"heavy": Fraction(10), "a": Fraction(1), "b": Fraction(3)}
    found = fill(Fraction(20), weights, {"heavy": 8, "a": 100, "b": 100})
    assert found == {"heavy": 8, "a": 3, "b": 9}


def test_equal_nodes_get_equal_shares() -> None:
    """Weight is the only thing that counts when no cap binds."""
    shares = Domains(nodes_of([(0, i, 1.0) for i in range(8)]), 3).shares(80)
    assert {Fraction(30)} == set(shares.values())
