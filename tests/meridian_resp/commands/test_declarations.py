"""Tests of the pieces that records share."""

from __future__ import annotations

from meridian_resp.commands import declarations
from meridian_resp.commands.declarations import integer, word
from meridian_resp.commands.registry import Keys


def test_words_stand_for_themselves() -> None:
    """A word's token is its name in upper case."""
    made = word("keepttl", since="6.0.0")
    assert (made.type, made.token, made.since) == ("pure-token", "KEEPTTL", "6.0.0")
    assert not made.optional


def test_integers_may_follow_a_word() -> None:
    """With and without a token."""
    assert (integer("count").type, integer("count").token) == ("integer", None)
    assert integer("count", "COUNT", optional=True).token == "COUNT"


def test_key_specifications_say_one_kind_of_access() -> None:
    """Each begins with exactly one of Redis' four access flags."""
    specs = [value for value in vars(declarations).values() if isinstance(value, Keys)]
    assert len(specs) >= 8
    for spec in specs:
        assert spec.flags[0] in ("RO", "RW", "OW", "RM")
        assert not set(spec.flags[1:]) & {"RO", "RW", "OW", "RM"}
