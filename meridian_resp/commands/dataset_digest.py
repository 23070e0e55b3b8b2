"""A signature of data, the same as Redis computes for the same data (DEBUG DIGEST).

redis-cli compares keys of two nodes by it, and tests compare Meridian with Redis. Order must not
matter between keys, so their digests are joined by exclusive or; within a key it does, so each
part is mixed in by hashing what there was. Times to live count by presence only.
"""

from __future__ import annotations

import hashlib
from typing import Final

from meridian_resp.datatypes.values import Entry, Kind, Live

EMPTY: Final = bytes(20)
_EXPIRES: Final = b"!!expire!!"
#: Redis' number of the string type.
_STRING_TYPE: Final = (0).to_bytes(4, "big")


def joined(digest: bytes, part: bytes) -> bytes:
    """`digest` with the hash of a part joined in; the order of parts does not matter."""
    return exclusive_or(digest, hashlib.sha1(part, usedforsecurity=False).digest())


def mixed(digest: bytes, part: bytes) -> bytes:
    """`digest` with a part mixed in; the order of parts matters."""
    return hashlib.sha1(joined(digest, part), usedforsecurity=False).digest()


def exclusive_or(first: bytes, second: bytes) -> bytes:
    """Two digests as one, in whichever order."""
    number = int.from_bytes(first, "big") ^ int.from_bytes(second, "big")
    return number.to_bytes(20, "big")


def with_value(digest: bytes, live: Live) -> bytes:
    """`digest` with a value and the fact that it expires mixed in.

    Raises:
        ValueError: the value is no string.
    """
    if isinstance(live, Entry) and live.kind != Kind.STRING:
        raise ValueError("only strings have a digest")
    value = live.value if isinstance(live, Entry) else live
    digest = mixed(mixed(digest, _STRING_TYPE), value)
    if isinstance(live, Entry) and live.expire_at_ms:
        digest = joined(digest, _EXPIRES)
    return digest


def key_digest(key: bytes, live: Live) -> bytes:
    """The share of one key in its database's signature. Raises ValueError: no string."""
    return with_value(mixed(EMPTY, key), live)


def database_digest(digest: bytes, index: int) -> bytes:
    """`digest` with the number of a database that holds keys mixed in."""
    return mixed(digest, index.to_bytes(4, "big"))
