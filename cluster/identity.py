"""Who a node is: its id, where it can be reached, and which of its lives is meant.

A node id is a random UUID that is made once and kept in the data directory; 128 bits, written in
the usual 36 characters and sent as 16 bytes. A `Boot` counts the starts of that directory. It is
made durable before it is used, so what was said about an earlier life never holds for this one.
Its nonce is drawn anew at each start: a cloned directory counts the same generations, and only
the nonce tells the two processes apart. Within one life the incarnation counts refutations.

`Precedence` orders everything that is claimed about a node: a later life beats an earlier one,
and within a life a higher incarnation beats a lower one. Clocks play no part.
"""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv6Address
from random import Random
from typing import NewType

from attrs import field, frozen

NodeId = NewType("NodeId", str)
ClusterId = NewType("ClusterId", str)

ID_BYTES = 16
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
#: Ids whose two forms are remembered: a map names the same few a thousand times.
_IDS_CACHED = 4096
_VERSION_4 = 0x4000 << 64
_VERSION_MASK = 0xF000 << 64
_VARIANT = 0x8000 << 48
_VARIANT_MASK = 0xC000 << 48


def new_id(rng: Random) -> str:
    """Return a random UUID (version 4) in its 36 characters; callers wrap it in its type."""
    number = rng.getrandbits(128) & ~_VERSION_MASK & ~_VARIANT_MASK
    return id_from_bytes((number | _VERSION_4 | _VARIANT).to_bytes(ID_BYTES, "big"))


def parse_id(text: str) -> str:
    """Return an id in its one spelling, lower case.

    Raises:
        ValueError: this is not a UUID in its 36 characters.
    """
    lowered = text.lower()
    if not _ID.fullmatch(lowered):
        raise ValueError(f"not a UUID: {text!r}")
    return lowered


@lru_cache(_IDS_CACHED)
def id_to_bytes(text: str) -> bytes:
    """Return the 16 bytes of an id."""
    return bytes.fromhex(text.replace("-", ""))


@lru_cache(_IDS_CACHED)
def id_from_bytes(packed: bytes) -> str:
    """Return the 36 characters of 16 bytes."""
    assert len(packed) == ID_BYTES, packed
    digits = packed.hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


@frozen(order=True)
class Endpoint:
    """Where a node listens: a numeric address or a name, and a port of 1 to 65535."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_endpoint(text: str, default_port: int) -> Endpoint:
    """Return the endpoint written as `host`, `host:port`, `[v6]` or `[v6]:port`.

    Raises:
        ValueError: the port is not a number of 1 to 65535, or there is no host.
    """
    if text.startswith("["):
        host, closed, rest = text[1:].partition("]")
        if not closed or (rest and not rest.startswith(":")):
            raise ValueError(f"not an endpoint: {text!r}")
        port_text = rest[1:]
    elif text.count(":") > 1:
        host, port_text = text, ""  # an IPv6 address without brackets has no port
        try:
            IPv6Address(host)
        except ValueError:
            raise ValueError(f"neither host:port nor an IPv6 address: {text!r}") from None
    else:
        host, _, port_text = text.partition(":")
    if not host:
        raise ValueError(f"no host in {text!r}")
    if not port_text:
        return Endpoint(host, default_port)
    if not (port_text.isascii() and port_text.isdigit() and 1 <= int(port_text) <= 65535):
        raise ValueError(f"not a port: {port_text!r}")
    return Endpoint(host, int(port_text))


@frozen
class Boot:
    """One life of a data directory: how many starts it has seen, and a number drawn at this one.

    The generation is at least 1 and durable before the node says anything; the nonce has 64 bits.
    """

    generation: int = field()
    nonce: int = field()

    def next(self, rng: Random) -> Boot:
        """Return the boot that a restart of this directory makes durable."""
        return Boot(self.generation + 1, rng.getrandbits(64))


def first_boot(rng: Random) -> Boot:
    """Return the boot of a directory that was never started."""
    return Boot(1, rng.getrandbits(64))


@frozen(order=True)
class Precedence:
    """The age of a claim about a node; the greater one holds."""

    generation: int
    incarnation: int
