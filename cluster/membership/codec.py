"""Messages of membership as bytes. These bytes are on the wire; see docs/protocols/gossip.md.

    packet  := 4D 47 | version u8 | crc32c u32 of what follows | cluster 16 | sender 16
               | map epoch varint | count varint | count times message
    message := tag u8 | length varint | body

A reader skips tags it does not know and bytes at the end of a body that it does not expect, so
fields can be added at the end. An unknown version is refused. Decoding checks every bound before
it believes a count; nothing is reserved for a number that was only announced.

Rejected: msgspec or JSON (names in every datagram: a claim was three times as large), pickle
(runs what strangers send).
"""

from __future__ import annotations

from collections.abc import Callable

from cluster.errors import ClusterError
from cluster.identity import (
    ID_BYTES,
    Boot,
    ClusterId,
    Endpoint,
    NodeId,
    Precedence,
    id_from_bytes,
    id_to_bytes,
)
from cluster.membership.facts import TEXT_CHARACTERS_MAX, WEIGHT_STEPS, NodeFacts, Role
from cluster.membership.messages import (
    Ack,
    Alive,
    Dead,
    Heartbeat,
    IndirectPing,
    Left,
    MemberStatus,
    Message,
    Nack,
    Packet,
    Ping,
    Removed,
    Suspect,
    SyncDigest,
    SyncEntry,
    SyncStates,
)
from storage.codec import U32, U64, checksum, decode_varint, encode_blob, encode_varint
from storage.errors import CorruptionError

MAGIC = b"MG"
VERSION = 1
NO_CLUSTER = bytes(ID_BYTES)
PREFIX_BYTES = 7  # magic, version, checksum
HOST_BYTES_MAX = 255
COUNTER_MAX = 1 << 48


class PacketError(ClusterError):
    """Bytes from the network that are not a packet of ours; `reason` is a word for a counter."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"not a membership packet: {self.reason}"


class _Reader:
    """A cursor over received bytes; reading past the end raises PacketError."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, count: int) -> bytes:
        end = self.at + count
        if end > len(self.data):
            raise PacketError("short")
        taken = self.data[self.at : end]
        self.at = end
        return taken

    def number(self) -> int:
        try:
            value, self.at = decode_varint(self.data, self.at)
        except CorruptionError as error:
            raise PacketError("number") from error
        return value

    def small(self) -> int:
        return self.take(1)[0]

    def blob(self) -> bytes:
        return self.take(self.number())

    def text(self, bytes_max: int) -> str:
        packed = self.blob()
        try:
            text = packed.decode("utf-8")
        except UnicodeDecodeError as error:
            raise PacketError("text") from error
        if len(packed) > bytes_max:
            raise PacketError("text")
        return text

    def node(self) -> NodeId:
        return NodeId(id_from_bytes(self.take(ID_BYTES)))

    def cluster(self) -> ClusterId | None:
        packed = self.take(ID_BYTES)
        return None if packed == NO_CLUSTER else ClusterId(id_from_bytes(packed))

    def counter(self) -> int:
        """Read a number that its owner counts up: one at the bound would leave no next one."""
        value = self.number()
        if value >= COUNTER_MAX:
            raise PacketError("number")
        return value

    def endpoint(self) -> Endpoint:
        host = self.text(HOST_BYTES_MAX)
        port = int.from_bytes(self.take(2), "big")
        if not host or not port:
            raise PacketError("endpoint")
        return Endpoint(host, port)

    def precedence(self) -> Precedence:
        generation = self.counter()
        return Precedence(generation, self.counter())

    def facts(self) -> NodeFacts:
        try:
            return NodeFacts(
                datacenter=self.text(4 * TEXT_CHARACTERS_MAX),
                rack=self.text(4 * TEXT_CHARACTERS_MAX),
                machine=self.text(4 * TEXT_CHARACTERS_MAX),
                capacity_weight=self.number() / WEIGHT_STEPS,
                roles=Role(self.small() & 7),  # roles of later versions are not ours to judge
                client_port=int.from_bytes(self.take(2), "big"),
                software_version=self.text(4 * TEXT_CHARACTERS_MAX),
                protocol_min=self.small(),
                protocol_max=self.small(),
            )
        except ValueError as error:  # a validator of the facts
            raise PacketError("facts") from error

    def alive(self) -> Alive:
        node, endpoint = self.node(), self.endpoint()
        generation = self.counter()
        (nonce,) = U64.unpack(self.take(8))
        return Alive(
            node, endpoint, Boot(generation, nonce), self.counter(), self.cluster(), self.facts()
        )

    def entry(self) -> SyncEntry:
        body = _Reader(self.blob())
        status = body.small()
        if status > MemberStatus.LEFT:
            raise PacketError("status")
        age_s = body.number()
        return SyncEntry(body.alive(), MemberStatus(status), age_s)

    def removed(self) -> Removed:
        node = self.node()
        return Removed(node, self.counter())

    def states(self) -> SyncStates:
        entries = tuple(self.entry() for _ in range(self.number()))
        removed = tuple(self.removed() for _ in range(self.number()))
        return SyncStates(entries, removed, tuple(self.number() for _ in range(self.number())))

    def digest(self) -> SyncDigest:
        count = self.number()
        return SyncDigest(tuple(U32.unpack(self.take(4))[0] for _ in range(count)))

    def message(self, tag: int) -> Message | None:
        """Return the message of a known tag, None for another."""
        reading = _READERS.get(tag)
        return None if reading is None else reading(self)


_READERS: dict[int, Callable[[_Reader], Message]] = {
    1: lambda r: Ping(r.number(), r.node()),
    2: lambda r: IndirectPing(r.number(), r.node(), r.endpoint()),
    3: lambda r: Ack(r.number()),
    4: lambda r: Nack(r.number()),
    5: lambda r: r.alive(),
    6: lambda r: Suspect(r.node(), r.precedence(), r.node()),
    7: lambda r: Dead(r.node(), r.precedence(), r.node()),
    8: lambda r: Left(r.node(), r.precedence()),
    9: lambda r: r.removed(),
    10: lambda r: r.digest(),
    11: lambda r: r.states(),
    12: lambda r: Heartbeat(),
}


def decode_packet(data: bytes) -> Packet:
    """Return the packet in `data`; messages of unknown tags are left out.

    Raises:
        PacketError: the bytes are not a whole packet of a known version.
    """
    reader = _Reader(data)
    if reader.take(2) != MAGIC:
        raise PacketError("magic")
    if reader.small() != VERSION:
        raise PacketError("version")
    if U32.unpack(reader.take(4))[0] != checksum(data[PREFIX_BYTES:]):
        raise PacketError("checksum")
    cluster, sender, map_epoch = reader.cluster(), reader.node(), reader.number()
    messages: list[Message] = []
    for _ in range(reader.number()):
        tag = reader.small()
        message = _Reader(reader.blob()).message(tag)
        if message is not None:
            messages.append(message)
    if reader.at != len(data):
        raise PacketError("long")
    return Packet(cluster, sender, map_epoch, tuple(messages))


def encode_packet(packet: Packet) -> bytes:
    """Return the bytes of a packet."""
    cluster = NO_CLUSTER if packet.cluster is None else id_to_bytes(packet.cluster)
    body = b"".join(
        (
            cluster,
            id_to_bytes(packet.sender),
            encode_varint(packet.map_epoch),
            encode_varint(len(packet.messages)),
            *map(encode_message, packet.messages),
        )
    )
    return MAGIC + bytes((VERSION,)) + U32.pack(checksum(body)) + body


def header_bytes(map_epoch: int, count: int) -> int:
    """Return how many bytes a packet with `count` messages has before the first of them."""
    return PREFIX_BYTES + 2 * ID_BYTES + _varint_bytes(map_epoch) + _varint_bytes(count)


def size_of(message: Message) -> int:
    """Return how many bytes a message takes inside a packet."""
    return len(encode_message(message))


def encode_message(message: Message) -> bytes:
    """Return tag, length and body of a message."""
    tag, body = _tagged(message)
    return bytes((tag,)) + encode_blob(body)


def _tagged(message: Message) -> tuple[int, bytes]:
    match message:
        case Ping(sequence, target):
            return 1, encode_varint(sequence) + id_to_bytes(target)
        case IndirectPing(sequence, target, endpoint):
            return 2, encode_varint(sequence) + id_to_bytes(target) + _endpoint(endpoint)
        case Ack(sequence):
            return 3, encode_varint(sequence)
        case Nack(sequence):
            return 4, encode_varint(sequence)
        case Alive():
            return 5, _alive(message)
        case Suspect(node, precedence, accuser):
            return 6, id_to_bytes(node) + _precedence(precedence) + id_to_bytes(accuser)
        case Dead(node, precedence, accuser):
            return 7, id_to_bytes(node) + _precedence(precedence) + id_to_bytes(accuser)
        case Left(node, precedence):
            return 8, id_to_bytes(node) + _precedence(precedence)
        case Removed():
            return 9, _removed(message)
        case SyncDigest(digests):
            return 10, encode_varint(len(digests)) + b"".join(map(U32.pack, digests))
        case SyncStates():
            return 11, _states(message)
        case Heartbeat():
            return 12, b""


def _varint_bytes(value: int) -> int:
    return max(1, (value.bit_length() + 6) // 7)


def _endpoint(endpoint: Endpoint) -> bytes:
    return encode_blob(endpoint.host.encode()) + endpoint.port.to_bytes(2, "big")


def _precedence(precedence: Precedence) -> bytes:
    return encode_varint(precedence.generation) + encode_varint(precedence.incarnation)


def _alive(alive: Alive) -> bytes:
    facts = alive.facts
    return b"".join(
        (
            id_to_bytes(alive.node),
            _endpoint(alive.endpoint),
            encode_varint(alive.boot.generation),
            U64.pack(alive.boot.nonce),
            encode_varint(alive.incarnation),
            NO_CLUSTER if alive.cluster is None else id_to_bytes(alive.cluster),
            encode_blob(facts.datacenter.encode()),
            encode_blob(facts.rack.encode()),
            encode_blob(facts.machine.encode()),
            encode_varint(round(facts.capacity_weight * WEIGHT_STEPS)),
            bytes((facts.roles.value,)),
            facts.client_port.to_bytes(2, "big"),
            encode_blob(facts.software_version.encode()),
            bytes((facts.protocol_min, facts.protocol_max)),
        )
    )


def _removed(removed: Removed) -> bytes:
    return id_to_bytes(removed.node) + encode_varint(removed.remaining_s)


def _states(states: SyncStates) -> bytes:
    entries = [
        encode_blob(bytes((entry.status,)) + encode_varint(entry.age_s) + _alive(entry.alive))
        for entry in states.entries
    ]
    return b"".join(
        (
            encode_varint(len(entries)),
            *entries,
            encode_varint(len(states.removed)),
            *map(_removed, states.removed),
            encode_varint(len(states.wanted)),
            *map(encode_varint, states.wanted),
        )
    )
