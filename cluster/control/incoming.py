"""What arrives from other nodes, sorted by whom it concerns."""

from __future__ import annotations

from collections.abc import Callable

from cluster.birth.events import BirthMessage
from cluster.control.parts import Parts
from cluster.identity import Endpoint, NodeId
from cluster.membership.codec import PacketError, decode_packet
from cluster.membership.events import PacketReceived
from cluster.membership.messages import Heartbeat, SyncDigest
from cluster.metadata import events as log_events
from cluster.wire import messages as wire

#: What is about the map and is answered by `proposals`.
Questions = Callable[[NodeId, Endpoint, wire.SlotKeysRequest | wire.SlotKeysReply], None]


def receive_packet(parts: Parts, source: Endpoint, payload: bytes, *, is_stream: bool) -> None:
    """Take a membership packet; a heartbeat in it feeds the detector."""
    try:
        packet = decode_packet(payload)
    except PacketError as refusal:
        parts.count(f"packets_refused_{refusal.reason}")
        return
    if parts.is_sent_away:
        # Packets to the node that was here before are no invitation; who joins it asks for all.
        if not any(isinstance(m, SyncDigest) and not m.digests for m in packet.messages):
            parts.count("packets_uninvited")
            return
        parts.is_sent_away = False
    own = parts.birth.cluster
    is_foreign = packet.cluster is not None and own is not None and packet.cluster != own
    if not is_foreign and any(isinstance(message, Heartbeat) for message in packet.messages):
        parts.heartbeats.heard(packet.sender, parts.now)
    parts.swim.handle(PacketReceived(packet, source, is_stream=is_stream), parts.now)


def receive_message(
    parts: Parts,
    node: NodeId,
    endpoint: Endpoint,
    *,
    message: wire.PeerMessage,
    answer_questions: Questions,
) -> None:
    """Take a message over a link."""
    match message:
        case wire.GossipStream(packet):
            receive_packet(parts, endpoint, packet, is_stream=True)
        case (
            wire.MapRequest()
            | wire.MapReply()
            | wire.RaftMessage()
            | wire.ProposalRequest()
            | wire.ProposalReply()
        ):
            parts.log.handle(log_events.MessageReceived(node, endpoint, message), parts.now)
        case wire.SlotKeysRequest() | wire.SlotKeysReply():
            answer_questions(node, endpoint, message)
        case (
            wire.GenesisCall()
            | wire.ClaimsReply()
            | wire.GenesisOffer()
            | wire.GenesisAccepted()
            | wire.GenesisRefused()
            | wire.GenesisHeld()
            | wire.GenesisDropped()
            | wire.GenesisQuery()
            | wire.ClusterHello()
            | wire.HasDataRequest()
            | wire.HasDataReply()
        ):
            parts.birth.handle(BirthMessage(node, endpoint, message), parts.now)
        case _:
            parts.count("messages_unexpected")
