"""Datagrams under a seal: who does not know the secret can neither make nor change one.

    sealed := "MS" | version u8 = 1 | sender 16 | boot nonce 8 | counter u64 | payload | tag 16

The tag is BLAKE2b over all that stands before it, under a key made of the cluster's secret and
its name, so a datagram of another cluster does not open either (nobody can tell the two cases
apart). The counter starts at 1 in each life of a node; a receiver opens each number once (see
`replay_window`). The payload is readable by anybody on the way: a seal is no envelope.

The bytes are described in docs/protocols/peer.md.

Rejected: HMAC-SHA256 (as fast, but its tag would have to be cut), encryption (the standard
library has none, and gossip tells no data).
"""

from __future__ import annotations

import hmac
import struct
from hashlib import blake2b, sha256
from typing import Final

from attrs import frozen

from cluster.identity import ID_BYTES, Boot, NodeId, id_from_bytes, id_to_bytes
from cluster.wire.messages import WireError
from cluster.wire.replay_window import WINDOWS_MAX, ReplayWindows

#: On the wire.
MAGIC: Final = b"MS"
VERSION: Final = 1
TAG_BYTES: Final = 16
_HEAD: Final = struct.Struct(">2sB16s8sQ")
_PREFIX: Final = MAGIC + bytes((VERSION,))
#: How much longer a sealed datagram is than its payload.
OVERHEAD_BYTES: Final = _HEAD.size + TAG_BYTES
_SENDER: Final = slice(3, 3 + ID_BYTES + 8)


def seal_key(cluster_name: str, secret: bytes) -> bytes:
    """Return the key under which the datagrams of a cluster are sealed."""
    return hmac.digest(secret, b"meridian datagram 1\x00" + cluster_name.encode(), sha256)


@frozen
class Opened:
    """What was in a datagram whose seal was right."""

    sender: NodeId
    nonce: int
    payload: bytes


class Sealer:
    """Seals what one life of a node sends."""

    def __init__(self, key: bytes, node: NodeId, boot: Boot) -> None:
        self._key = key
        self._sender = id_to_bytes(node)
        self._nonce = boot.nonce.to_bytes(8, "big")
        self._counter = 0

    def seal(self, payload: bytes) -> bytes:
        """Return the datagram; no two are equal."""
        self._counter += 1
        head = _HEAD.pack(MAGIC, VERSION, self._sender, self._nonce, self._counter)
        text = head + payload
        return text + blake2b(text, digest_size=TAG_BYTES, key=self._key).digest()


class Opener:
    """Opens what others sent to this node."""

    def __init__(self, key: bytes, own: NodeId, windows_max: int = WINDOWS_MAX) -> None:
        self._key = key
        self._own = id_to_bytes(own)
        self._windows = ReplayWindows(windows_max)

    def open(self, data: bytes) -> Opened:
        """Return what is in a datagram.

        Raises:
            WireError: "short", "magic", "version", "seal" (another secret, another cluster or
                changed on the way), "own" (it came back to us), "replay".
        """
        if not data.startswith(_PREFIX[: len(data)]):
            raise WireError("version" if data.startswith(MAGIC) else "magic")
        if len(data) < OVERHEAD_BYTES:
            raise WireError("short")
        text, tag = data[:-TAG_BYTES], data[-TAG_BYTES:]
        expected = blake2b(text, digest_size=TAG_BYTES, key=self._key).digest()
        if not hmac.compare_digest(expected, tag):
            raise WireError("seal")
        _, _, sender, nonce, counter = _HEAD.unpack_from(text)
        if sender == self._own:
            raise WireError("own")
        if not self._windows.accept(text[_SENDER], counter):
            raise WireError("replay")
        return Opened(
            NodeId(id_from_bytes(sender)), int.from_bytes(nonce, "big"), text[_HEAD.size :]
        )
