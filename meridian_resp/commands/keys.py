"""Keys of any type: whether they are there, removing, renaming and copying them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from meridian_resp.commands.declarations import (
    KEY,
    KEYS,
    READ,
    READ_AND_DELETE,
    READ_AND_UPDATE,
    integer,
    word,
)
from meridian_resp.commands.key_arguments import database_argument
from meridian_resp.commands.reading import read
from meridian_resp.commands.registry import Argument, Flag, Group, Keys, command
from meridian_resp.datatypes.values import TYPE_NAMES, Kind, Live
from meridian_resp.errors import (
    COPY_IN_CLUSTERS,
    NO_SUCH_KEY,
    SAME_OBJECT,
    SYNTAX,
    CommandError,
    not_in_clusters,
)
from meridian_resp.protocol.replies import OK, ONE, ZERO, Reply
from meridian_resp.protocol.replies import integer as integer_reply

if TYPE_CHECKING:
    from meridian_resp.commands.context import Context
    from meridian_resp.datatypes.database import Database

FAST_LOOK: Final = Flag.READONLY | Flag.FAST
ALL_DELETED: Final = Keys(("RM", "delete"), last=-1)
ALL_LOOKED_AT: Final = Keys(("RO",), last=-1)
SUMMED_UP: Final = ("request_policy:multi_shard", "response_policy:agg_sum")
NEW_KEY: Final = Argument("newkey", "key", key_spec_index=1)
TYPE_REPLIES: Final = {kind: b"+%b\r\n" % name.encode() for kind, name in TYPE_NAMES.items()}


@command(
    "DEL", arity=-2, flags=Flag.WRITE, group=Group.GENERIC, since="1.0.0",
    summary="Deletes keys.",
    complexity="O(N) where N is the number of keys: one record each, however large the value.",
    keys=[ALL_DELETED], categories=["@keyspace"], arguments=[KEYS], tips=SUMMED_UP,
)  # fmt: skip
@command(
    "UNLINK", arity=-2, flags=Flag.WRITE | Flag.FAST, group=Group.GENERIC, since="4.0.0",
    summary="Deletes keys; the same as DEL, which never takes long here.",
    complexity="O(N) where N is the number of keys.",
    keys=[ALL_DELETED], categories=["@keyspace"], arguments=[KEYS], tips=SUMMED_UP,
)  # fmt: skip
def delete(context: Context, arguments: list[bytes]) -> Reply:
    """DEL key [key ...]: how many there were."""
    database = context.database
    if len(arguments) == 2:
        key = arguments[1]
        if database.get(key) is None:
            return ZERO
        context.effects.pending.append((database, key, None))
        return ONE
    append = context.effects.pending.append
    count = 0
    # A repeated key counts once; dict.fromkeys keeps the order of the rest.
    for key in dict.fromkeys(arguments[1:]):
        if database.get(key) is not None:
            append((database, key, None))
            count += 1
    return integer_reply(count)


@command(
    "EXISTS", arity=-2, flags=FAST_LOOK, group=Group.GENERIC, since="1.0.0",
    summary="Counts how many of the keys exist; a repeated one counts repeatedly.",
    complexity="O(N) where N is the number of keys.",
    keys=[ALL_LOOKED_AT], categories=["@keyspace"], arguments=[KEYS], tips=SUMMED_UP,
    history=[("3.0.3", "Accepts multiple `key` arguments.")],
)  # fmt: skip
@command(
    "TOUCH", arity=-2, flags=FAST_LOOK, group=Group.GENERIC, since="3.2.1",
    summary="Reads keys into memory and counts how many of them exist.",
    complexity="O(N) where N is the number of keys.",
    keys=[ALL_LOOKED_AT], categories=["@keyspace"], arguments=[KEYS], tips=SUMMED_UP,
)  # fmt: skip
def exists(context: Context, arguments: list[bytes]) -> Reply:
    """EXISTS key [key ...]."""
    if len(arguments) == 2:
        return ZERO if read(context, arguments[1]) is None else ONE
    database_get = context.database.get
    asked = len(arguments) - 1
    count = 0
    for index in range(1, asked + 1):
        if database_get(arguments[index]) is not None:
            count += 1
    counters = context.keyspace.counters
    counters.hits += count
    counters.misses += asked - count
    return integer_reply(count)


@command(
    "TYPE", arity=2, flags=FAST_LOOK, group=Group.GENERIC, since="1.0.0",
    summary="Gives the type of what is stored at a key.", complexity="O(1)",
    keys=[Keys(("RO",))], categories=["@keyspace"], arguments=[KEY],
)  # fmt: skip
def type_of_key(context: Context, arguments: list[bytes]) -> Reply:
    """TYPE key: `none` if there is none."""
    live = read(context, arguments[1])
    if live is None:
        return b"+none\r\n"
    return TYPE_REPLIES[Kind.STRING if isinstance(live, bytes) else live.kind]


@command(
    "RENAME", arity=3, flags=Flag.WRITE, group=Group.GENERIC, since="1.0.0",
    summary="Gives a key another name, over whatever has that name.", complexity="O(1)",
    keys=[READ_AND_DELETE, Keys(("OW", "update"), first=2)], categories=["@keyspace"],
    arguments=[KEY, NEW_KEY],
)  # fmt: skip
def rename(context: Context, arguments: list[bytes]) -> Reply:
    """RENAME key newkey."""
    _rename(context, arguments, only_if_free=False)
    return OK


@command(
    "RENAMENX", arity=3, flags=Flag.WRITE | Flag.FAST, group=Group.GENERIC, since="1.0.0",
    summary="Gives a key another name that is not taken.", complexity="O(1)",
    keys=[READ_AND_DELETE, Keys(("OW", "insert"), first=2)], categories=["@keyspace"],
    arguments=[KEY, NEW_KEY],
    history=[(
        "3.2.0",
        "The command no longer returns an error when source and destination names are the same.",
    )],
)  # fmt: skip
def renamenx(context: Context, arguments: list[bytes]) -> Reply:
    """RENAMENX key newkey."""
    return ONE if _rename(context, arguments, only_if_free=True) else ZERO


def _rename(context: Context, arguments: list[bytes], *, only_if_free: bool) -> bool:
    database = context.database
    key, new_key = arguments[1], arguments[2]
    live = database.get(key)
    if live is None:
        raise CommandError(NO_SUCH_KEY)
    if key == new_key or (only_if_free and database.get(new_key) is not None):
        return False
    _put_copy(context, live, database, new_key)
    context.effects.delete(database, key)
    return True


@command(
    "COPY", arity=-3, flags=Flag.WRITE | Flag.DENYOOM, group=Group.GENERIC, since="6.2.0",
    summary="Copies what is stored at a key, with its expiry, to another key.",
    complexity="O(N) where N is the number of elements of a collection; O(1) for strings.",
    keys=[READ, Keys(("OW", "update"), first=2)], categories=["@keyspace"],
    arguments=[
        Argument("source", "key", key_spec_index=0),
        Argument("destination", "key", key_spec_index=1),
        integer("destination-db", "DB", optional=True),
        word("replace", optional=True),
    ],
)  # fmt: skip
def copy(context: Context, arguments: list[bytes]) -> Reply:
    """COPY source destination [DB database] [REPLACE]."""
    key, new_key = arguments[1], arguments[2]
    target = context.database
    replaces = False
    index = 3
    while index < len(arguments):
        name = arguments[index].upper()
        if name == b"REPLACE":
            replaces = True
        elif name == b"DB" and index + 1 < len(arguments):
            index += 1
            target = database_argument(context, arguments[index])
        else:
            raise CommandError(SYNTAX)
        index += 1
    if target.index and context.settings.cluster_enabled:
        raise CommandError(COPY_IN_CLUSTERS)
    if target is context.database and key == new_key:
        raise CommandError(SAME_OBJECT)
    live = read(context, key)
    if live is None or (target.get(new_key) is not None and not replaces):
        return ZERO
    _put_copy(context, live, target, new_key)
    return ONE


@command(
    "MOVE", arity=3, flags=Flag.WRITE | Flag.FAST, group=Group.GENERIC, since="1.0.0",
    summary="Moves a key to another database, unless that has such a key.", complexity="O(1)",
    keys=[READ_AND_UPDATE], categories=["@keyspace"], arguments=[KEY, integer("db")],
)  # fmt: skip
def move(context: Context, arguments: list[bytes]) -> Reply:
    """MOVE key database."""
    if context.settings.cluster_enabled:
        raise CommandError(not_in_clusters("MOVE"))
    key = arguments[1]
    target = database_argument(context, arguments[2])
    if target is context.database:
        raise CommandError(SAME_OBJECT)
    live = context.database.get(key)
    if live is None or target.get(key) is not None:
        return ZERO
    _put_copy(context, live, target, key)
    context.effects.delete(context.database, key)
    return ONE


def _put_copy(context: Context, live: Live, target: Database, key: bytes) -> None:
    """Store a value that was read, with its expiry, under another key."""
    if isinstance(live, bytes):
        context.effects.put_string(target, key, live)
    else:
        assert live.kind == Kind.STRING, "strings are all that can be stored so far"
        context.effects.put_string(target, key, live.value, live.expire_at_ms)
