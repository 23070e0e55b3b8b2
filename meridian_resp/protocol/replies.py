"""Reply values and their bytes in RESP2 and RESP3.

A handler answers with one of two things. `bytes` are already on the wire form that both protocol
versions share: simple strings, errors, integers, bulk strings, arrays of such. Everything whose
form differs between the versions (null, maps, sets, doubles, booleans, verbatim strings, pushes,
and arrays that contain one of them) is a small value of this module, which `encode` writes once
the session's version is known. So the common replies cost one formatting operation and no second
pass, and a handler never asks which protocol its client speaks.

Source: the RESP3 specification (github.com/redis/redis-specifications, protocol/RESP3.md) and
the replies of redis-server 7.0.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Union

from meridian_resp.protocol.numbers import format_double

OK: Final = b"+OK\r\n"
PONG: Final = b"+PONG\r\n"
QUEUED: Final = b"+QUEUED\r\n"
EMPTY_ARRAY: Final = b"*0\r\n"
EMPTY_BULK: Final = b"$0\r\n\r\n"
ZERO: Final = b":0\r\n"
ONE: Final = b":1\r\n"
MINUS_ONE: Final = b":-1\r\n"
MINUS_TWO: Final = b":-2\r\n"


class NullArray:
    """The null that RESP2 writes as an array (`*-1`): EXEC aborted by WATCH, timed-out pops."""

    __slots__ = ()


NULL_ARRAY: Final = NullArray()


class Array:
    """An array with at least one item whose form depends on the protocol version."""

    __slots__ = ("items",)

    def __init__(self, items: Sequence[Reply]) -> None:
        self.items = items


class Map:
    """Field-value pairs: a map in RESP3, a flat array in RESP2."""

    __slots__ = ("pairs",)

    def __init__(self, pairs: Sequence[tuple[Reply, Reply]]) -> None:
        self.pairs = pairs


class SetReply:
    """Unordered distinct members: a set in RESP3, an array in RESP2."""

    __slots__ = ("items",)

    def __init__(self, items: Sequence[Reply]) -> None:
        self.items = items


class Double:
    """A double: `,1.5` in RESP3, a bulk string in RESP2."""

    __slots__ = ("value",)

    def __init__(self, value: float) -> None:
        self.value = value


class Boolean:
    """A boolean: `#t` in RESP3, `:1` in RESP2."""

    __slots__ = ("value",)

    def __init__(self, value: bool) -> None:
        self.value = value


class Verbatim:
    """Text for people: a verbatim string in RESP3, a bulk string in RESP2."""

    __slots__ = ("format", "text")

    def __init__(self, text: bytes, format: bytes = b"txt") -> None:
        self.text = text
        self.format = format


class Push:
    """Out-of-band data: a push in RESP3, an array in RESP2."""

    __slots__ = ("items",)

    def __init__(self, items: Sequence[Reply]) -> None:
        self.items = items


class Parts:
    """A long reply on wire form, in two or more pieces, so that nobody copies it at once."""

    __slots__ = ("pieces",)

    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = pieces


Reply = Union[
    bytes, None, NullArray, Array, Map, SetReply, Double, Boolean, Verbatim, Push, Parts
]  # a Union: the names refer to each other before they are all defined


def simple(text: str) -> bytes:
    """`+text`; the text must hold no line break."""
    return b"+%b\r\n" % text.encode()


def error(text: str) -> bytes:
    """`-text`, with the code first (`ERR ...`); line breaks become spaces, as Redis does."""
    clean = text.replace("\r", " ").replace("\n", " ")
    return b"-%b\r\n" % clean.encode("utf-8", "surrogateescape")


def integer(value: int) -> bytes:
    """`:value`, a signed 64-bit integer."""
    return b":%d\r\n" % value


def bulk(value: bytes) -> bytes:
    """`$length` and the bytes themselves."""
    return b"$%d\r\n%b\r\n" % (len(value), value)


def text(value: str) -> bytes:
    """A bulk string of UTF-8 text."""
    return bulk(value.encode("utf-8", "surrogateescape"))


def array(items: Iterable[bytes]) -> bytes:
    """An array of items that are on wire form already."""
    parts = list(items)
    return b"*%d\r\n%b" % (len(parts), b"".join(parts))


def bulks(values: Iterable[bytes]) -> bytes:
    """An array of bulk strings."""
    return array([b"$%d\r\n%b\r\n" % (len(value), value) for value in values])


def encode(reply: Reply, protocol: int) -> bytes:
    """Bytes of a reply for protocol version 2 or 3."""
    if isinstance(reply, bytes):
        return reply
    if protocol >= 3:
        return _encode_resp3(reply)
    return _encode_resp2(reply)


def _encode_resp2(reply: Reply) -> bytes:
    if reply is None:
        return b"$-1\r\n"
    if isinstance(reply, (Array, SetReply, Push)):
        return array([encode(item, 2) for item in reply.items])
    if isinstance(reply, Map):
        return array([encode(item, 2) for pair in reply.pairs for item in pair])
    if isinstance(reply, Double):
        return bulk(format_double(reply.value))
    if isinstance(reply, Boolean):
        return ONE if reply.value else ZERO
    if isinstance(reply, Verbatim):
        return bulk(reply.text)
    if isinstance(reply, NullArray):
        return b"*-1\r\n"
    if isinstance(reply, Parts):
        return b"".join(reply.pieces)
    return reply


def _encode_resp3(reply: Reply) -> bytes:
    if reply is None or isinstance(reply, NullArray):
        return b"_\r\n"
    if isinstance(reply, Array):
        return array([encode(item, 3) for item in reply.items])
    if isinstance(reply, SetReply):
        return _sequence(b"~", reply.items)
    if isinstance(reply, Push):
        return _sequence(b">", reply.items)
    if isinstance(reply, Map):
        body = b"".join([encode(item, 3) for pair in reply.pairs for item in pair])
        return b"%%%d\r\n%b" % (len(reply.pairs), body)
    if isinstance(reply, Double):
        return b",%b\r\n" % format_double(reply.value)
    if isinstance(reply, Boolean):
        return b"#t\r\n" if reply.value else b"#f\r\n"
    if isinstance(reply, Verbatim):
        size = len(reply.text) + 4
        return b"=%d\r\n%b:%b\r\n" % (size, reply.format, reply.text)
    if isinstance(reply, Parts):
        return b"".join(reply.pieces)
    return reply


def _sequence(mark: bytes, items: Sequence[Reply]) -> bytes:
    return b"%b%d\r\n%b" % (mark, len(items), b"".join([encode(item, 3) for item in items]))
