"""Whatever strangers and broken peers send is dropped and counted, and good links go on."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cluster.wire.frames import HEADER, encode_frame
from cluster.wire.handshake import MAGIC, Handshake
from cluster.wire.messages import GenesisCall, encode_message
from tests.harness.memory_peers import PeerEnd, PeerGroup, PeerNode, identity_of, joined

garbage = st.binary(min_size=1, max_size=200)
frames = garbage.map(encode_frame)
oversized = st.integers((16 << 20) + 1, 2**32 - 1).map(lambda size: HEADER.pack(size, 0))
messages = st.integers(0, 2**63 - 1).map(lambda n: encode_frame(encode_message(GenesisCall(n))))
#: What comes from somebody who knows the protocol, and from somebody who does not.
pieces = st.lists(
    st.one_of(garbage, frames, oversized, messages, st.just(MAGIC)), min_size=1, max_size=6
)


def greeting(seed: int, **changes: object) -> bytes:
    """The first bytes of a node."""
    return Handshake(
        identity_of(seed, **changes), b"secret", is_outgoing=True, challenge=bytes(32)
    ).take()


def knock(group: PeerGroup, node: PeerNode) -> PeerEnd:
    """A stranger's connection to a node."""
    return group.network.dial(
        group.nodes[0].io, "10.0.0.99", node.endpoint.host, node.endpoint.port
    )


def say(end: PeerEnd, data: bytes) -> None:
    """Send unless the other side has closed already."""
    try:
        end.send(data)
    except (BrokenPipeError, BlockingIOError):
        return


def assert_serves(group: PeerGroup, first: PeerNode, second: PeerNode) -> None:
    """The link that was there, and a new peer, are served."""
    received = len(second.received)
    assert first.peers.send(second.endpoint, GenesisCall(2))
    third = group.add()
    assert third.peers.send(second.endpoint, GenesisCall(3))
    group.run()
    assert len(second.received) == received + 2
    assert len(first.up) == 1 and first.down == []


@given(st.lists(pieces, min_size=1, max_size=4), st.booleans(), st.booleans())
def test_strangers(conversations: list[list[bytes]], begins_right: bool, greets: bool) -> None:
    """Nobody gets a message through without the secret, and each one is counted."""
    group, first, second = joined()
    opening = (greeting(7) if greets else MAGIC) if begins_right else b""
    for conversation in conversations:
        stranger = knock(group, second)
        if opening:
            say(stranger, opening)
        for piece in conversation:
            say(stranger, piece)
            group.run()
    group.advance(6.0)
    statistics = second.peers.statistics()
    assert statistics.pending == 0
    assert sum(statistics.refused.values()) == len(conversations)
    assert len(second.received) == 1
    assert_serves(group, first, second)


@given(st.data())
def test_wrong_nodes(data: st.DataObject) -> None:
    """Another cluster, another version, our own id, and a hello with any byte changed."""
    group, first, second = joined()
    changes: dict[str, object] = data.draw(
        st.sampled_from(
            [
                {"cluster_name": "other"},
                {"protocol_min": 9, "protocol_max": 9},
                {"node": second.identity.node},
                {},
            ]
        )
    )
    hello = bytearray(greeting(7, **changes))
    if not changes:
        hello[data.draw(st.integers(0, len(hello) - 1))] ^= data.draw(st.integers(1, 255))
    say(knock(group, second), bytes(hello))
    group.advance(6.0)
    assert sum(second.peers.statistics().refused.values()) == 1
    assert_serves(group, first, second)


@given(pieces)
def test_a_broken_peer(conversation: list[bytes]) -> None:
    """A peer that has proved itself may go mad as well: its link ends, the others do not."""
    group, first, second = joined()
    mad = group.add()
    mad.peers.send(second.endpoint, GenesisCall(3))
    group.run()
    (end,) = (e for e in group.network.ends if e.host == mad.endpoint.host)
    for piece in conversation:
        if not end.is_ended:
            say(end, piece)
        group.run()
    mad.peers.close()
    group.run()
    assert sum(second.peers.statistics().refused.values()) <= 1
    assert [node for node, _ in second.down] == [mad.identity.node]
    assert_serves(group, first, second)
