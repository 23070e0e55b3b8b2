"""SAVE, BGSAVE, LASTSAVE and SHUTDOWN in the storage engine's terms.

Every write is in the log before it is answered, so nothing here is needed for durability. What
a user of Redis wants from SAVE, that all data stand in files which need no replay, is done by a
flush: the memtable is sealed and written as a table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meridian_resp.commands.outcomes import Later, Outcome
from meridian_resp.commands.registry import Argument, Flag, Group, command
from meridian_resp.errors import SYNTAX, CommandError
from meridian_resp.protocol.replies import OK, Reply, integer, simple

if TYPE_CHECKING:
    from meridian_resp.commands.context import Context

SAVE_RUNS = "ERR Background save already in progress"
SHUTDOWN_WORDS = frozenset({b"NOSAVE", b"SAVE", b"NOW", b"FORCE", b"ABORT"})
#: What SHUTDOWN answers when it succeeds: nothing, the connection ends.
NO_REPLY = b""


@command(
    "SAVE", arity=1, group=Group.SERVER, since="1.0.0",
    flags=Flag.ADMIN | Flag.NOSCRIPT | Flag.NO_ASYNC_LOADING | Flag.NO_MULTI | Flag.LONG,
    summary="Brings all data into tables and waits until it is done.",
    complexity="O(N) where N is the total number of keys in all databases",
)  # fmt: skip
def save(context: Context, arguments: list[bytes]) -> Outcome:
    """SAVE; other clients are served meanwhile."""
    server = context.server
    if server.is_saving():
        raise CommandError(SAVE_RUNS)

    async def flush() -> Reply:
        await server.flush_storage()
        return OK

    return Later(flush)


@command(
    "BGSAVE", arity=-1, group=Group.SERVER, since="1.0.0",
    flags=Flag.ADMIN | Flag.NOSCRIPT | Flag.NO_ASYNC_LOADING,
    summary="Starts to bring all data into tables.", complexity="O(1)",
    history=[("3.2.2", "The option `SCHEDULE`.")],
    arguments=[
        Argument("schedule", "pure-token", token="SCHEDULE", since="3.2.2", optional=True),
    ],
)  # fmt: skip
def bgsave(context: Context, arguments: list[bytes]) -> Reply:
    """BGSAVE [SCHEDULE]."""
    if len(arguments) > 1 and (len(arguments) > 2 or arguments[1].upper() != b"SCHEDULE"):
        raise CommandError(SYNTAX)
    if not context.server.start_background_flush():
        raise CommandError(SAVE_RUNS)
    return simple("Background saving started")


@command(
    "LASTSAVE", arity=1, flags=Flag.LOADING | Flag.STALE | Flag.FAST, group=Group.SERVER,
    since="1.0.0", summary="Unix time of the last flush into tables that went well.",
    complexity="O(1)", categories=["@admin", "@dangerous"], tips=["nondeterministic_output"],
)  # fmt: skip
def lastsave(context: Context, arguments: list[bytes]) -> Reply:
    """LASTSAVE."""
    return integer(context.server.last_save()[0])


@command(
    "SHUTDOWN", arity=-1, group=Group.SERVER, since="1.0.0",
    flags=(
        Flag.ADMIN | Flag.NOSCRIPT | Flag.LOADING | Flag.STALE | Flag.NO_MULTI | Flag.ALLOW_BUSY
    ),
    summary="Stops the server; with SAVE after bringing all data into tables.",
    complexity="O(N) when saving, where N is the total number of keys in all databases when "
               "saving data, otherwise O(1)",
    history=[("7.0.0", "The words `NOW`, `FORCE` and `ABORT`.")],
    arguments=[
        Argument("nosave_save", "oneof", optional=True, arguments=(
            Argument("nosave", "pure-token", token="NOSAVE"),
            Argument("save", "pure-token", token="SAVE"),
        )),
        Argument("now", "pure-token", token="NOW", since="7.0.0", optional=True),
        Argument("force", "pure-token", token="FORCE", since="7.0.0", optional=True),
        Argument("abort", "pure-token", token="ABORT", since="7.0.0", optional=True),
    ],
)  # fmt: skip
def shutdown(context: Context, arguments: list[bytes]) -> Reply:
    """SHUTDOWN [NOSAVE|SAVE] [NOW] [FORCE] | ABORT; nothing is lost without SAVE.

    There are no replicas to wait for, so NOW changes nothing and ABORT comes too late always.
    """
    words = {argument.upper() for argument in arguments[1:]}
    if not words <= SHUTDOWN_WORDS or {b"NOSAVE", b"SAVE"} <= words:
        raise CommandError(SYNTAX)
    if b"ABORT" in words:
        if len(words) > 1:
            raise CommandError(SYNTAX)
        raise CommandError("ERR No shutdown in progress.")
    context.server.shutdown(save=b"SAVE" in words)
    return NO_REPLY
