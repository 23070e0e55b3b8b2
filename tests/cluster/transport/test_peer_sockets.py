from __future__ import annotations

from itertools import pairwise

from cluster.identity import Endpoint
from cluster.transport.link import Link
from cluster.wire.messages import (
    GenesisCall,
    GossipStream,
    KeyVersionsReply,
    KeyVersionsRequest,
    MapRequest,
    PeerMessage,
)
from meridian_resp.server.io import READABLE
from tests.harness.memory_io import START_MS
from tests.harness.memory_peers import (
    PeerGroup,
    ends_of,
    identity_of,
    joined,
    numbers,
)

# Links come up and carry messages.


def test_the_first_message_opens_the_link() -> None:
    """A message is queued while the link is made, and both sides know whom they speak to."""
    _, first, second = joined()
    assert first.up == [second.identity.node] and second.up == [first.identity.node]
    assert first.links[0].is_outgoing and not second.links[0].is_outgoing
    assert second.links[0].endpoint == first.endpoint
    assert second.received == [(first.identity.node, GenesisCall(1))]


def test_answers_go_back_over_the_same_link() -> None:
    """Who was asked answers on the link of the question; no second one is opened."""
    group, first, second = joined()

    def answer(link: Link, message: PeerMessage) -> None:
        assert isinstance(message, KeyVersionsRequest)
        assert link.send(KeyVersionsReply(message.request, 0, []))

    second.peers.on_message = answer
    first.peers.send(second.endpoint, KeyVersionsRequest(5, 0, []))
    group.run()
    assert first.received == [(second.identity.node, KeyVersionsReply(5, 0, []))]
    assert len(ends_of(group, first.endpoint.host)) == 1


def test_messages_of_a_tick_leave_in_one_send_and_keep_their_order() -> None:
    """A hundred messages cost one system call on each side."""
    group, first, second = joined()
    (near,), (far,) = (ends_of(group, node.endpoint.host) for node in (first, second))
    sends, reads = near.sends, len(far.reads)
    for number in range(100):
        first.peers.send(second.endpoint, GenesisCall(number))
    group.run()
    assert (near.sends - sends, len(far.reads) - reads) == (1, 1)
    assert numbers(second) == [1, *range(100)]


def test_large_messages_cross_in_pieces_and_do_not_hold_up_the_reader() -> None:
    """A frame far larger than every buffer arrives whole; no read is above its bound."""
    group, first, second = joined()
    packet = bytes(range(256)) * 4096 * 3
    first.peers.send(second.endpoint, GossipStream(packet))
    first.peers.send(second.endpoint, GenesisCall(2))
    group.run()
    assert [m.packet for _, m in second.received if isinstance(m, GossipStream)] == [packet]
    assert numbers(second) == [1, 2]
    (far,) = ends_of(group, second.endpoint.host)
    assert max(far.reads) <= group.options.read_bytes_max
    assert first.peers.links()[0].events == "r"


def test_reads_grow_with_what_comes_up_to_their_bound() -> None:
    """Clients are not held up by one read of a link, however much it has to say."""
    group = PeerGroup(2)
    group.network.buffer_bytes = 4 << 20
    first, second = group.nodes
    first.peers.send(second.endpoint, GenesisCall(1))
    group.run()
    (far,) = ends_of(group, second.endpoint.host)
    far.reads.clear()
    for _ in range(20):  # all of it lies in the kernel before the first read
        first.peers.send(second.endpoint, GossipStream(bytes(100_000)))
        first.tick()
    group.run()
    assert len(second.received) == 21
    assert far.reads[0] == group.options.read_bytes
    assert set(far.reads[1:-1]) == {group.options.read_bytes_max}


def test_a_peer_that_does_not_read_costs_no_system_calls() -> None:
    """Once its buffers are full, nothing is sent until the kernel says that it takes more."""
    group, first, second = joined()
    (near,) = ends_of(group, first.endpoint.host)
    first.peers.send(second.endpoint, GossipStream(bytes(1 << 20)))
    first.peers.flush()
    sends = near.sends
    for number in range(10):
        first.peers.send(second.endpoint, GenesisCall(number))
        first.peers.flush()
    assert near.sends == sends and first.peers.links()[0].events == "rw"
    group.run()
    assert numbers(second) == [1, *range(10)]


def test_a_full_queue_drops_the_message_and_nothing_else() -> None:
    """The bound is in bytes; what was queued before still arrives, and drops are counted."""
    group, first, second = joined()
    half = GossipStream(bytes(15 << 20))
    sent = [first.peers.send(second.endpoint, half) for _ in range(5)]
    assert sent == [True] * 4 + [False]
    assert first.peers.send(second.endpoint, GenesisCall(2))
    assert first.peers.statistics().dropped == 1
    group.run()
    assert len(second.received) == 1 + 4 + 1 and first.peers.statistics().queued_bytes == 0


def test_a_message_above_the_frame_bound_is_dropped_here() -> None:
    """Sent, it would make the other side cut the link."""
    group, first, second = joined()
    assert not first.peers.send(second.endpoint, GossipStream(bytes(16 << 20)))
    group.run()
    assert first.links[0].is_up and first.peers.statistics().dropped == 1


def test_cluster_links_are_shown() -> None:
    """Direction, node, time of creation, events and the send buffer, as CLUSTER LINKS wants."""
    _, first, second = joined()
    (view,) = first.peers.links()
    assert (view.is_outgoing, view.node, view.events) == (True, second.identity.node, "r")
    assert view.created_ms >= START_MS
    first.peers.send(second.endpoint, GenesisCall(2))
    assert first.peers.links()[0].send_buffer_used > 8
    (view,) = second.peers.links()
    assert (view.is_outgoing, view.node, view.send_buffer_used) == (False, first.identity.node, 0)


def test_counters_tell_links_bytes_and_messages() -> None:
    """What one side sent the other has received, by kind and in bytes."""
    group, first, second = joined()
    first.peers.send(second.endpoint, MapRequest(b"c" * 16, 3))
    group.run()
    here, there = first.peers.statistics(), second.peers.statistics()
    assert here.messages_out == there.messages_in == {"GenesisCall": 1, "MapRequest": 1}
    assert here.bytes_out == there.bytes_in > 0 and here.bytes_in == there.bytes_out > 0
    assert (here.links_to, here.links_from, here.dialled, here.pending) == (1, 0, 1, 0)
    assert (there.links_to, there.links_from, there.accepted, there.pending) == (0, 1, 1, 0)


# Links end.


def test_numbers_are_not_reused_within_a_tick() -> None:
    """A connection that ends is closed by flush, so late readiness can't reach its successor."""
    group, first, second = joined()
    (far,) = ends_of(group, second.endpoint.host)
    far.inbound += b"\xff" * 8
    second.peers.on_ready(far.number, READABLE)
    assert second.down and second.peers.handles(far.number) and not far.is_closed
    second.peers.on_ready(far.number, READABLE)  # late readiness: nothing happens
    second.peers.flush()
    assert far.is_closed and not second.peers.handles(far.number)
    group.run()
    assert first.down == [(second.identity.node, "closed by the peer")]


def test_a_lost_link_is_made_again_when_somebody_wants_it() -> None:
    """After the pause the next message opens a new link."""
    group, first, second = joined()
    ends_of(group, second.endpoint.host)[0].is_reset = True
    group.run()
    assert second.down and first.down
    assert not first.peers.send(second.endpoint, GenesisCall(2))  # the endpoint rests
    group.advance(0.2)
    assert len(first.up) == 2, "wanted, so it was opened without another message"
    assert first.peers.send(second.endpoint, GenesisCall(3))
    group.run()
    assert numbers(second) == [1, 3]


def test_an_unreachable_endpoint_is_tried_ever_less_often() -> None:
    """The pause doubles from 0.1 to 10 s; its owner hears of each failure."""
    group = PeerGroup(1)
    (node,) = group.nodes
    nowhere = Endpoint("10.9.9.9", 7400)
    times = []
    node.peers.on_dial_failed = lambda endpoint, reason: times.append(group.now_s)
    for _ in range(600):
        node.peers.send(nowhere, GenesisCall(1))
        group.advance(0.1)
    pauses = [later - earlier for earlier, later in pairwise(times)]
    assert pauses[0] <= 0.35 and 4.5 <= max(pauses) <= 10.5
    assert 8 <= len(times) <= 25
    statistics = node.peers.statistics()
    assert statistics.dial_failures == len(times) == statistics.dialled
    assert statistics.failed_endpoints == 1 and statistics.dropped == 600


def test_a_failed_endpoint_that_nobody_wants_is_forgotten() -> None:
    """Endpoints come and go; their memory does not grow."""
    group = PeerGroup(1)
    (node,) = group.nodes
    node.peers.send(Endpoint("10.9.9.9", 7400), GenesisCall(1))
    group.advance(200.0)
    assert node.peers.statistics().failed_endpoints == 0 and node.peers.deadline() is None


def test_a_peer_that_knocks_ends_the_pause() -> None:
    """Who comes back connects to us: we need not wait ten seconds to connect to it."""
    group = PeerGroup(1)
    (node,) = group.nodes
    late = Endpoint("10.0.0.2", 7400)
    for _ in range(300):
        node.peers.send(late, GenesisCall(1))
        group.advance(0.1)
    other = group.add()
    node.peers.send(late, GenesisCall(1))
    other.peers.send(node.endpoint, GenesisCall(9))
    group.advance(0.3)
    assert node.peers.statistics().links_to == 1


def test_a_name_is_looked_up_without_waiting() -> None:
    """Messages are queued while the name is asked for, and the next address is tried in turn."""

    class SlowNames:
        answers: dict[str, tuple[str, ...]] = {}  # noqa: RUF012 - one test, one dictionary

        def find(self, host: str) -> tuple[str, ...] | None:
            return self.answers.get(host)

    group = PeerGroup(1)
    names = SlowNames()
    node = group.add(names=names)
    named = Endpoint("first.example", 7400)
    assert node.peers.send(named, GenesisCall(1))
    group.advance(1.0)
    assert group.nodes[0].received == [] and node.failed == []
    names.answers["first.example"] = ("10.9.9.9", group.nodes[0].endpoint.host)
    group.advance(0.2)
    assert [reason for _, reason in node.failed] == ["Connection refused"]
    group.advance(0.5)
    assert node.peers.send(named, GenesisCall(2))
    group.run()
    assert numbers(group.nodes[0]) == [2]
    names.answers["void.example"] = ()
    node.peers.send(Endpoint("void.example", 7400), GenesisCall(3))
    node.peers.send(Endpoint("never.example", 7400), GenesisCall(3))
    group.advance(6.0)
    assert [reason for _, reason in node.failed[1:]] == ["its host has no address", "timed out"]


def test_a_quiet_link_stays_and_a_silent_one_is_broken() -> None:
    """Keepalives cross a quiet link; when nothing comes any more, both ends notice in 20 s."""
    group, first, second = joined()
    group.advance(120.0)
    assert first.down == second.down == []
    group.network.cut(first.endpoint.host, second.endpoint.host)
    group.advance(19.0 - group.options.keepalive_s)
    assert first.down == second.down == []
    group.advance(1.5 + group.options.keepalive_s)
    assert first.down == [(second.identity.node, "silent for too long")]
    assert second.down == [(first.identity.node, "silent for too long")]


def test_an_own_pause_is_not_the_silence_of_peers() -> None:
    """A process that stood still for a minute finds its links as they were."""
    group, first, second = joined()
    group.stand_still(60.0)
    group.advance(1.0)
    assert first.down == second.down == []


def test_a_link_that_nobody_uses_is_closed_by_who_opened_it() -> None:
    """Keepalives are no use; the endpoint does not rest, the next message opens a link again."""
    group, first, second = joined()
    group.advance(group.options.idle_s + 10.0)
    assert first.down == [(second.identity.node, "not used for long")]
    assert second.down == [(first.identity.node, "closed by the peer")]
    assert first.peers.send(second.endpoint, GenesisCall(2))
    group.run()
    assert numbers(second) == [1, 2]


def test_an_owner_may_send_from_every_callback() -> None:
    """Links may come and go below a callback."""
    group, first, second = joined()

    def on_down(link: Link, reason: str) -> None:
        assert not link.send(GenesisCall(7))
        assert not first.peers.send(second.endpoint, GenesisCall(8))
        first.peers.send(first.endpoint, GenesisCall(9))

    first.peers.on_link_down = on_down

    def on_up(link: Link) -> None:
        assert link.send(GenesisCall(10))

    first.peers.on_link_up = on_up
    ends_of(group, second.endpoint.host)[0].is_reset = True
    group.advance(1.0)
    assert numbers(second) == [1, 10]


def test_closing_sends_what_is_queued_and_leaves_nothing_open() -> None:
    """The last words reach the peer; sockets and the listener are closed, nobody is told."""
    group, first, second = joined()
    first.peers.send(second.endpoint, GenesisCall(2))
    first.peers.send(Endpoint("10.9.9.9", 7400), GenesisCall(2))
    first.peers.close()
    group.run()
    assert numbers(second) == [1, 2] and first.down == [] and first.failed == []
    assert ends_of(group, first.endpoint.host) == [] and first.listener.is_closed
    assert first.peers.statistics().links_to == 0


def test_a_renewed_node_greets_as_another() -> None:
    """All links end, in both directions; new ones carry the new id, and nobody rests."""
    group, first, second = joined()
    second.peers.send(first.endpoint, GenesisCall(9))
    group.run()
    identity = identity_of(7, endpoint=first.endpoint)
    first.peers.renew(identity)
    group.run()
    reason = "this node has another id now"
    assert first.down == [(second.identity.node, reason)] * 2
    assert first.peers.send(second.endpoint, GenesisCall(2))
    group.run()
    assert second.received[-1] == (identity.node, GenesisCall(2))


def test_deadlines_that_come_nearer_are_told() -> None:
    """Who sleeps until the deadline is woken when a connection wants an earlier one."""
    group = PeerGroup(2)
    first, second = group.nodes
    told = []
    first.peers.on_earlier_deadline = lambda: told.append(first.peers.deadline())
    assert first.peers.deadline() is None
    first.peers.send(second.endpoint, GenesisCall(1))
    assert told == [first.peers.deadline()]
