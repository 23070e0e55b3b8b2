"""Which arguments of a command are keys: from its key specifications.

Dispatch asks for every write (limits on keys, later routing), so the usual forms, one key at a
fixed place or keys from a fixed place on, are answered without a loop over specifications.
"""

from __future__ import annotations

import attrs

from meridian_resp.commands.registry import CommandSpec, Flag, Keys
from meridian_resp.errors import CommandError
from meridian_resp.protocol.numbers import parse_int64

NO_KEYS = "ERR The command has no key arguments"
BAD_COUNT = "ERR Invalid arguments specified for command"


@attrs.frozen
class FoundKey:
    """A key among the arguments, and the flags of the specification that found it."""

    key: bytes
    flags: tuple[str, ...]


def keys_of(spec: CommandSpec, arguments: list[bytes]) -> list[bytes]:
    """All keys of a call whose arity fits, in the order of the specifications.

    A call whose arguments do not hold together (a number of keys that is none) has no keys: its
    handler will refuse it.
    """
    keys = spec.keys
    if not keys:
        return []
    if len(keys) == 1:
        first = keys[0]
        if first.keyword is None and first.count_at is None:
            if first.last == 0:
                return [arguments[first.first]]
            if first.last == -1 and not first.limit:
                return arguments[first.first :: first.step]
    return [arguments[place] for one in keys for place in _places(one, arguments)]


def keys_with_flags(spec: CommandSpec, arguments: list[bytes]) -> list[FoundKey]:
    """All keys of a call with what the command does to each (COMMAND GETKEYSANDFLAGS).

    Raises:
        CommandError: the command takes no keys, or this call of it holds none.
    """
    if not spec.keys:
        raise CommandError(NO_KEYS)
    found = [
        FoundKey(arguments[place], flags_in_use(spec, one, arguments))
        for one in spec.keys
        for place in _places(one, arguments)
    ]
    if not found and Flag.NO_MANDATORY_KEYS not in spec.flags:
        raise CommandError(BAD_COUNT)
    return found


def flags_in_use(spec: CommandSpec, keys: Keys, arguments: list[bytes]) -> tuple[str, ...]:
    """Flags of a specification for this very call.

    SET is the one command whose flags depend on its options: it reads only with GET.
    """
    if spec.name == "set" and spec.container is None and "variable_flags" in keys.flags:
        if any(argument.upper() == b"GET" for argument in arguments[3:]):
            return ("RW", "access", "update")
        return ("OW", "update")
    return tuple(flag for flag in keys.flags if flag not in ("variable_flags", "incomplete"))


def _places(keys: Keys, arguments: list[bytes]) -> list[int]:
    """Indexes of the arguments that one specification names; none if they do not hold together."""
    first = _begin(keys, arguments)
    if first is None:
        return []
    if keys.count_at is not None:
        at = first + keys.count_at
        count = parse_int64(arguments[at]) if at < len(arguments) else None
        if count is None or count < 1:
            return []
        last = at + 1 + (count - 1) * keys.step
        # Before the list is made: the number is the client's.
        return list(range(at + 1, last + 1, keys.step)) if last < len(arguments) else []
    if keys.last >= 0:
        last = first + keys.last
    else:
        last = len(arguments) + keys.last
        if keys.limit > 1 and keys.last == -1:
            # Of what is left only the first part is keys (XREAD: as many keys as ids).
            last = first + (last - first + 1) // keys.limit - 1
    return list(range(first, last + 1, keys.step)) if last < len(arguments) else []


def _begin(keys: Keys, arguments: list[bytes]) -> int | None:
    """Index of the first key; None if the keyword before it is not there."""
    if keys.keyword is None:
        return keys.first if keys.first < len(arguments) else None
    wanted = keys.keyword.upper().encode()
    places = range(len(arguments))
    if keys.keyword_from > 0:
        looked_at = places[keys.keyword_from :]
    else:
        looked_at = places[len(arguments) + keys.keyword_from :: -1]
    for place in looked_at:
        if arguments[place].upper() == wanted and place + 1 < len(arguments):
            return place + 1
    return None
