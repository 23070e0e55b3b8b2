from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from cluster.identity import NodeId, Precedence
from cluster.membership.broadcasts import Broadcasts, retransmit_limit
from cluster.membership.messages import Dead, Suspect

NODES = [NodeId(f"{i:08x}-0000-4000-8000-000000000000") for i in range(30)]


def suspect(node: NodeId, incarnation: int = 0) -> Suspect:
    """An accusation by the first node."""
    return Suspect(node, Precedence(1, incarnation), NODES[0])


def test_limit_is_four_times_the_digits() -> None:
    """4 * ceil(log10(N + 1)): 4 up to nine nodes, 12 at 500."""
    assert [retransmit_limit(n, 4) for n in (1, 9, 10, 99, 100, 500, 999)] == [
        4, 4, 8, 8, 12, 12, 12,
    ]  # fmt: skip


def test_a_newer_rumour_takes_the_place_of_an_older_one() -> None:
    """There is one rumour per node, and a new one starts counting anew."""
    queue = Broadcasts()
    queue.queue(suspect(NODES[1]), 40)
    queue.take(1000, 3)
    dead = Dead(NODES[1], Precedence(1, 0), NODES[0])
    queue.queue(dead, 40)
    assert len(queue) == 1
    assert [queue.take(1000, 3)[0] for _ in range(4)] == [[dead], [dead], [dead], []]


def test_what_was_sent_least_goes_first_and_the_newest_of_it() -> None:
    """A flood of old rumours does not hold up a fresh one."""
    queue = Broadcasts()
    for node in NODES[:5]:
        queue.queue(suspect(node), 40)
    queue.take(1000, 10)
    for node in NODES[5:8]:
        queue.queue(suspect(node), 40)
    taken, size = queue.take(170, 10)
    assert [claim.node for claim in taken] == [NODES[7], NODES[6], NODES[5], NODES[4]]
    assert size == 160


@given(
    st.lists(st.tuples(st.sampled_from(NODES), st.integers(19, 300)), max_size=40),
    st.integers(0, 1400),
    st.integers(1, 12),
)
def test_packets_are_never_overfull_and_nothing_is_sent_too_often(
    rumours: list[tuple[NodeId, int]], room: int, limit: int
) -> None:
    """What is taken fits; a rumour that fits at all is sent exactly `limit` times."""
    queue, sizes = Broadcasts(), {}
    for node, size in rumours:
        queue.queue(suspect(node), size)
        sizes[node] = size
    sent: Counter[NodeId] = Counter()
    for _ in range(limit * len(rumours) + 1):
        taken, size = queue.take(room, limit)
        queue.check_invariants()
        assert size == sum(sizes[claim.node] for claim in taken) <= room
        sent.update(claim.node for claim in taken)
    assert all(sent[node] == (limit if size <= room else 0) for node, size in sizes.items())


def test_dropped_rumours_are_gone() -> None:
    """A forgotten member is not talked about; dropping what is not there is nothing."""
    queue = Broadcasts()
    queue.queue(suspect(NODES[1]), 40)
    assert queue.get(NODES[1]) == suspect(NODES[1])
    queue.drop(NODES[1])
    queue.drop(NODES[1])
    assert queue.get(NODES[1]) is None
    assert NODES[1] not in queue


def test_what_large_rumours_leave_is_filled_by_a_small_one() -> None:
    """The search goes on until the smallest rumour would not fit, however old that one is."""
    queue = Broadcasts()
    queue.queue(suspect(NODES[1]), 20)
    for node in NODES[2:6]:
        queue.queue(suspect(node), 90)
    taken, size = queue.take(210, 3)
    assert [claim.node for claim in taken] == [NODES[5], NODES[4], NODES[1]]
    assert size == 200
