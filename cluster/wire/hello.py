"""Who speaks: what a node says of itself when a link begins, and its bytes.

    hello := kind u8 = 1 | protocol min u8 | protocol max u8 | cluster name blob | node 16
             | boot generation varint | boot nonce u64 | endpoint: host blob, port u16
             | cluster id 16, zeros = unformed | challenge 32

This layout holds for every version of the protocol, so that two nodes that have no version in
common can still say so. A later version may add fields at the end; a reader skips what it does
not expect. The bytes are described in docs/protocols/peer.md.
"""

from __future__ import annotations

from typing import Final

from attrs import frozen

from cluster.errors import ClusterError, OptionError
from cluster.identity import (
    ID_BYTES,
    Boot,
    ClusterId,
    Endpoint,
    NodeId,
    id_from_bytes,
    id_to_bytes,
)
from storage.codec import U16, U64, decode_blob, decode_varint, encode_blob, encode_varint
from storage.errors import CorruptionError

#: On the wire.
HELLO: Final = 1
CHALLENGE_BYTES: Final = 32
NAME_BYTES_MAX: Final = 255
PROTOCOL_MIN: Final = 1
PROTOCOL_MAX: Final = 1

_NO_CLUSTER = bytes(ID_BYTES)
_VERSION_MAX = 255
_GENERATION_MAX = 1 << 48


@frozen
class PeerIdentity:
    """What a node tells its peers of itself.

    Attributes:
        cluster_name: peers of another name are refused; at most 255 bytes in UTF-8.
        node: its id.
        boot: the life it is in.
        endpoint: where others reach it: its announced gossip endpoint.
        protocol_min: the oldest version of the protocol that it speaks.
        protocol_max: the newest.
        cluster: the cluster that it belongs to, None while it is unformed.
    """

    cluster_name: str
    node: NodeId
    boot: Boot
    endpoint: Endpoint
    protocol_min: int = PROTOCOL_MIN
    protocol_max: int = PROTOCOL_MAX
    cluster: ClusterId | None = None

    def validate(self) -> None:
        """Check that it can be sent.

        Raises:
            OptionError: with the name of what does not fit.
        """
        name_bytes = len(self.cluster_name.encode())
        host_bytes = len(self.endpoint.host.encode())
        versions_fit = 1 <= self.protocol_min <= self.protocol_max <= _VERSION_MAX
        for name, is_right, given, allowed in (
            ("cluster_name", name_bytes <= NAME_BYTES_MAX, name_bytes, "at most 255 bytes"),
            ("endpoint", 1 <= host_bytes <= NAME_BYTES_MAX, host_bytes, "1 to 255 bytes"),
            ("protocol_min", versions_fit, self.protocol_min, "1 to protocol_max, at most 255"),
        ):
            if not is_right:
                raise OptionError(name, given, allowed)


@frozen
class Hello:
    """The first thing that each side says: who it is, and a random challenge."""

    identity: PeerIdentity
    challenge: bytes


class HelloError(ClusterError):
    """These bytes are no hello."""


def encode_hello(hello: Hello) -> bytes:
    """Return the bytes of a hello, its kind included."""
    identity = hello.identity
    assert len(hello.challenge) == CHALLENGE_BYTES, len(hello.challenge)
    return b"".join(
        (
            bytes((HELLO, identity.protocol_min, identity.protocol_max)),
            encode_blob(identity.cluster_name.encode()),
            id_to_bytes(identity.node),
            encode_varint(identity.boot.generation),
            U64.pack(identity.boot.nonce),
            encode_blob(identity.endpoint.host.encode()),
            U16.pack(identity.endpoint.port),
            _NO_CLUSTER if identity.cluster is None else id_to_bytes(identity.cluster),
            hello.challenge,
        )
    )


def decode_hello(data: bytes) -> Hello:
    """Return the hello in `data`.

    Raises:
        HelloError: the bytes are not a whole hello, or a field is out of its bounds.
    """
    try:
        return _decode(data)
    except (CorruptionError, UnicodeDecodeError, IndexError) as failure:
        raise HelloError from failure


def _decode(data: bytes) -> Hello:
    kind, protocol_min, protocol_max = data[0], data[1], data[2]
    if kind != HELLO or not 1 <= protocol_min <= protocol_max:
        raise HelloError
    name, at = decode_blob(data, 3)
    node, at = _take(data, at, ID_BYTES)
    generation, at = decode_varint(data, at)
    nonce, at = _take(data, at, 8)
    host, at = decode_blob(data, at)
    port, at = _take(data, at, 2)
    cluster, at = _take(data, at, ID_BYTES)
    challenge, _ = _take(data, at, CHALLENGE_BYTES)
    port_number = U16.unpack(port)[0]
    if max(len(name), len(host)) > NAME_BYTES_MAX or not host or not port_number:
        raise HelloError
    if not 1 <= generation < _GENERATION_MAX:
        raise HelloError
    return Hello(
        PeerIdentity(
            name.decode(),
            NodeId(id_from_bytes(node)),
            Boot(generation, U64.unpack(nonce)[0]),
            Endpoint(host.decode(), port_number),
            protocol_min,
            protocol_max,
            None if cluster == _NO_CLUSTER else ClusterId(id_from_bytes(cluster)),
        ),
        challenge,
    )


def _take(data: bytes, at: int, count: int) -> tuple[bytes, int]:
    end = at + count
    if end > len(data):
        raise HelloError
    return data[at:end], end
