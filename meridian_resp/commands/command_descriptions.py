"""What COMMAND INFO and COMMAND DOCS answer of a command, made from its record.

Descriptions never change while the server runs, so each is made once per protocol version and
kept as bytes: client libraries and redis-cli ask for all of them on every start.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from meridian_resp.commands.registry import UNPRINTED, Argument, CommandSpec, Flag, Keys
from meridian_resp.protocol.replies import (
    Array,
    Map,
    Reply,
    SetReply,
    bulks,
    encode,
    integer,
    simple,
    text,
)

#: More than there are commands, in both protocol versions.
_KEPT_MAX: Final = 4096

#: Flags of key specifications in the order in which Redis prints them.
KEY_FLAG_ORDER: Final = (
    "RO", "RW", "OW", "RM", "access", "update", "insert", "delete", "not_key", "incomplete",
    "variable_flags",
)  # fmt: skip


@lru_cache(_KEPT_MAX)
def description(spec: CommandSpec, protocol: int) -> bytes:
    """The ten parts that COMMAND INFO prints of a command, on wire form."""
    return encode(_description(spec), protocol)


@lru_cache(_KEPT_MAX)
def documentation(spec: CommandSpec, protocol: int) -> bytes:
    """The map that COMMAND DOCS prints of a command, on wire form."""
    return encode(_documentation(spec), protocol)


def printed_flags(flags: Flag) -> list[str]:
    """Names of the flags that COMMAND prints, in Redis' order."""
    return [(flag.name or "").lower() for flag in Flag if flag in flags and flag not in UNPRINTED]


def first_last_step(spec: CommandSpec) -> tuple[int, int, int]:
    """Where keys are, in the form of old clients: index of the first, of the last, and step.

    The last is negative when counted from the end. All are 0 if the keys are not all in plain
    ranges that join; then clients must ask COMMAND GETKEYS.
    """
    ranges = [keys for keys in spec.keys if keys.keyword is None and keys.count_at is None]
    if len(spec.keys) == 1 and ranges:
        only = ranges[0]
        return only.first, only.last + only.first if only.last >= 0 else only.last, only.step
    first = last = 0
    for keys in ranges:
        if keys.step != 1 or (last and last != keys.first - 1):
            continue
        first = first or keys.first
        last = keys.last + keys.first if keys.last >= 0 else keys.last
    return first, last, int(first > 0)


def flag_set(names: list[str]) -> Reply:
    """Flags as a set of simple strings."""
    return SetReply([simple(name) for name in names])


def ordered_key_flags(flags: tuple[str, ...]) -> list[str]:
    """Flags of a key specification in Redis' order."""
    return sorted(flags, key=KEY_FLAG_ORDER.index)


def _description(spec: CommandSpec) -> Reply:
    children: Reply = SetReply([])
    if spec.subcommands:
        children = Array([_description(child) for child in spec.subcommands])
    return Array([
        text(spec.full_name),
        integer(spec.arity),
        flag_set(printed_flags(spec.flags)),
        *[integer(number) for number in first_last_step(spec)],
        flag_set(list(spec.categories)),
        SetReply([text(tip) for tip in spec.tips]),
        SetReply([_key_specification(keys) for keys in spec.keys]),
        children,
    ])  # fmt: skip


def _key_specification(keys: Keys) -> Reply:
    pairs: list[tuple[Reply, Reply]] = []
    if keys.notes is not None:
        pairs.append((text("notes"), text(keys.notes)))
    pairs.append((text("flags"), flag_set(ordered_key_flags(keys.flags))))
    if keys.keyword is None:
        begin = _search("index", [("index", integer(keys.first))])
    else:
        begin = _search("keyword", [
            ("keyword", text(keys.keyword)), ("startfrom", integer(keys.keyword_from)),
        ])  # fmt: skip
    if keys.count_at is None:
        find = _search("range", [
            ("lastkey", integer(keys.last)),
            ("keystep", integer(keys.step)),
            ("limit", integer(keys.limit)),
        ])  # fmt: skip
    else:
        find = _search("keynum", [
            ("keynumidx", integer(keys.count_at)),
            ("firstkey", integer(keys.count_at + 1)),
            ("keystep", integer(keys.step)),
        ])  # fmt: skip
    pairs += [(text("begin_search"), begin), (text("find_keys"), find)]
    return Map(pairs)


def _search(kind: str, details: list[tuple[str, bytes]]) -> Reply:
    return Map([
        (text("type"), text(kind)),
        (text("spec"), Map([(text(name), value) for name, value in details])),
    ])  # fmt: skip


def _documentation(spec: CommandSpec) -> Map:
    pairs: list[tuple[Reply, Reply]] = [
        (text("summary"), text(spec.summary)),
        (text("since"), text(spec.since)),
        (text("group"), text(spec.group.value)),
    ]
    if spec.complexity:
        pairs.append((text("complexity"), text(spec.complexity)))
    if spec.documentation_flags:
        pairs.append((text("doc_flags"), flag_set(list(spec.documentation_flags))))
    if spec.deprecated_since is not None:
        pairs.append((text("deprecated_since"), text(spec.deprecated_since)))
    if spec.replaced_by is not None:
        pairs.append((text("replaced_by"), text(spec.replaced_by)))
    if spec.history:
        changes = [bulks([since.encode(), change.encode()]) for since, change in spec.history]
        pairs.append((text("history"), SetReply(changes)))
    if spec.arguments:
        pairs.append((text("arguments"), Array([_argument(one) for one in spec.arguments])))
    if spec.subcommands:
        children = [(text(one.full_name), _documentation(one)) for one in spec.subcommands]
        pairs.append((text("subcommands"), Map(list(children))))
    return Map(pairs)


def _argument(argument: Argument) -> Reply:
    pairs: list[tuple[Reply, Reply]] = [
        (text("name"), text(argument.name)),
        (text("type"), text(argument.type)),
    ]
    if argument.key_spec_index is not None:
        pairs.append((text("key_spec_index"), integer(argument.key_spec_index)))
    for name in ("token", "since", "deprecated_since"):
        value: str | None = getattr(argument, name)
        if value is not None:
            pairs.append((text(name), text(value)))
    flags = [
        name for name in ("optional", "multiple", "multiple_token") if getattr(argument, name)
    ]
    if flags:
        pairs.append((text("flags"), flag_set(flags)))
    if argument.arguments:
        inner = Array([_argument(one) for one in argument.arguments])
        pairs.append((text("arguments"), inner))
    return Map(pairs)
