"""Tests of reply values and their bytes in both protocol versions."""

from __future__ import annotations

import hiredis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meridian_resp.protocol import replies
from meridian_resp.protocol.replies import (
    NULL_ARRAY,
    Array,
    Boolean,
    Double,
    Map,
    Push,
    Reply,
    SetReply,
    Verbatim,
    array,
    bulk,
    bulks,
    encode,
    error,
    integer,
    simple,
    text,
)


@pytest.mark.parametrize(
    ("reply", "resp2", "resp3"),
    [
        (b":5\r\n", b":5\r\n", b":5\r\n"),
        (None, b"$-1\r\n", b"_\r\n"),
        (NULL_ARRAY, b"*-1\r\n", b"_\r\n"),
        (Double(1.5), b"$3\r\n1.5\r\n", b",1.5\r\n"),
        (Boolean(True), b":1\r\n", b"#t\r\n"),
        (Boolean(False), b":0\r\n", b"#f\r\n"),
        (Verbatim(b"hi"), b"$2\r\nhi\r\n", b"=6\r\ntxt:hi\r\n"),
        (Array([None, bulk(b"a")]), b"*2\r\n$-1\r\n$1\r\na\r\n", b"*2\r\n_\r\n$1\r\na\r\n"),
        (SetReply([integer(1)]), b"*1\r\n:1\r\n", b"~1\r\n:1\r\n"),
        (Push([integer(1)]), b"*1\r\n:1\r\n", b">1\r\n:1\r\n"),
        (Map([(bulk(b"a"), None)]), b"*2\r\n$1\r\na\r\n$-1\r\n", b"%1\r\n$1\r\na\r\n_\r\n"),
        (
            Array([Map([(integer(1), SetReply([]))])]),
            b"*1\r\n*2\r\n:1\r\n*0\r\n",
            b"*1\r\n%1\r\n:1\r\n~0\r\n",
        ),
    ],
)
def test_bytes_in_both_versions(reply: Reply, resp2: bytes, resp3: bytes) -> None:
    """Each kind of value has its form in RESP2 and in RESP3, nested ones too."""
    assert resp2 == encode(reply, 2)
    assert resp3 == encode(reply, 3)


def test_ready_forms() -> None:
    """The builders write what redis-server writes."""
    assert simple("hello") == b"+hello\r\n"
    assert bulk(b"\x00\r\n") == b"$3\r\n\x00\r\n\r\n"
    assert text("ä") == b"$2\r\n\xc3\xa4\r\n"
    assert bulks([b"a", b""]) == b"*2\r\n$1\r\na\r\n$0\r\n\r\n"
    assert array(iter([integer(1), simple("x")])) == b"*2\r\n:1\r\n+x\r\n"
    assert array([]) == replies.EMPTY_ARRAY
    assert bulk(b"") == replies.EMPTY_BULK


def test_errors_stay_on_one_line() -> None:
    """A line break inside an error text can't end the reply early."""
    assert error("ERR a\r\nb\nc") == b"-ERR a  b c\r\n"


@given(st.binary())
def test_errors_carry_any_bytes(given_bytes: bytes) -> None:
    """Bytes that are no UTF-8 survive inside an error text as they are, but for line breaks."""
    shown = given_bytes.decode("utf-8", "surrogateescape")
    expected = given_bytes.replace(b"\r", b" ").replace(b"\n", b" ")
    assert b"-ERR %b\r\n" % expected == error(f"ERR {shown}")


scalars = st.one_of(
    st.none(),
    st.binary(max_size=20).map(bulk),
    st.integers(-(2**63), 2**63 - 1).map(integer),
    st.floats(allow_nan=False).map(Double),
    st.booleans().map(Boolean),
)
nested = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(Array),
        st.lists(st.tuples(st.binary(max_size=4).map(bulk), inner), max_size=4).map(Map),
    ),
    max_leaves=12,
)


@given(nested, st.sampled_from([2, 3]))
def test_any_reply_parses_as_one_reply(reply: Reply, protocol: int) -> None:
    """A client's parser finds exactly one reply in the bytes and nothing behind it."""
    reader = hiredis.Reader()
    reader.feed(encode(reply, protocol) + b"+END\r\n")
    reader.gets()
    assert reader.gets() == b"END"
    assert reader.gets() is False
