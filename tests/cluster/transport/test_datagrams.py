from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
import trio
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from cluster.identity import Endpoint
from cluster.transport.datagrams import Datagrams, bind_datagrams
from cluster.transport.options import TransportOptions
from tests.harness.memory_peers import identity_of

SOURCE = Endpoint("10.0.0.9", 7400)


class Node:
    """A node's datagrams on loopback, and what it received."""

    def __init__(self, seed: int, *, secret: bytes = b"secret", name: str = "test") -> None:
        bound = bind_datagrams("127.0.0.1", 0)
        self.endpoint = Endpoint("127.0.0.1", bound.getsockname()[1])
        self.now = 0.0
        self.received: list[tuple[Endpoint, bytes]] = []
        self.news = trio.Event()
        self.datagrams = Datagrams(
            bound,
            evolve(identity_of(seed), cluster_name=name),
            TransportOptions(),
            secret=secret,
            monotonic=lambda: self.now,
        )
        self.datagrams.on_datagram = self._receive

    def _receive(self, source: Endpoint, payload: bytes) -> None:
        self.received.append((source, payload))
        self.news.set()

    def sealed(self, payload: bytes) -> bytes:
        """A datagram as this node seals it."""
        return self.datagrams._sealer.seal(payload)


@pytest.fixture
def pair() -> Iterator[tuple[Node, Node]]:
    """Two nodes of one cluster."""
    nodes = Node(1), Node(2)
    yield nodes
    for node in nodes:
        node.datagrams.close()


async def test_a_payload_arrives_with_its_source(
    pair: tuple[Node, Node], nursery: trio.Nursery
) -> None:
    """The task reads the socket; both sides count."""
    first, second = pair
    nursery.start_soon(second.datagrams.run)
    assert first.datagrams.send(second.endpoint, b"hello")
    with trio.fail_after(10):
        await second.news.wait()
    assert second.received == [(first.endpoint, b"hello")]
    sent, got = first.datagrams.statistics(), second.datagrams.statistics()
    assert (sent.sent, got.received) == (1, 1) and sent.bytes_out == got.bytes_in > 5


@pytest.mark.parametrize(
    "endpoint", [Endpoint("a.example", 7400), Endpoint("255.255.255.255", 7400)]
)
def test_what_can_not_be_sent_is_dropped_and_counted(
    pair: tuple[Node, Node], endpoint: Endpoint
) -> None:
    """Gossip is sent again anyway."""
    assert not pair[0].datagrams.send(endpoint, b"x")
    assert pair[0].datagrams.statistics().dropped == 1


def test_a_datagram_that_is_too_long_is_dropped(pair: tuple[Node, Node]) -> None:
    """The kernel refuses it."""
    assert not pair[0].datagrams.send(pair[1].endpoint, bytes(70_000))


def test_a_closed_port_harms_nobody(pair: tuple[Node, Node]) -> None:
    """The error that the kernel reports afterwards is not ours to raise."""
    first, second = pair
    third = Node(3)
    third.datagrams.close()
    for _ in range(3):
        first.datagrams.send(third.endpoint, b"x")
        first.datagrams.receive()
    assert first.datagrams.send(second.endpoint, b"x")


def test_strangers_replays_and_garbage_are_counted_and_dropped(pair: tuple[Node, Node]) -> None:
    """A datagram of our own cluster still gets through afterwards."""
    first, second = pair
    strangers = [Node(3, secret=b"guess"), Node(4, name="other")]
    good = first.sealed(b"good")
    for data in (*(stranger.sealed(b"x") for stranger in strangers), good, good, b"", b"GET /"):
        second.datagrams.accept(SOURCE, data)
    second.datagrams.accept(SOURCE, second.sealed(b"mirror"))
    assert second.received == [(SOURCE, b"good")]
    refused = second.datagrams.statistics().refused
    assert refused == {"seal": 2, "replay": 1, "short": 1, "magic": 1, "own": 1}
    second.datagrams.accept(SOURCE, first.sealed(b"more"))
    assert len(second.received) == 2
    for stranger in strangers:
        stranger.datagrams.close()


def test_a_renewed_node_is_another_sender(pair: tuple[Node, Node]) -> None:
    """Its count begins anew, and what the former node sent may come back to it."""
    first, second = pair
    former = first.sealed(b"former")
    first.datagrams.renew(identity_of(5))
    for data in (former, first.sealed(b"anew")):
        second.datagrams.accept(SOURCE, data)
    first.datagrams.accept(SOURCE, former[:-1])
    assert second.received == [(SOURCE, b"former"), (SOURCE, b"anew")]
    assert first.datagrams.statistics().refused == {"seal": 1}


def test_refusals_are_logged_once_a_minute(
    pair: tuple[Node, Node], caplog: pytest.LogCaptureFixture
) -> None:
    """A flood writes one line, and the next one tells how many there were."""
    caplog.set_level(logging.WARNING)
    node = pair[0]
    for _ in range(1000):
        node.datagrams.accept(SOURCE, b"garbage")
    node.now = 60.0
    node.datagrams.accept(SOURCE, b"garbage")
    first, second = (record.getMessage() for record in caplog.records)
    assert "magic; 1 since" in first and "magic; 1000 since" in second


@given(st.lists(st.binary(max_size=100), max_size=20))
def test_any_bytes_are_refused_and_service_goes_on(datagrams: list[bytes]) -> None:
    """Nothing raises, and each one is counted."""
    first, second = Node(1), Node(2)
    try:
        for data in datagrams:
            second.datagrams.accept(SOURCE, data)
        assert sum(second.datagrams.statistics().refused.values()) == len(datagrams)
        second.datagrams.accept(SOURCE, first.sealed(b"good"))
        assert second.received == [(SOURCE, b"good")]
    finally:
        first.datagrams.close()
        second.datagrams.close()
