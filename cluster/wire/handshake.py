"""The beginning of a link: both sides say who they are and prove that they know the secret.

    initiator                                   acceptor
    magic, Hello        ------------------->
                        <-------------------    magic, Hello
    Proof               ------------------->
                        <-------------------    Proof

A proof is HMAC-SHA256, keyed with the secret of the cluster, over the role of who proves and the
bytes of both Hellos as they were sent. So it holds for this pair, these versions and these two
challenges only: a recorded proof, one that is sent back to its maker (roles differ), and a Hello
that somebody changed on the way do not verify. The acceptor proves itself last, so that a
stranger gets nothing to try secrets on. An empty secret is computed with as well.

Whoever refuses says why in a `Refusal` frame and closes; the reasons are those of `Refusal`.
Only bytes that are not of this protocol at all (`MAGIC`) are left without an answer. Nothing here
raises: whatever arrives, the machine ends as done or as refused.

What it does not do: without TLS a man in the middle may hand both proofs on and then speak for
either side. The secret keeps strangers out, TLS keeps listeners out.

The bytes are described in docs/protocols/peer.md.
"""

from __future__ import annotations

import enum
import hmac
from hashlib import sha256
from typing import Final

from cluster.wire.frames import FrameReader, encode_frame
from cluster.wire.hello import (
    CHALLENGE_BYTES,
    Hello,
    HelloError,
    PeerIdentity,
    decode_hello,
    encode_hello,
)
from storage.codec import U32

#: On the wire.
MAGIC: Final = b"\x8aMDP"
PROOF: Final = 2
REFUSAL: Final = 3
PROOF_BYTES: Final = 32
HANDSHAKE_FRAME_BYTES_MAX: Final = 4096
_INITIATOR: Final = b"meridian peer proof 1 initiator"
_ACCEPTOR: Final = b"meridian peer proof 1 acceptor"


class Refusal(enum.Enum):
    """Why a link does not come to be; the values are words for counters."""

    MAGIC = "magic"
    GARBAGE = "garbage"
    VERSION = "version"
    CLUSTER_NAME = "cluster_name"
    SECRET = "secret"
    OWN_ID = "own_id"
    DUPLICATE_ID = "duplicate_id"
    TIMEOUT = "timeout"
    TOO_MANY = "too_many"
    TLS = "tls"
    BY_PEER = "by_peer"


#: What the other side is told. On the wire.
_CODES: Final = {
    Refusal.GARBAGE: 1,
    Refusal.VERSION: 2,
    Refusal.CLUSTER_NAME: 3,
    Refusal.SECRET: 4,
    Refusal.OWN_ID: 5,
    Refusal.DUPLICATE_ID: 6,
    Refusal.TIMEOUT: 7,
    Refusal.TOO_MANY: 8,
}
_REASONS: Final = {code: reason for reason, code in _CODES.items()}


def common_version(ours: PeerIdentity, theirs: PeerIdentity) -> int | None:
    """Return the newest version of the protocol that both speak, None if there is none."""
    newest = min(ours.protocol_max, theirs.protocol_max)
    return newest if newest >= max(ours.protocol_min, theirs.protocol_min) else None


class Handshake:
    """One side of a handshake: bytes in, bytes out, done or refused in the end.

    Attributes:
        peer: who the other side says it is; proved once `is_done`.
        protocol: the version that both will speak, 0 before it is known.
        refusal: why there will be no link.
        detail: more about that for people; empty if there is nothing more to say.
        remainder: bytes behind the handshake that came along with its end.
    """

    def __init__(
        self, identity: PeerIdentity, secret: bytes, *, is_outgoing: bool, challenge: bytes
    ) -> None:
        assert len(challenge) == CHALLENGE_BYTES, len(challenge)
        self._identity = identity
        self._secret = secret
        self._is_outgoing = is_outgoing
        self._own_hello = encode_hello(Hello(identity, challenge))
        self._peer_hello = b""
        self._opening = b""
        self._reader = FrameReader(HANDSHAKE_FRAME_BYTES_MAX)
        self._out: list[bytes] = []
        self.peer: PeerIdentity | None = None
        self.protocol = 0
        self.is_done = False
        self.refusal: Refusal | None = None
        self.detail = ""
        self.remainder = b""
        if is_outgoing:
            self._out.append(MAGIC + encode_frame(self._own_hello))

    @property
    def has_output(self) -> bool:
        """Whether `take` would return something."""
        return bool(self._out)

    def take(self) -> bytes:
        """Return the bytes that are to be sent now, and forget them."""
        out = b"".join(self._out)
        self._out.clear()
        return out

    def receive(self, data: bytes) -> None:
        """Take in bytes of the other side; after the end they are not looked at."""
        if self._is_over():
            return
        if len(self._opening) < len(MAGIC):
            missing = len(MAGIC) - len(self._opening)
            self._opening += data[:missing]
            data = data[missing:]
            if not MAGIC.startswith(self._opening):
                self.refusal = Refusal.MAGIC
                self.detail = f"it begins with {self._opening.hex()}"
                return
        self._reader.push(data)
        while not self._is_over():
            body = self._reader.next()
            if body is None:
                break
            self._receive_body(body)
        if self._reader.failure:
            self.refuse(Refusal.GARBAGE, f"frame: {self._reader.failure}")
        if self.is_done:
            self.remainder = self._reader.rest()

    def refuse(self, reason: Refusal, detail: str = "") -> None:
        """End the handshake, and tell the other side why if it has a word for it."""
        assert not self.is_done, "refused after it was done"
        self.refusal = reason
        self.detail = detail
        code = _CODES.get(reason)
        if code is not None:
            opening = MAGIC if not self._is_outgoing and not self._peer_hello else b""
            self._out.append(opening + encode_frame(bytes((REFUSAL, code))))

    def _is_over(self) -> bool:
        return self.is_done or self.refusal is not None

    def _receive_body(self, body: bytes) -> None:
        if len(body) == 2 and body[0] == REFUSAL:
            self.refusal = Refusal.BY_PEER
            reason = _REASONS.get(body[1])
            self.detail = reason.value if reason is not None else f"code {body[1]}"
        elif not self._peer_hello:
            self._receive_hello(body)
        else:
            self._receive_proof(body)

    def _receive_hello(self, body: bytes) -> None:
        ours = self._identity
        try:
            theirs = decode_hello(body).identity
        except HelloError:
            self.refuse(Refusal.GARBAGE, "no hello")
            return
        version = common_version(ours, theirs)
        if version is None:
            detail = f"it speaks {theirs.protocol_min} to {theirs.protocol_max}"
            self.refuse(Refusal.VERSION, detail)
        elif theirs.cluster_name != ours.cluster_name:
            self.refuse(Refusal.CLUSTER_NAME, f"its cluster is called {theirs.cluster_name!r}")
        elif theirs.node == ours.node:
            is_self = theirs.boot == ours.boot
            self.refuse(Refusal.OWN_ID if is_self else Refusal.DUPLICATE_ID)
        else:
            self.peer, self.protocol, self._peer_hello = theirs, version, body
            if self._is_outgoing:
                self._out.append(encode_frame(self._own_proof()))
            else:
                self._out.append(MAGIC + encode_frame(self._own_hello))

    def _receive_proof(self, body: bytes) -> None:
        if len(body) != 1 + PROOF_BYTES or body[0] != PROOF:
            self.refuse(Refusal.GARBAGE, "no proof")
            return
        expected = self._proof(is_of_initiator=not self._is_outgoing)
        if not hmac.compare_digest(expected, body[1:]):
            self.refuse(Refusal.SECRET)
            return
        if not self._is_outgoing:
            self._out.append(encode_frame(self._own_proof()))
        self.is_done = True

    def _own_proof(self) -> bytes:
        return bytes((PROOF,)) + self._proof(is_of_initiator=self._is_outgoing)

    def _proof(self, *, is_of_initiator: bool) -> bytes:
        hellos = (self._own_hello, self._peer_hello)
        first, second = hellos if self._is_outgoing else hellos[::-1]
        role = _INITIATOR if is_of_initiator else _ACCEPTOR
        text = role + U32.pack(len(first)) + first + second
        return hmac.digest(self._secret, text, sha256)
