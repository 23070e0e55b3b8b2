from __future__ import annotations

from cluster.membership.codec import encode_packet
from cluster.membership.events import SendPacket, SendStream
from cluster.membership.messages import Ping
from tests.cluster.membership.lone_node import OWN, PEERS, LoneNode, alive


def test_packets_are_filled_with_rumours_up_to_the_bound() -> None:
    """An answer carries news along, never more than fits, and its size is what it takes."""
    node = LoneNode()
    for incarnation in range(3):
        for peer in PEERS:
            node.hear(peer, alive(peer, incarnation))
    node.forget()
    node.hear(PEERS[0], Ping(1, OWN))
    (sent,) = node.told(SendPacket)
    assert len(sent.packet.messages) == 1 + len(PEERS) + 1
    assert len(encode_packet(sent.packet)) == sent.size_bytes <= 1400 - 32


def test_streams_carry_one_message() -> None:
    """Rumours go by datagram; the size of a stream message is what it takes."""
    node = LoneNode(3)
    node.hear(PEERS[0], Ping(1, OWN), is_stream=True)
    (sent,) = node.told(SendStream)
    assert len(sent.packet.messages) == 1
    assert len(encode_packet(sent.packet)) == sent.size_bytes
