"""Tests of the options of SET and GETEX by themselves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meridian_resp.commands.string_options import (
    StringOptions,
    parse_getex_options,
    parse_set_options,
)
from meridian_resp.errors import SYNTAX, CommandError

WORDS = [b"NX", b"XX", b"GET", b"KEEPTTL", b"PERSIST", b"EX", b"PX", b"EXAT", b"PXAT", b"7"]
TIMES = {b"EX", b"PX", b"EXAT", b"PXAT"}


def parse(words: list[bytes]) -> StringOptions | None:
    """Options of SET, None for a syntax error."""
    try:
        return parse_set_options([b"set", b"k", b"v", *words])
    except CommandError as refusal:
        assert refusal.text == SYNTAX
        return None


@given(st.lists(st.sampled_from(WORDS), max_size=5))
def test_what_is_accepted_is_consistent(words: list[bytes]) -> None:
    """Accepted options hold at most one condition, and one source of the expiry."""
    options = parse(words)
    if options is None:
        return
    assert not options.persists
    assert not (options.unit and options.keeps_expiry)
    given_times = {word for word in words if word in TIMES}
    # A number may stand behind a time only, and may itself be a word of the list.
    assert options.unit in given_times or not options.unit
    assert options.returns_old <= (b"GET" in words)


@given(st.permutations([b"XX", b"GET", b"KEEPTTL"]))
def test_the_order_does_not_matter(words: list[bytes]) -> None:
    """Options that get along do so in any order."""
    options = parse(words)
    assert options is not None
    assert (options.condition, options.returns_old, options.keeps_expiry) == (b"XX", True, True)


@pytest.mark.parametrize("word", WORDS)
def test_words_are_read_in_any_case(word: bytes) -> None:
    """Lower case means the same."""
    upper, lower = parse([word, b"5"]), parse([word.lower(), b"5"])
    assert (upper is None) == (lower is None)
    if upper is not None and lower is not None:
        assert upper.unit == lower.unit == word


def test_only_exat_and_pxat_are_points_in_time() -> None:
    """GETEX deletes at once for a point in the past, never for a duration."""
    found = [
        parse_getex_options([b"getex", b"k", word, b"5"]).is_absolute for word in sorted(TIMES)
    ]
    assert found == [False, True, False, True]
