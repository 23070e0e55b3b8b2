"""Glob patterns over names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meridian_resp.config.patterns import compile_pattern, is_pattern


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("*", "port", True),
        ("", "", True),
        ("po?t", "port", True),
        ("po?t", "pot", False),
        ("max*", "maxmemory", True),
        ("MAX*", "maxmemory", True),
        ("[h]z", "hz", True),
        ("[^h]z", "hz", False),
        ("[a-p]z", "hz", True),
        ("[p-a]z", "hz", True),
        ("[a-Z]z", "hz", False),
        ("[^]z", "hz", True),
        ("[]z", "hz", False),
        (r"\*z", "hz", False),
        (r"[\h]z", "hz", True),
        ("h[z", "hz", True),
        ("port", "tls-port", False),
        ("a.c", "abc", False),
    ],
)
def test_patterns_match_as_in_redis(pattern: str, name: str, matches: bool) -> None:
    """Stars, question marks, classes with ranges and negation, and escapes."""
    assert bool(compile_pattern(pattern).fullmatch(name)) is matches


@given(st.text())
def test_any_text_is_a_pattern(pattern: str) -> None:
    """No pattern of a client makes the translation fail."""
    compile_pattern(pattern).fullmatch("port")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("port", False), ("p*", True), ("p?", True), ("[p]ort", True), (r"\port", False)],
)
def test_names_are_told_from_patterns(text: str, expected: bool) -> None:
    """Only *, ? and [ make a pattern."""
    assert is_pattern(text) is expected
