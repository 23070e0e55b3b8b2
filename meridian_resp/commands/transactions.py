"""Transactions: MULTI, EXEC, DISCARD, and optimistic locking by WATCH.

Queueing is dispatch's work; here a queue begins and ends. All that EXEC runs lands in one batch
of the log: after a crash all of it is there or nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from meridian_resp.commands.declarations import KEYS
from meridian_resp.commands.registry import Flag, Group, Keys, command
from meridian_resp.errors import (
    DISCARD_WITHOUT_MULTI,
    EXEC_ABORT,
    EXEC_WITHOUT_MULTI,
    NESTED_MULTI,
    WATCH_IN_MULTI,
    CommandError,
)
from meridian_resp.protocol.replies import NULL_ARRAY, OK, Reply

if TYPE_CHECKING:
    from meridian_resp.commands.context import Context

FRAME: Final = Flag.NOSCRIPT | Flag.LOADING | Flag.STALE
QUICK: Final = FRAME | Flag.FAST | Flag.ALLOW_BUSY


@command(
    "MULTI", arity=1, flags=QUICK, group=Group.TRANSACTIONS, since="1.2.0",
    summary="Begins a transaction: the commands that follow are queued.", complexity="O(1)",
    categories=["@transaction"],
)  # fmt: skip
def multi(context: Context, arguments: list[bytes]) -> Reply:
    """MULTI."""
    session = context.session
    if session.queue is not None:
        raise CommandError(NESTED_MULTI)
    session.queue = []
    session.queue_error = False
    context.server.change_state(session)
    return OK


@command(
    "EXEC", arity=1, flags=FRAME | Flag.SKIP_SLOWLOG, group=Group.TRANSACTIONS, since="1.2.0",
    summary="Runs the queued commands, one after the other with nothing between.",
    complexity="Depends on the commands in the transaction",
    categories=["@transaction"],
)  # fmt: skip
def execute(context: Context, arguments: list[bytes]) -> Reply:
    """EXEC: null when a watched key has changed."""
    session = context.session
    if session.queue is None:
        raise CommandError(EXEC_WITHOUT_MULTI)
    watches = context.keyspace.watches
    has_changed = session.watch_dirty or watches.has_expired(session)
    has_failed = session.queue_error
    # Before the commands run, so that they are not checked against this client's own watches.
    watches.forget(session)
    session.watch_dirty = False
    if has_failed or has_changed:
        _end(context)
        if has_failed:
            raise CommandError(EXEC_ABORT)
        return NULL_ARRAY
    try:
        return context.server.execute_queued(session)
    finally:
        _end(context)


@command(
    "DISCARD", arity=1, flags=QUICK, group=Group.TRANSACTIONS, since="2.0.0",
    summary="Ends a transaction without running what is queued.",
    complexity="O(N), when N is the number of queued commands",
    categories=["@transaction"],
)  # fmt: skip
def discard(context: Context, arguments: list[bytes]) -> Reply:
    """DISCARD: also forgets what is watched."""
    if context.session.queue is None:
        raise CommandError(DISCARD_WITHOUT_MULTI)
    give_up(context)
    return OK


@command(
    "WATCH", arity=-2, flags=QUICK, group=Group.TRANSACTIONS, since="2.2.0",
    summary="Makes the next EXEC depend on these keys staying as they are.",
    complexity="O(1) for every key.",
    keys=[Keys(("RO",), last=-1)], categories=["@transaction"], arguments=[KEYS],
)  # fmt: skip
def watch(context: Context, arguments: list[bytes]) -> Reply:
    """WATCH key [key ...]."""
    session, database, keyspace = context.session, context.database, context.keyspace
    if session.queue is not None:
        raise CommandError(WATCH_IN_MULTI)
    if session.watch_dirty:
        # It is already certain that EXEC will answer null: nothing more can be learnt.
        return OK
    for key in arguments[1:]:
        database.get(key)
    # A key found expired is gone now, before it is watched: its deletion is no change.
    keyspace.apply()
    for key in arguments[1:]:
        keyspace.watches.watch(session, database, key)
    return OK


@command(
    "UNWATCH", arity=1, flags=QUICK, group=Group.TRANSACTIONS, since="2.2.0",
    summary="Forgets what is watched.", complexity="O(1)", categories=["@transaction"],
)  # fmt: skip
def unwatch(context: Context, arguments: list[bytes]) -> Reply:
    """UNWATCH."""
    _unwatch(context)
    return OK


def give_up(context: Context) -> None:
    """Drop the client's queue and its watches.

    Also what becomes of a transaction whose EXEC is refused before it runs, as Redis does.
    """
    _unwatch(context)
    _end(context)


def _unwatch(context: Context) -> None:
    context.keyspace.watches.forget(context.session)
    context.session.watch_dirty = False


def _end(context: Context) -> None:
    """Back to the state outside of a transaction."""
    context.session.queue = None
    context.session.queue_error = False
    context.server.change_state(context.session)
