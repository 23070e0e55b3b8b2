"""When keys expire: EXPIRE and TTL in their many forms, PERSIST."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from meridian_resp.commands.arguments import integer_argument, shown
from meridian_resp.commands.declarations import KEY, READ, UPDATE, integer, word
from meridian_resp.commands.registry import Argument, Flag, Group, command
from meridian_resp.errors import CommandError, invalid_expire
from meridian_resp.protocol.numbers import INT64_MAX, INT64_MIN
from meridian_resp.protocol.replies import MINUS_ONE, MINUS_TWO, ONE, ZERO, Reply
from meridian_resp.protocol.replies import integer as integer_reply

if TYPE_CHECKING:
    from meridian_resp.commands.context import Context

CHANGING: Final = Flag.WRITE | Flag.FAST
LOOKING: Final = Flag.READONLY | Flag.FAST
CONDITION: Final = Argument(
    "condition", "oneof", optional=True, since="7.0.0",
    arguments=(word("nx"), word("xx"), word("gt"), word("lt")),
)  # fmt: skip
NO_CONDITIONS: Final = frozenset[bytes]()
CONDITIONS: Final = frozenset({b"NX", b"XX", b"GT", b"LT"})
ADDED_CONDITIONS: Final = (("7.0.0", "Added options: `NX`, `XX`, `GT` and `LT`."),)
ADDED_MINUS_TWO: Final = (("2.8.0", "Added the -2 reply."),)
NX_ALONE: Final = "ERR NX and XX, GT or LT options at the same time are not compatible"
GT_OR_LT: Final = "ERR GT and LT options at the same time are not compatible"


@command(
    "EXPIRE", arity=-3, flags=CHANGING, group=Group.GENERIC, since="1.0.0",
    summary="Lets a key expire after some seconds.", complexity="O(1)",
    keys=[UPDATE], categories=["@keyspace"], arguments=[KEY, integer("seconds"), CONDITION],
    history=ADDED_CONDITIONS,
)  # fmt: skip
def expire(context: Context, arguments: list[bytes]) -> Reply:
    """EXPIRE key seconds [NX | XX | GT | LT]."""
    return _expire(context, arguments, 1000, context.now_ms, "expire")


@command(
    "PEXPIRE", arity=-3, flags=CHANGING, group=Group.GENERIC, since="2.6.0",
    summary="Lets a key expire after some milliseconds.", complexity="O(1)",
    keys=[UPDATE], categories=["@keyspace"], arguments=[KEY, integer("milliseconds"), CONDITION],
    history=ADDED_CONDITIONS,
)  # fmt: skip
def pexpire(context: Context, arguments: list[bytes]) -> Reply:
    """PEXPIRE key milliseconds [NX | XX | GT | LT]."""
    return _expire(context, arguments, 1, context.now_ms, "pexpire")


@command(
    "EXPIREAT", arity=-3, flags=CHANGING, group=Group.GENERIC, since="1.2.0",
    summary="Lets a key expire at a Unix time in seconds.", complexity="O(1)",
    keys=[UPDATE], categories=["@keyspace"],
    arguments=[KEY, Argument("unix-time-seconds", "unix-time"), CONDITION],
    history=ADDED_CONDITIONS,
)  # fmt: skip
def expireat(context: Context, arguments: list[bytes]) -> Reply:
    """EXPIREAT key unix-time [NX | XX | GT | LT]."""
    return _expire(context, arguments, 1000, 0, "expireat")


@command(
    "PEXPIREAT", arity=-3, flags=CHANGING, group=Group.GENERIC, since="2.6.0",
    summary="Lets a key expire at a Unix time in milliseconds.", complexity="O(1)",
    keys=[UPDATE], categories=["@keyspace"],
    arguments=[KEY, Argument("unix-time-milliseconds", "unix-time"), CONDITION],
    history=ADDED_CONDITIONS,
)  # fmt: skip
def pexpireat(context: Context, arguments: list[bytes]) -> Reply:
    """PEXPIREAT key unix-time-ms [NX | XX | GT | LT]."""
    return _expire(context, arguments, 1, 0, "pexpireat")


def _expire(
    context: Context, arguments: list[bytes], unit_ms: int, base_ms: int, name: str
) -> bytes:
    conditions = _parse_conditions(arguments) if len(arguments) > 3 else NO_CONDITIONS
    at_ms = integer_argument(arguments[2]) * unit_ms
    if not INT64_MIN <= at_ms <= INT64_MAX - base_ms:
        raise CommandError(invalid_expire(name))
    at_ms += base_ms
    database, key = context.database, arguments[1]
    current_ms = database.expire_at_ms(key)
    if current_ms is None or (conditions and not _is_met(conditions, current_ms, at_ms)):
        return ZERO
    if at_ms <= context.now_ms:
        context.effects.delete(database, key)
    else:
        context.effects.set_expiry(database, key, at_ms)
    return ONE


def _parse_conditions(arguments: list[bytes]) -> frozenset[bytes]:
    given = set()
    for argument in arguments[3:]:
        name = argument.upper()
        if name not in CONDITIONS:
            raise CommandError(f"ERR Unsupported option {shown(argument)}")
        given.add(name)
    if b"NX" in given and len(given) > 1:
        raise CommandError(NX_ALONE)
    if b"GT" in given and b"LT" in given:
        raise CommandError(GT_OR_LT)
    return frozenset(given)


def _is_met(conditions: frozenset[bytes], current_ms: int, at_ms: int) -> bool:
    """Whether a key that expires at `current_ms` (0: never, later than any time) may change."""
    if b"NX" in conditions:
        return not current_ms
    if b"XX" in conditions and not current_ms:
        return False
    if b"GT" in conditions:
        return current_ms != 0 and at_ms > current_ms
    if b"LT" in conditions:
        return not current_ms or at_ms < current_ms
    return True


@command(
    "PERSIST", arity=2, flags=CHANGING, group=Group.GENERIC, since="2.2.0",
    summary="Lets a key never expire.", complexity="O(1)",
    keys=[UPDATE], categories=["@keyspace"], arguments=[KEY],
)  # fmt: skip
def persist(context: Context, arguments: list[bytes]) -> Reply:
    """PERSIST key: 1 if it would have expired."""
    if not context.database.expire_at_ms(arguments[1]):
        return ZERO
    context.effects.set_expiry(context.database, arguments[1], 0)
    return ONE


@command(
    "TTL", arity=2, flags=LOOKING, group=Group.GENERIC, since="1.0.0",
    summary="Gives the seconds after which a key expires.", complexity="O(1)",
    keys=[READ], categories=["@keyspace"], arguments=[KEY], tips=["nondeterministic_output"],
    history=ADDED_MINUS_TWO,
)  # fmt: skip
def ttl(context: Context, arguments: list[bytes]) -> Reply:
    """TTL key, rounded to the nearest second."""
    return _time_left(context, arguments[1], 1000, context.now_ms)


@command(
    "PTTL", arity=2, flags=LOOKING, group=Group.GENERIC, since="2.6.0",
    summary="Gives the milliseconds after which a key expires.", complexity="O(1)",
    keys=[READ], categories=["@keyspace"], arguments=[KEY], tips=["nondeterministic_output"],
    history=ADDED_MINUS_TWO,
)  # fmt: skip
def pttl(context: Context, arguments: list[bytes]) -> Reply:
    """PTTL key."""
    return _time_left(context, arguments[1], 1, context.now_ms)


@command(
    "EXPIRETIME", arity=2, flags=LOOKING, group=Group.GENERIC, since="7.0.0",
    summary="Gives the Unix time in seconds at which a key expires.", complexity="O(1)",
    keys=[READ], categories=["@keyspace"], arguments=[KEY],
)  # fmt: skip
def expiretime(context: Context, arguments: list[bytes]) -> Reply:
    """EXPIRETIME key, rounded to the nearest second."""
    return _time_left(context, arguments[1], 1000, 0)


@command(
    "PEXPIRETIME", arity=2, flags=LOOKING, group=Group.GENERIC, since="7.0.0",
    summary="Gives the Unix time in milliseconds at which a key expires.", complexity="O(1)",
    keys=[READ], categories=["@keyspace"], arguments=[KEY],
)  # fmt: skip
def pexpiretime(context: Context, arguments: list[bytes]) -> Reply:
    """PEXPIRETIME key."""
    return _time_left(context, arguments[1], 1, 0)


def _time_left(context: Context, key: bytes, unit_ms: int, base_ms: int) -> bytes:
    """Time from `base_ms` to the expiry in rounded units; -1 for never, -2 for no key."""
    expire_at_ms = context.database.expire_at_ms(key)
    if expire_at_ms is None:
        context.keyspace.counters.misses += 1
        return MINUS_TWO
    context.keyspace.counters.hits += 1
    if not expire_at_ms:
        return MINUS_ONE
    return integer_reply((expire_at_ms - base_ms + unit_ms // 2) // unit_ms)
