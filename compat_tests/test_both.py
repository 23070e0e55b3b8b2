"""The comparison itself: equal replies pass, unequal ones fail, for each way of comparing."""

from __future__ import annotations

import pytest

from compat_tests.both import Both, is_close, shape_of
from compat_tests.known_differences import KNOWN_DIFFERENCES
from compat_tests.raw_client import (
    ErrorReply,
    Push,
    SetReply,
    end_of_reply,
    parse,
    split_elements,
)
from compat_tests.render import rendered_table

REPLIES = {
    b"+OK\r\n": b"OK",
    b"-ERR no\r\n": ErrorReply("ERR no"),
    b":-7\r\n": -7,
    b"$3\r\na\r\n\r\n": b"a\r\n",
    b"$-1\r\n": None,
    b"*-1\r\n": None,
    b"_\r\n": None,
    b",1.5\r\n": 1.5,
    b"#t\r\n": True,
    b"(12345678901234567890\r\n": 12345678901234567890,
    b"=6\r\ntxt:ab\r\n": b"ab",
    b"*2\r\n:1\r\n*1\r\n$0\r\n\r\n": [1, [b""]],
    b"%1\r\n+a\r\n:1\r\n": {b"a": 1},
    b"~1\r\n:1\r\n": SetReply([1]),
    b">2\r\n+a\r\n+b\r\n": Push([b"a", b"b"]),
    b"|1\r\n+a\r\n:1\r\n:2\r\n": 2,
}


@pytest.mark.parametrize("raw", REPLIES)
def test_a_reply_ends_where_its_bytes_end(raw: bytes) -> None:
    """No prefix of a reply is complete, the reply itself is, and what follows is not taken."""
    for length in range(len(raw)):
        assert end_of_reply(raw[:length]) is None
    assert end_of_reply(raw) == len(raw)
    assert end_of_reply(raw + b"+NEXT\r\n") == len(raw)


@pytest.mark.parametrize("raw", REPLIES)
def test_a_reply_is_parsed(raw: bytes) -> None:
    """Each reply type of RESP2 and RESP3 becomes its Python value."""
    assert REPLIES[raw] == parse(raw)
    assert type(REPLIES[raw]) is type(parse(raw))


def test_elements_are_split_at_the_first_level() -> None:
    """Nested aggregates stay whole."""
    assert split_elements(b"*2\r\n:1\r\n*1\r\n:2\r\n") == [b":1\r\n", b"*1\r\n:2\r\n"]


def test_tolerance_is_for_numbers_above_zero_only() -> None:
    """-1 and -2 of TTL are answers, not distances; lengths and strings must be equal."""
    assert is_close(100, 99, 1)
    assert not is_close(100, 98, 1)
    assert not is_close(-1, -2, 5)
    assert not is_close(1, -1, 5)
    assert is_close([1, b"a"], [2, b"a"], 1)
    assert not is_close([1], [1, 1], 1)
    assert not is_close(b"1", b"2", 5)


def test_a_shape_keeps_types_and_lengths() -> None:
    """Values are forgotten, keys of maps and lengths of arrays are not."""
    assert shape_of([1, {b"a": b"x"}]) == shape_of([2, {b"a": b"y"}])
    assert shape_of([1]) != shape_of([1, 1])
    assert shape_of({b"a": 1}) != shape_of({b"b": 1})


def test_differing_replies_fail(both2: Both) -> None:
    """A difference made by hand is found by every comparison."""
    both2.redis.do("SET", "key", "one")
    both2.meridian.do("MSET", "key", "22", "key2", "x")
    for compare in (both2.do, both2.approx, both2.pipeline):
        arguments = [["GET", "key"]] if compare == both2.pipeline else ["GET", "key"]
        with pytest.raises(AssertionError, match="differ"):
            compare(*arguments)
    with pytest.raises(AssertionError, match="differ"):
        both2.unordered("KEYS", "*")
    with pytest.raises(AssertionError, match="differ"):
        both2.shape("order", "GET", "key2")
    with pytest.raises(AssertionError, match="no error"):
        both2.error("ERR", "PING")


def test_the_table_of_differences_is_rendered() -> None:
    """Every difference has a reason and stands in the rendered table, names are unique."""
    names = [difference.name for difference in KNOWN_DIFFERENCES]
    assert len(set(names)) == len(names)
    table = rendered_table()
    assert len(KNOWN_DIFFERENCES) + 2 == len(table.splitlines())
    for difference in KNOWN_DIFFERENCES:
        assert difference.reason in table
