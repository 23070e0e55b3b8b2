"""OBJECT: how a value is stored.

There is one representation of strings here, so ENCODING and REFCOUNT answer what Redis would for
the same value freshly SET: programs and their tests look at these. A string that APPEND or
SETRANGE made is `raw` in Redis whatever its length; here that is not remembered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from meridian_resp.commands.declarations import KEY
from meridian_resp.commands.help_lines import help_reply, refuse_subcommand
from meridian_resp.commands.reading import read
from meridian_resp.commands.registry import Flag, Group, Keys, command
from meridian_resp.datatypes.values import Kind, Live
from meridian_resp.errors import CommandError
from meridian_resp.protocol.numbers import parse_int64
from meridian_resp.protocol.replies import ONE, Reply, bulk
from meridian_resp.protocol.replies import integer as integer_reply
from storage.records import version_of

if TYPE_CHECKING:
    from meridian_resp.commands.context import Context

SUBJECT: Final = Keys(("RO",), first=2)
VARYING: Final = ("nondeterministic_output",)
#: Longest string that Redis keeps in one allocation with its header.
EMBEDDED_BYTES_MAX: Final = 44
#: Redis shares the objects of the integers below this one, and says so by this many references.
SHARED_INTEGERS: Final = 10_000
SHARED_REFERENCES: Final = 2**31 - 1
NO_FREQUENCY: Final = (
    "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that "
    "when switching between policies at runtime LRU and LFU data will take some time to adjust."
)
HELP: Final = (
    ("ENCODING <key>",
     "Return the kind of internal representation used in order to store the value\n"
     "associated with a <key>."),
    ("FREQ <key>",
     "Return the access frequency index of the <key>. The returned integer is\n"
     "proportional to the logarithm of the recent access frequency of the key."),
    ("IDLETIME <key>",
     "Return the idle time of the <key>, that is the approximated number of\n"
     "seconds elapsed since the last access to the key."),
    ("REFCOUNT <key>",
     "Return the number of references of the value associated with the specified\n"
     "<key>."),
)  # fmt: skip


@command(
    "OBJECT", arity=-2, group=Group.GENERIC, since="2.2.3",
    summary="A container for commands that look into how a value is stored.",
    complexity="Depends on the sub-command.",
)  # fmt: skip
def object_container(context: Context, arguments: list[bytes]) -> Reply:
    """OBJECT with a word that is none of its sub-commands."""
    refuse_subcommand("OBJECT", arguments)


@command(
    "ENCODING", container="object", arity=3, flags=Flag.READONLY, group=Group.GENERIC,
    since="2.2.3", summary="Gives the representation that Redis would choose for the value.",
    complexity="O(1)", keys=[SUBJECT], categories=["@keyspace"], arguments=[KEY], tips=VARYING,
)  # fmt: skip
def object_encoding(context: Context, arguments: list[bytes]) -> Reply:
    """OBJECT ENCODING key: int, embstr or raw."""
    live = read(context, arguments[2])
    if live is None:
        return None
    value = _string_of(live)
    if parse_int64(value) is not None:
        return bulk(b"int")
    return bulk(b"embstr" if len(value) <= EMBEDDED_BYTES_MAX else b"raw")


@command(
    "REFCOUNT", container="object", arity=3, flags=Flag.READONLY, group=Group.GENERIC,
    since="2.2.3", summary="Gives the number of references to the value: 1, as values are not"
    " shared, but for the small integers that Redis shares.",
    complexity="O(1)", keys=[SUBJECT], categories=["@keyspace"], arguments=[KEY], tips=VARYING,
)  # fmt: skip
def object_refcount(context: Context, arguments: list[bytes]) -> Reply:
    """OBJECT REFCOUNT key."""
    live = read(context, arguments[2])
    if live is None:
        return None
    number = parse_int64(_string_of(live))
    is_shared = number is not None and 0 <= number < SHARED_INTEGERS
    return integer_reply(SHARED_REFERENCES) if is_shared else ONE


def _string_of(live: Live) -> bytes:
    if isinstance(live, bytes):
        return live
    assert live.kind == Kind.STRING, "strings are all that can be stored so far"
    return live.value


@command(
    "IDLETIME", container="object", arity=3, flags=Flag.READONLY, group=Group.GENERIC,
    since="2.2.3", summary="Gives the seconds since the key was last written; reading it is not"
    " recorded.",
    complexity="O(1)", keys=[SUBJECT], categories=["@keyspace"], arguments=[KEY], tips=VARYING,
)  # fmt: skip
def object_idletime(context: Context, arguments: list[bytes]) -> Reply:
    """OBJECT IDLETIME key."""
    if read(context, arguments[2]) is None:
        return None
    storage_key = context.database.storage_key(arguments[2])
    keyspace = context.keyspace
    if any(key == storage_key for key, _ in keyspace.batch.entries):
        return integer_reply(0)
    record = keyspace.store.get(storage_key)
    assert record is not None, "a live key is in the batch or in storage"
    # The upper 48 bits of a version are Unix milliseconds.
    written_at_ms = version_of(record) >> 16
    return integer_reply(max(context.now_ms - written_at_ms, 0) // 1000)


@command(
    "FREQ", container="object", arity=3, flags=Flag.READONLY, group=Group.GENERIC,
    since="4.0.0", summary="Refuses: how often keys are used is not counted.",
    complexity="O(1)", keys=[SUBJECT], categories=["@keyspace"], arguments=[KEY], tips=VARYING,
)  # fmt: skip
def object_freq(context: Context, arguments: list[bytes]) -> Reply:
    """OBJECT FREQ key."""
    if read(context, arguments[2]) is None:
        return None
    raise CommandError(NO_FREQUENCY)


@command(
    "HELP", container="object", arity=2, flags=Flag.LOADING | Flag.STALE, group=Group.GENERIC,
    since="6.2.0", summary="Lists the sub-commands.", complexity="O(1)",
    categories=["@keyspace"],
)  # fmt: skip
def object_help(context: Context, arguments: list[bytes]) -> Reply:
    """OBJECT HELP."""
    return help_reply("OBJECT", HELP)
