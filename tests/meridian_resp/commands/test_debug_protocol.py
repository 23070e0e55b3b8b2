from __future__ import annotations

import pytest

from meridian_resp.commands.debug_protocol import example_reply
from meridian_resp.errors import CommandError
from meridian_resp.protocol.replies import encode

#: What redis-server 7.0.15 sends in RESP2 and RESP3.
RECORDED = {
    "string": (b"$11\r\nHello World\r\n", b"$11\r\nHello World\r\n"),
    "integer": (b":12345\r\n", b":12345\r\n"),
    "double": (b"$5\r\n3.141\r\n", b",3.141\r\n"),
    "null": (b"$-1\r\n", b"_\r\n"),
    "array": (b"*3\r\n:0\r\n:1\r\n:2\r\n", b"*3\r\n:0\r\n:1\r\n:2\r\n"),
    "set": (b"*3\r\n:0\r\n:1\r\n:2\r\n", b"~3\r\n:0\r\n:1\r\n:2\r\n"),
    "map": (
        b"*6\r\n:0\r\n:0\r\n:1\r\n:1\r\n:2\r\n:0\r\n",
        b"%3\r\n:0\r\n#f\r\n:1\r\n#t\r\n:2\r\n#f\r\n",
    ),
    "attrib": (
        b"$39\r\nSome real reply following the attribute\r\n",
        b"|1\r\n$14\r\nkey-popularity\r\n*2\r\n$7\r\nkey:123\r\n:90\r\n"
        b"$39\r\nSome real reply following the attribute\r\n",
    ),
    "verbatim": (
        b"$25\r\nThis is a verbatim\nstring\r\n",
        b"=29\r\ntxt:This is a verbatim\nstring\r\n",
    ),
    "true": (b":1\r\n", b"#t\r\n"),
    "false": (b":0\r\n", b"#f\r\n"),
    "bignum": (
        b"$37\r\n1234567999999999999999999999999999999\r\n",
        b"(1234567999999999999999999999999999999\r\n",
    ),
}


@pytest.mark.parametrize("kind", RECORDED)
@pytest.mark.parametrize("protocol", [2, 3])
def test_examples_are_those_of_redis(kind: str, protocol: int) -> None:
    """Byte for byte, in both versions."""
    reply = example_reply(kind, protocol)
    assert reply is not None
    assert encode(reply[0], protocol) == RECORDED[kind][protocol - 2]


def test_push_exists_in_resp3_only() -> None:
    """It comes before the reply of the command."""
    reply = example_reply("push", 3)
    assert reply is not None
    assert encode(reply[0], 3) == (
        b">2\r\n$16\r\nserver-cpu-usage\r\n:42\r\n"
        b"$40\r\nSome real reply following the push reply\r\n"
    )
    with pytest.raises(CommandError, match="RESP2 is not supported by this command"):
        example_reply("push", 2)


def test_other_types_are_unknown() -> None:
    """None is not the null reply."""
    assert example_reply("foo", 3) is None
