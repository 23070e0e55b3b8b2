"""Frames: how messages stand one behind the other in a stream of bytes.

    frame := length u32 of the body | crc32c u32 of the body | body

A body is exactly one encoded message; an empty body is a keepalive. The length is checked against
the bound before a byte is kept for it, and the checksum before the body is looked at. A stream
with one wrong frame is of no more use: what follows can't be found, so the link is closed. Frames
that came whole before the wrong one still count.

The bytes are described in docs/protocols/peer.md.

Rejected: several messages in a frame (one flush leaves in one send as it is, and a reader would
need a second length), and a list of received pieces instead of one buffer (a stranger who sends
two bytes at a time made it twenty times as large as what he sent).
"""

from __future__ import annotations

import struct
from typing import Final

from storage.codec import checksum

#: On the wire.
HEADER: Final = struct.Struct(">II")
HEADER_BYTES: Final = HEADER.size
FRAME_BYTES_MAX: Final = 16 << 20

KEEPALIVE: Final = HEADER.pack(0, checksum(b""))


def encode_frame(body: bytes) -> bytes:
    """Return the frame around a body, which is at most `FRAME_BYTES_MAX` long."""
    assert len(body) <= FRAME_BYTES_MAX, len(body)
    return HEADER.pack(len(body), checksum(body)) + body


class FrameReader:
    """Finds the frames in a stream that arrives in pieces.

    Attributes:
        failure: why nothing more can be read: "oversize" or "checksum"; empty while all is well.
    """

    def __init__(self, bytes_max: int = FRAME_BYTES_MAX) -> None:
        self._bytes_max = bytes_max
        self._data = b""
        self._at = 0
        #: The beginning of a frame whose end has not arrived, and how long it will be at least.
        self._partial = bytearray()
        self._needed = 0
        self.failure = ""

    @property
    def buffered_bytes(self) -> int:
        """Bytes that wait for the rest of their frame."""
        return len(self._partial) + len(self._data) - self._at

    def push(self, data: bytes) -> None:
        """Take in the next piece of the stream; what came before must have been read."""
        if self._partial:
            self._partial += data
            if len(self._partial) < self._needed:
                return
            data = bytes(self._partial)
            self._partial.clear()
        self._data = data
        self._at = 0

    def next(self) -> bytes | None:
        """Return the body of the next whole frame, None when there is none."""
        data, at = self._data, self._at
        if self.failure or not data:
            return None
        available = len(data) - at
        if available < HEADER_BYTES:
            self._keep(HEADER_BYTES)
            return None
        length, expected = HEADER.unpack_from(data, at)
        if length > self._bytes_max:
            self._fail("oversize")
            return None
        end = at + HEADER_BYTES + length
        if len(data) < end:
            self._keep(HEADER_BYTES + length)
            return None
        body = data[at + HEADER_BYTES : end]
        if checksum(body) != expected:
            self._fail("checksum")
            return None
        self._at = end
        return body

    def feed(self, data: bytes) -> list[bytes]:
        """Take in a piece and return the bodies of all frames that are whole now.

        The hot path: the same as `push` and `next` until None, without a call per frame.
        """
        if self.failure:
            return []
        self.push(data)
        data, at = self._data, self._at
        bodies: list[bytes] = []
        size = len(data)
        unpack = HEADER.unpack_from
        while size - at >= HEADER_BYTES:
            length, expected = unpack(data, at)
            start = at + HEADER_BYTES
            end = start + length
            if end > size or length > self._bytes_max:
                break
            body = data[start:end]
            if checksum(body) != expected:
                break
            bodies.append(body)
            at = end
        self._at = at
        if at < size:
            left_over = self.next()  # keeps the rest, or says what is wrong with it
            assert left_over is None, "the loop above stopped before a frame that is whole"
        else:
            self._data, self._at = b"", 0
        return bodies

    def rest(self) -> bytes:
        """Return all bytes that no frame was made of yet, and forget them."""
        rest = bytes(self._partial) + self._data[self._at :]
        self._partial.clear()
        self._data, self._at = b"", 0
        return rest

    def _keep(self, needed: int) -> None:
        self._partial += self._data[self._at :]
        self._needed = needed
        self._data, self._at = b"", 0

    def _fail(self, reason: str) -> None:
        self.failure = reason
        self._partial.clear()
        self._data, self._at = b"", 0
