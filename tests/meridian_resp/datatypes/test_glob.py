"""Tests of glob patterns. The reference below follows the rules step by step, without a regular
expression; both were compared with redis-server 7.0 on random patterns.
"""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meridian_resp.datatypes.glob import matcher


def fits(pattern: bytes, text: bytes) -> bool:
    """Whether a text fits, by trying every length for every star."""
    if not text:
        return not pattern
    return _fits(pattern, text)


def _fits(pattern: bytes, text: bytes) -> bool:
    if not pattern:
        return not text
    if pattern[:1] == b"*":
        return any(_fits(pattern[1:], text[start:]) for start in range(len(text) + 1))
    if not text:
        return False
    if pattern[:1] == b"[":
        is_member, rest = _class(pattern[1:], text[0])
        return is_member and _fits(rest, text[1:])
    if pattern[:1] == b"\\" and len(pattern) > 1:
        pattern = pattern[1:]
    elif pattern[:1] == b"?":
        return _fits(pattern[1:], text[1:])
    return pattern[0] == text[0] and _fits(pattern[1:], text[1:])


def _class(pattern: bytes, byte: int) -> tuple[bool, bytes]:
    is_negated = pattern[:1] == b"^"
    if is_negated:
        pattern = pattern[1:]
    is_member = False
    while pattern and pattern[:1] != b"]":
        if pattern[:1] == b"\\" and len(pattern) > 1:
            is_member |= pattern[1] == byte
            pattern = pattern[2:]
        elif pattern[1:2] == b"-" and len(pattern) > 2:
            low, high = sorted((pattern[0], pattern[2]))
            is_member |= low <= byte <= high
            pattern = pattern[3:]
        else:
            is_member |= pattern[0] == byte
            pattern = pattern[1:]
    return is_member != is_negated, pattern[1:]


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        (b"*", [b"a", b"\n\xff"], [b""]),
        (b"", [b""], [b"a"]),
        (b"plain", [b"plain"], [b"plai", b"plainer"]),
        (b"user:*", [b"user:", b"user:1"], [b"use", b"xuser:1"]),
        (b"user:\\*", [b"user:*"], [b"user:1"]),
        (b"h?llo", [b"hello", b"h\nllo"], [b"hllo", b"heello"]),
        (b"h[^e]llo", [b"hallo"], [b"hello"]),
        (b"h[a-b]llo", [b"hallo", b"hbllo"], [b"hcllo"]),
        (b"h[b-a]llo", [b"hallo", b"hbllo"], [b"hcllo"]),
        (b"[\\]]", [b"]"], [b"\\"]),
        (b"a[b", [b"ab"], [b"a[b", b"a"]),
        (b"[^", [b"x"], [b"^"[:0]]),
        (b"[]", [], [b"a", b"]"]),
        (b"a\\", [b"a\\"], [b"a"]),
        (b"*a*b", [b"ab", b"xaxxb", b"abab"], [b"aba", b"b"]),
        (b"*[ab]?", [b"aa", b"xbx"], [b"a"]),
    ],
)
def test_examples(pattern: bytes, yes: list[bytes], no: list[bytes]) -> None:
    """Every construct matches what Redis' own documentation and server say."""
    fits_pattern = matcher(pattern)
    assert [True] * len(yes) == [fits_pattern(text) for text in yes]
    assert [False] * len(no) == [fits_pattern(text) for text in no]


alphabet = st.sampled_from([bytes((value,)) for value in b"ab-]^\\[*?\n\xff"])


@given(st.lists(alphabet, max_size=9), st.lists(alphabet, max_size=7))
def test_equals_the_reference(pattern: list[bytes], text: list[bytes]) -> None:
    """Any pattern of the difficult characters means what the step-by-step rules say."""
    assert fits(b"".join(pattern), b"".join(text)) == matcher(b"".join(pattern))(b"".join(text))


def test_many_stars_take_no_exponential_time() -> None:
    """A pattern made to make matchers backtrack is decided at once."""
    fits_pattern = matcher(b"*a" * 40 + b"*b*c")
    started = time.perf_counter()
    assert not fits_pattern(b"a" * 3000)
    assert time.perf_counter() - started < 1
