from __future__ import annotations

from typing import Any

import pytest

from meridian_resp.commands.key_extraction import flags_in_use, keys_of, keys_with_flags
from meridian_resp.commands.registry import CommandSpec, Flag, Group, Keys
from meridian_resp.errors import CommandError

READ = ("RO", "access")


def made(*keys: Keys, **changes: Any) -> CommandSpec:
    """A record with these key specifications."""
    values: dict[str, Any] = {
        "name": "x", "arity": -1, "flags": Flag.READONLY, "group": Group.GENERIC,
        "since": "1.0.0", "summary": "", "complexity": "",
        "handler": lambda context, arguments: b"", "keys": keys,
    }  # fmt: skip
    return CommandSpec(**(values | changes))


@pytest.mark.parametrize(
    ("keys", "call", "expected"),
    [
        ((), "x a b", ""),
        ((Keys(READ),), "x a b", "a"),
        ((Keys(READ, first=2),), "x y a", "a"),
        ((Keys(READ, last=-1),), "x a b c", "a b c"),
        ((Keys(READ, last=-1, step=2),), "x a 1 b 2", "a b"),
        ((Keys(READ, last=-2),), "x a b 0", "a b"),
        ((Keys(READ, last=1),), "x a b c", "a b"),
        ((Keys(READ), Keys(READ, first=2)), "x a b c", "a b"),
        ((Keys(READ, count_at=0),), "x 2 a b opt", "a b"),
        ((Keys(READ, first=2, count_at=0),), "x script 1 a arg", "a"),
        ((Keys(READ, count_at=0),), "x 0 a", ""),
        ((Keys(READ, count_at=0),), "x many a", ""),
        ((Keys(READ, count_at=0),), "x 3 a b", ""),
        ((Keys(READ, count_at=0),), f"x {2**62} a b", ""),
        ((Keys(READ, keyword="STREAMS", keyword_from=1, last=-1, limit=2),),
         "x count 1 streams a b 0 0", "a b"),
        ((Keys(READ, keyword="STREAMS", keyword_from=1, last=-1, limit=2),), "x count 1", ""),
        ((Keys(READ, first=3), Keys(READ, keyword="KEYS", keyword_from=-2, last=-1)),
         "x h p a 0 keys b c", "a b c"),
    ],
)  # fmt: skip
def test_keys_are_where_the_specifications_say(
    keys: tuple[Keys, ...], call: str, expected: str
) -> None:
    """At fixed places, in ranges, after a number of keys, after a word; none if it is muddled."""
    arguments = [word.encode() for word in call.split()]
    assert keys_of(made(*keys), arguments) == [word.encode() for word in expected.split()]


def test_a_command_without_keys_is_told_from_a_call_without() -> None:
    """A muddled call is refused, unless the command may be called without keys."""
    with pytest.raises(CommandError, match="The command has no key arguments"):
        keys_with_flags(made(), [b"x"])
    counted = Keys(READ, count_at=0)
    with pytest.raises(CommandError, match="Invalid arguments specified for command"):
        keys_with_flags(made(counted), [b"x", b"0"])
    free = made(counted, flags=Flag.NO_MANDATORY_KEYS)
    assert keys_with_flags(free, [b"x", b"0"]) == []


def test_flags_that_depend_on_options() -> None:
    """Only SET has them; notes about the specification itself are no flags of a key."""
    varying = Keys(("RW", "access", "update", "variable_flags"))
    spec = made(varying, name="set")
    assert flags_in_use(spec, varying, [b"set", b"get", b"get"]) == ("OW", "update")
    with_get = flags_in_use(spec, varying, [b"set", b"k", b"v", b"Get"])
    assert with_get == ("RW", "access", "update")
    other = made(varying, name="other")
    assert flags_in_use(other, varying, [b"other", b"k"]) == ("RW", "access", "update")
