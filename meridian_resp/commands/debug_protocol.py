"""Examples of every type of reply (DEBUG PROTOCOL), the same values as Redis sends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from meridian_resp.errors import CommandError
from meridian_resp.protocol.replies import (
    ONE,
    ZERO,
    Boolean,
    Double,
    Map,
    Push,
    Reply,
    SetReply,
    Verbatim,
    array,
    bulk,
    encode,
    integer,
)

TYPES_ERROR: Final = (
    "ERR Wrong protocol type name. Please use one of the following: "
    "string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false"
)
_NUMBERS: Final = (ZERO, ONE, integer(2))
_BIG_NUMBER: Final = b"1234567999999999999999999999999999999"
_AFTER_ATTRIBUTE: Final = bulk(b"Some real reply following the attribute")


def example_reply(kind: str, protocol: int) -> tuple[Reply] | None:
    """The example of a type in a tuple, since null is one; None if there is no such type.

    Raises:
        CommandError: RESP2 has no such type and no substitute.
    """
    if kind in _SAME_IN_BOTH:
        return (_SAME_IN_BOTH[kind],)
    maker = _BY_PROTOCOL.get(kind)
    return None if maker is None else (maker(protocol),)


def _big_number(protocol: int) -> bytes:
    return b"(%b\r\n" % _BIG_NUMBER if protocol >= 3 else bulk(_BIG_NUMBER)


def _attribute(protocol: int) -> bytes:
    if protocol < 3:
        return _AFTER_ATTRIBUTE
    pair = bulk(b"key-popularity") + array([bulk(b"key:123"), integer(90)])
    return b"|1\r\n" + pair + _AFTER_ATTRIBUTE


def _push(protocol: int) -> bytes:
    if protocol < 3:
        raise CommandError("ERR RESP2 is not supported by this command")
    push = encode(Push([bulk(b"server-cpu-usage"), integer(42)]), protocol)
    return push + bulk(b"Some real reply following the push reply")


_SAME_IN_BOTH: Final[Mapping[str, Reply]] = {
    "string": bulk(b"Hello World"),
    "integer": integer(12345),
    "double": Double(3.141),
    "null": None,
    "array": array(_NUMBERS),
    "set": SetReply(_NUMBERS),
    "map": Map([(number, Boolean(number == ONE)) for number in _NUMBERS]),
    "verbatim": Verbatim(b"This is a verbatim\nstring"),
    "true": Boolean(True),
    "false": Boolean(False),
}
_BY_PROTOCOL: Final[Mapping[str, Callable[[int], bytes]]] = {
    "bignum": _big_number,
    "attrib": _attribute,
    "push": _push,
}
