from __future__ import annotations

import pytest

from cluster.membership.events import ForceSync, Join, JoinFailed, Remove
from cluster.membership.exchange import sync_pause_s
from cluster.membership.messages import (
    Dead,
    MemberStatus,
    Removed,
    SyncDigest,
    SyncEntry,
    SyncStates,
)
from tests.cluster.membership.lone_node import HOME, OWN, PEERS, LoneNode, alive, at, endpoint_of

A, B, C = PEERS[:3]


@pytest.mark.parametrize(("nodes", "pause"), [(1, 30), (32, 30), (33, 60), (64, 60), (500, 150)])
def test_pause_grows_with_the_logarithm(nodes: int, pause: float) -> None:
    """Every 30 s up to 32 nodes, 30 s more for each doubling begun."""
    assert sync_pause_s(nodes, interval_s=30.0, scale_nodes=32) == pause


def test_a_join_asks_for_everything_and_is_repeated_until_answered() -> None:
    """With growing pauses; after eight attempts it is reported as failed."""
    node = LoneNode()
    node.core.handle(Join((endpoint_of(A), HOME)), node.now)
    node.note()
    assert list(node.sent(SyncDigest)) == [(endpoint_of(A), SyncDigest(()), True)]
    node.pass_time(4.0)
    assert 2 <= len(list(node.sent(SyncDigest))) <= 4
    node.pass_time(400.0)
    assert node.told(JoinFailed)[0] == JoinFailed(endpoint_of(A))


def test_an_answered_join_is_over() -> None:
    """The rows are taken, and nothing more is asked."""
    node = LoneNode()
    node.core.handle(Join((endpoint_of(A),)), node.now)
    rows = tuple(SyncEntry(alive(peer), MemberStatus.ALIVE, 0) for peer in (A, B))
    node.hear(A, SyncStates(rows, wanted=tuple(range(32))), is_stream=True)
    assert {node.status(A), node.status(B)} == {MemberStatus.ALIVE}
    (answer,) = [m for _, m, _ in node.sent(SyncStates)]
    assert {entry.alive.node for entry in answer.entries} == {OWN}
    node.forget()
    node.pass_time(20.0)
    assert [m for _, m, _ in node.sent(SyncDigest) if m == SyncDigest(())] == []


def test_equal_tables_exchange_nothing() -> None:
    """Checksums agree: the answer is empty."""
    node = LoneNode(4)
    node.core.handle(ForceSync(), node.now)
    node.note()
    digests = list(node.sent(SyncDigest))
    assert {endpoint for endpoint, _, _ in digests} == {endpoint_of(p) for p in PEERS[:4]}
    node.forget()
    node.hear(A, digests[0][1], is_stream=True)
    assert [m for _, m, _ in node.sent(SyncStates)] == [SyncStates(())]


def test_only_buckets_that_differ_are_sent() -> None:
    """And the same buckets are asked for; removed ids go along when they differ."""
    node = LoneNode(4)
    own = list(node.core._local.table.digests(node.now))
    own[int(A[:2], 16) % 32] ^= 1
    node.hear(B, SyncDigest(tuple(own)), is_stream=True)
    (answer,) = [m for _, m, _ in node.sent(SyncStates)]
    assert answer.wanted == (int(A[:2], 16) % 32,)
    assert A in {entry.alive.node for entry in answer.entries}
    assert len(answer.entries) < 5
    node.forget()
    node.hear(B, Removed(C, 100), SyncDigest(tuple(own)), is_stream=True)
    (answer,) = [m for _, m, _ in node.sent(SyncStates)]
    assert answer.removed == (Removed(C, 100),)


def test_dead_nodes_are_asked_again() -> None:
    """Two halves of a long partition find each other."""
    node = LoneNode(1)
    node.hear(B, Dead(A, at(1, 0), B))
    node.pass_time(120.0)
    assert endpoint_of(A) in {e for e, _, is_stream in node.sent(SyncDigest) if is_stream}


def test_long_dead_nodes_are_forgotten() -> None:
    """After a day the table no longer knows them."""
    node = LoneNode(1)
    node.hear(B, Dead(A, at(1, 0), B))
    node.pass_time(24 * 3600.0 + 31)
    assert node.status(A) is None


def test_a_node_that_is_alone_does_not_call_back_whom_it_removed() -> None:
    """In a cluster of two the one that stays is alone, and its seed is where the other one was."""
    node = LoneNode(1)
    node.core.handle(Join((endpoint_of(PEERS[0]),)), node.now)
    node.hear(PEERS[0], SyncStates((), (), ()), is_stream=True)
    node.core.handle(Remove(PEERS[0]), node.now)
    node.note()
    node.forget()
    node.pass_time(200.0)
    assert [to for to, _, _ in node.sent(SyncDigest) if to == endpoint_of(PEERS[0])] == []
    node.core.handle(Join((endpoint_of(PEERS[0]),)), node.now)
    node.note()
    assert [to for to, _, _ in node.sent(SyncDigest)] == [endpoint_of(PEERS[0])]
