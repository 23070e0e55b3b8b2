"""Messages between the serving process and a worker, over the worker's stdin and stdout.

    greeting := "meridian-worker " version newline          (worker, once)
    message  := length u32 | kind u8 | body                 (length of kind and body)
    kind     := 1 job | 2 result | 3 corruption | 4 system error | 5 failure | 128 leaving

A result or error with the bit `leaving` is the worker's last: it gives its memory back by ending.
"""

from __future__ import annotations

import enum
import struct

from storage.codec import decode_blob, decode_varint, encode_blob, encode_varint
from storage.errors import CorruptionError, StorageError, WorkerError

GREETING = b"meridian-worker 3\n"
LEAVING = 0x80
MESSAGE_BYTES_MAX = 64 << 20

_HEAD = struct.Struct(">IB")
HEAD_BYTES = _HEAD.size  # 5


class Kind(enum.IntEnum):
    """What a message is."""

    JOB = 1
    RESULT = 2
    CORRUPTION = 3
    SYSTEM_ERROR = 4
    FAILURE = 5


def encode_message(kind: Kind, body: bytes, *, leaving: bool = False) -> bytes:
    """Return a whole message."""
    return _HEAD.pack(len(body) + 1, kind | (LEAVING if leaving else 0)) + body


def decode_head(head: bytes) -> tuple[int, Kind, bool]:
    """Return (length of the body, kind, leaving) of a message's first five bytes.

    Raises:
        CorruptionError: no such message exists.
    """
    length, kind = _HEAD.unpack(head)
    if not 1 <= length <= MESSAGE_BYTES_MAX or kind & ~LEAVING not in set(Kind):
        raise CorruptionError("", None, f"a worker's message of {length} bytes and kind {kind}")
    return length - 1, Kind(kind & ~LEAVING), bool(kind & LEAVING)


def encode_error(error: BaseException, text: str) -> tuple[Kind, bytes]:
    """Return (kind, body) that tells of an exception; `text` is what to say of a failure."""
    if isinstance(error, CorruptionError):
        offset = 0 if error.offset is None else error.offset + 1
        parts = encode_blob(error.name.encode()), encode_varint(offset)
        return Kind.CORRUPTION, b"".join(parts) + encode_blob(error.detail.encode())
    if isinstance(error, OSError) and error.errno is not None:
        text = error.strerror or str(error)
        return Kind.SYSTEM_ERROR, encode_varint(error.errno) + encode_blob(text.encode())
    return Kind.FAILURE, encode_blob(text.encode())


def decode_error(kind: Kind, body: bytes, job: str) -> StorageError | OSError:
    """Return the exception that a worker told of; `job` names what it was doing."""
    if kind is Kind.CORRUPTION:
        name, offset = decode_blob(body)
        place, offset = decode_varint(body, offset)
        detail, _ = decode_blob(body, offset)
        return CorruptionError(name.decode(), place - 1 if place else None, detail.decode())
    if kind is Kind.SYSTEM_ERROR:
        number, offset = decode_varint(body)
        return OSError(number, decode_blob(body, offset)[0].decode())
    assert kind is Kind.FAILURE, kind
    return WorkerError(job, decode_blob(body)[0].decode())
