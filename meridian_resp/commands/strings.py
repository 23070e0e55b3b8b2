"""Whole strings: GET and SET with their many forms, several keys at once.

GET and SET without options are the hot path of the server. GET of a plain string is one look-up
in a shard of the cache and one formatting operation; SET records one effect.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from meridian_resp.commands.declarations import (
    INSERT,
    KEY,
    KEY_VALUE_PAIRS,
    KEYS,
    LOOK,
    OVERWRITE,
    READ,
    READ_AND_DELETE,
    READ_AND_UPDATE,
    VALUE,
    integer,
    word,
)
from meridian_resp.commands.key_arguments import expiry_argument
from meridian_resp.commands.limits import check_value
from meridian_resp.commands.reading import read_string
from meridian_resp.commands.registry import Argument, Flag, Group, Keys, command
from meridian_resp.commands.string_options import parse_getex_options, parse_set_options
from meridian_resp.datatypes.database import SHARD_MASK
from meridian_resp.datatypes.values import Kind
from meridian_resp.errors import CommandError, value_too_long, wrong_arguments
from meridian_resp.protocol.replies import OK, ONE, ZERO, Array, Reply, bulk
from meridian_resp.protocol.replies import integer as integer_reply

if TYPE_CHECKING:
    from meridian_resp.commands.context import Context

FAST_READ: Final = Flag.READONLY | Flag.FAST
FAST_GROWTH: Final = Flag.WRITE | Flag.DENYOOM | Flag.FAST
GROWTH: Final = Flag.WRITE | Flag.DENYOOM

SET_KEYS: Final = Keys(
    ("RW", "access", "update", "variable_flags"),
    notes="RW and ACCESS due to the optional `GET` argument",
)
GETEX_KEYS: Final = Keys(
    ("RW", "access", "update"), notes="RW and UPDATE because it changes the TTL"
)
ALL_KEYS_READ: Final = Keys(("RO", "access"), last=-1)
ALL_PAIRS_OVERWRITTEN: Final = Keys(("OW", "update"), last=-1, step=2)
ALL_PAIRS_INSERTED: Final = Keys(("OW", "insert"), last=-1, step=2)

SET_ARGUMENTS: Final = (
    KEY,
    VALUE,
    Argument(
        "condition", "oneof", optional=True, since="2.6.12", arguments=(word("nx"), word("xx"))
    ),
    word("get", optional=True, since="6.2.0"),
    Argument(
        "expiration", "oneof", optional=True,
        arguments=(
            Argument("seconds", "integer", "EX", since="2.6.12"),
            Argument("milliseconds", "integer", "PX", since="2.6.12"),
            Argument("unix-time-seconds", "unix-time", "EXAT", since="6.2.0"),
            Argument("unix-time-milliseconds", "unix-time", "PXAT", since="6.2.0"),
            word("keepttl", since="6.0.0"),
        ),
    ),
)  # fmt: skip
GETEX_EXPIRATION: Final = Argument(
    "expiration", "oneof", optional=True,
    arguments=(
        integer("seconds", "EX"),
        integer("milliseconds", "PX"),
        Argument("unix-time-seconds", "unix-time", "EXAT"),
        Argument("unix-time-milliseconds", "unix-time", "PXAT"),
        word("persist"),
    ),
)  # fmt: skip


@command(
    "GET", arity=2, flags=FAST_READ, group=Group.STRING, since="1.0.0",
    summary="Gives the string stored at a key.", complexity="O(1)",
    keys=[READ], categories=["@string"], arguments=[KEY],
)  # fmt: skip
def get(context: Context, arguments: list[bytes]) -> Reply:
    """GET key."""
    key = arguments[1]
    live = context.database.hot[hash(key) & SHARD_MASK].get(key)
    if type(live) is bytes:
        context.keyspace.counters.hits += 1
        return b"$%d\r\n%b\r\n" % (len(live), live)
    value = read_string(context, key)
    return None if value is None else bulk(value)


@command(
    "SET", arity=-3, flags=GROWTH, group=Group.STRING, since="1.0.0",
    summary="Stores a string at a key, whatever was there.", complexity="O(1)",
    keys=[SET_KEYS], categories=["@string"], arguments=SET_ARGUMENTS,
    history=[
        ("2.6.12", "Added the `EX`, `PX`, `NX` and `XX` options."),
        ("6.0.0", "Added the `KEEPTTL` option."),
        ("6.2.0", "Added the `GET`, `EXAT` and `PXAT` option."),
        ("7.0.0", "Allowed the `NX` and `GET` options to be used together."),
    ],
)  # fmt: skip
def set_string(context: Context, arguments: list[bytes]) -> Reply:
    """SET key value [NX | XX] [GET] [EX s | PX ms | EXAT s | PXAT ms | KEEPTTL]."""
    value = arguments[2]
    if len(value) > context.settings.value_size_max_bytes:
        raise CommandError(value_too_long(len(value), context.settings.value_size_max_bytes))
    if len(arguments) == 3:
        if not context.keyspace.overwrite(context.database, arguments[1], value):
            context.effects.pending.append((context.database, arguments[1], value))
        return OK
    return _set_with_options(context, arguments)


def _set_with_options(context: Context, arguments: list[bytes]) -> Reply:
    database, key, value = context.database, arguments[1], arguments[2]
    options = parse_set_options(arguments)
    expire_at_ms = options.expire_at_ms(context, "set")
    reply: Reply = OK
    if options.returns_old:
        old = read_string(context, key)
        reply = None if old is None else bulk(old)
    if options.condition or options.keeps_expiry:
        current_expiry_ms = database.expire_at_ms(key)
        if options.condition and (current_expiry_ms is None) == (options.condition == b"XX"):
            return reply if options.returns_old else None
        if options.keeps_expiry:
            expire_at_ms = current_expiry_ms or 0
    context.effects.put_string(database, key, value, expire_at_ms)
    return reply


@command(
    "SETNX", arity=3, flags=FAST_GROWTH, group=Group.STRING, since="1.0.0",
    summary="Stores a string at a key that does not exist.", complexity="O(1)",
    keys=[INSERT], categories=["@string"], arguments=[KEY, VALUE],
)  # fmt: skip
def setnx(context: Context, arguments: list[bytes]) -> Reply:
    """SETNX key value."""
    check_value(context, arguments[2])
    if context.database.get(arguments[1]) is not None:
        return ZERO
    context.effects.put_string(context.database, arguments[1], arguments[2])
    return ONE


@command(
    "SETEX", arity=4, flags=GROWTH, group=Group.STRING, since="2.0.0",
    summary="Stores a string that expires after some seconds.", complexity="O(1)",
    keys=[OVERWRITE], categories=["@string"], arguments=[KEY, integer("seconds"), VALUE],
)  # fmt: skip
def setex(context: Context, arguments: list[bytes]) -> Reply:
    """SETEX key seconds value."""
    return _set_expiring(context, arguments, 1000, "setex")


@command(
    "PSETEX", arity=4, flags=GROWTH, group=Group.STRING, since="2.6.0",
    summary="Stores a string that expires after some milliseconds.", complexity="O(1)",
    keys=[OVERWRITE], categories=["@string"], arguments=[KEY, integer("milliseconds"), VALUE],
)  # fmt: skip
def psetex(context: Context, arguments: list[bytes]) -> Reply:
    """PSETEX key milliseconds value."""
    return _set_expiring(context, arguments, 1, "psetex")


def _set_expiring(context: Context, arguments: list[bytes], unit_ms: int, name: str) -> bytes:
    value = arguments[3]
    check_value(context, value)
    at_ms = expiry_argument(arguments[2], unit_ms=unit_ms, base_ms=context.now_ms, name=name)
    context.effects.put_string(context.database, arguments[1], value, at_ms)
    return OK


@command(
    "GETSET", arity=3, flags=FAST_GROWTH, group=Group.STRING, since="1.0.0",
    summary="Stores a string and gives the one that was there.", complexity="O(1)",
    keys=[READ_AND_UPDATE], categories=["@string"], arguments=[KEY, VALUE],
    documentation_flags=["deprecated"], deprecated_since="6.2.0",
    replaced_by="`SET` with the `!GET` argument",
)  # fmt: skip
def getset(context: Context, arguments: list[bytes]) -> Reply:
    """GETSET key value."""
    check_value(context, arguments[2])
    old = read_string(context, arguments[1])
    context.effects.put_string(context.database, arguments[1], arguments[2])
    return None if old is None else bulk(old)


@command(
    "GETDEL", arity=2, flags=Flag.WRITE | Flag.FAST, group=Group.STRING, since="6.2.0",
    summary="Gives the string at a key and deletes the key.", complexity="O(1)",
    keys=[READ_AND_DELETE], categories=["@string"], arguments=[KEY],
)  # fmt: skip
def getdel(context: Context, arguments: list[bytes]) -> Reply:
    """GETDEL key."""
    value = read_string(context, arguments[1])
    if value is None:
        return None
    context.effects.delete(context.database, arguments[1])
    return bulk(value)


@command(
    "GETEX", arity=-2, flags=Flag.WRITE | Flag.FAST, group=Group.STRING, since="6.2.0",
    summary="Gives the string at a key and may change when it expires.", complexity="O(1)",
    keys=[GETEX_KEYS], categories=["@string"], arguments=[KEY, GETEX_EXPIRATION],
)  # fmt: skip
def getex(context: Context, arguments: list[bytes]) -> Reply:
    """GETEX key [EX s | PX ms | EXAT s | PXAT ms | PERSIST]."""
    database, key = context.database, arguments[1]
    options = parse_getex_options(arguments)
    value = read_string(context, key)
    if value is None:
        return None
    expire_at_ms = options.expire_at_ms(context, "getex")
    if options.is_absolute and expire_at_ms <= context.now_ms:
        context.effects.delete(database, key)
    elif expire_at_ms or (options.persists and database.expire_at_ms(key)):
        context.effects.set_expiry(database, key, expire_at_ms)
    return bulk(value)


@command(
    "STRLEN", arity=2, flags=FAST_READ, group=Group.STRING, since="2.2.0",
    summary="Gives the length of the string at a key, in bytes.", complexity="O(1)",
    keys=[LOOK], categories=["@string"], arguments=[KEY],
)  # fmt: skip
def strlen(context: Context, arguments: list[bytes]) -> Reply:
    """STRLEN key."""
    return integer_reply(len(read_string(context, arguments[1]) or b""))


@command(
    "MGET", arity=-2, flags=FAST_READ, group=Group.STRING, since="1.0.0",
    summary="Gives the strings at several keys.",
    complexity="O(N) where N is the number of keys.",
    keys=[ALL_KEYS_READ], categories=["@string"], arguments=[KEYS],
    tips=["request_policy:multi_shard"],
)  # fmt: skip
def mget(context: Context, arguments: list[bytes]) -> Reply:
    """MGET key [key ...]: null where there is no key, or none that holds a string."""
    database_get = context.database.get
    items: list[Reply] = []
    misses = 0
    has_null = False
    for index in range(1, len(arguments)):
        live = database_get(arguments[index])
        if live is None:
            misses += 1
        elif not isinstance(live, bytes):
            live = live.value if live.kind == Kind.STRING else None
        if live is None:
            has_null = True
            items.append(None)
        else:
            items.append(b"$%d\r\n%b\r\n" % (len(live), live))
    counters = context.keyspace.counters
    counters.misses += misses
    counters.hits += len(items) - misses
    if has_null:
        return Array(items)
    return b"*%d\r\n%b" % (len(items), b"".join(items))  # type: ignore[arg-type] # no null in it


@command(
    "MSET", arity=-3, flags=GROWTH, group=Group.STRING, since="1.0.1",
    summary="Stores strings at several keys.",
    complexity="O(N) where N is the number of keys.",
    keys=[ALL_PAIRS_OVERWRITTEN], categories=["@string"], arguments=[KEY_VALUE_PAIRS],
    tips=["request_policy:multi_shard", "response_policy:all_succeeded"],
)  # fmt: skip
def mset(context: Context, arguments: list[bytes]) -> Reply:
    """MSET key value [key value ...]; of a repeated key the last value stays."""
    _put_pairs(context, arguments, "mset")
    return OK


@command(
    "MSETNX", arity=-3, flags=GROWTH, group=Group.STRING, since="1.0.1",
    summary="Stores strings at several keys if none of them exists.",
    complexity="O(N) where N is the number of keys.",
    keys=[ALL_PAIRS_INSERTED], categories=["@string"], arguments=[KEY_VALUE_PAIRS],
    tips=["request_policy:multi_shard", "response_policy:agg_min"],
)  # fmt: skip
def msetnx(context: Context, arguments: list[bytes]) -> Reply:
    """MSETNX key value [key value ...]."""
    if len(arguments) % 2 == 0:
        raise CommandError(wrong_arguments("msetnx"))
    database_get = context.database.get
    for index in range(1, len(arguments), 2):
        if database_get(arguments[index]) is not None:
            return ZERO
    _put_pairs(context, arguments, "msetnx")
    return ONE


def _put_pairs(context: Context, arguments: list[bytes], name: str) -> None:
    count = len(arguments)
    if count % 2 == 0:
        raise CommandError(wrong_arguments(name))
    database = context.database
    length_max = context.settings.value_size_max_bytes
    append = context.effects.pending.append
    for index in range(1, count, 2):
        value = arguments[index + 1]
        if len(value) > length_max:
            raise CommandError(value_too_long(len(value), length_max))
        append((database, arguments[index], value))
