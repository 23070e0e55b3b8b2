"""Commands that run over several ticks: in slices on the reactor, or as tasks of their own.

Either way the client's later commands wait (`Session.is_busy`), the reply takes its place in
order, and nothing is left behind when the client goes away: its slices are dropped, its task is
cancelled.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import trio

from meridian_resp.commands.outcomes import Later, Slices
from meridian_resp.datatypes.keyspace import Keyspace
from meridian_resp.errors import CommandError
from meridian_resp.protocol.replies import Reply, error
from meridian_resp.server.reactor import Reactor
from meridian_resp.server.session import Session
from storage import StorageError

logger = logging.getLogger(__name__)


class LongCommands:
    """Runs long commands for sessions; owns the nursery of their tasks while `run` runs."""

    def __init__(
        self, reactor: Reactor, keyspace: Keyspace, enter: Callable[[Session], None]
    ) -> None:
        self._reactor = reactor
        self._keyspace = keyspace
        self._enter = enter
        self._tasks: trio.MemorySendChannel[tuple[Session, Later]] | None = None
        self._scopes: dict[Session, trio.CancelScope] = {}

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Start a task for each `Later` until cancelled."""
        # As many can wait to be started as there can be clients: one each.
        send, receive = trio.open_memory_channel[tuple[Session, Later]](float("inf"))
        self._tasks = send
        async with trio.open_nursery() as nursery:
            task_status.started()
            async for session, later in receive:
                nursery.start_soon(self._run_task, session, later)

    def start(self, session: Session, work: Slices | Later) -> None:
        """Begin a long command of a session that is marked busy."""
        if isinstance(work, Slices):
            self._reactor.slices.append(lambda: self._step(session, work))
            return
        assert self._tasks is not None
        self._tasks.send_nowait((session, work))

    def forget(self, session: Session) -> None:
        """The session goes away: stop what runs for it."""
        scope = self._scopes.pop(session, None)
        if scope is not None:
            scope.cancel()

    def _step(self, session: Session, work: Slices) -> bool:
        """One slice; whether there are more."""
        if session.is_gone:
            work.steps.close()
            return False
        self._enter(session)
        reply: Reply = None
        has_more = True
        started = time.perf_counter()
        try:
            try:
                next(work.steps)
            except StopIteration as stop:
                reply = stop.value
                has_more = False
            if self._keyspace.effects.pending:
                self._keyspace.apply()
        except Exception as failure:
            self._keyspace.effects.clear()
            work.steps.close()
            reply = _error_of(failure)
            has_more = False
        work.took_s += time.perf_counter() - started
        if not has_more:
            if work.on_end is not None:
                work.on_end(work.took_s)
            self._complete(session, reply)
        return has_more

    async def _run_task(self, session: Session, later: Later) -> None:
        reply: Reply = None
        with trio.CancelScope() as scope:
            if session.is_gone:
                return
            self._scopes[session] = scope
            try:
                reply = await later.work()
            except Exception as failure:
                reply = _error_of(failure)
        self._scopes.pop(session, None)
        if not scope.cancelled_caught and not session.is_gone:
            self._reactor.begin_tick()
            self._complete(session, reply)
            self._reactor.end_tick()

    def _complete(self, session: Session, reply: Reply) -> None:
        """Put the reply in its place and let the session's next commands run."""
        if session.is_muted:
            session.is_muted = False
        else:
            session.put(reply)
            self._reactor.mark_dirty(session)
        self._reactor.resume(session)


def _error_of(failure: Exception) -> bytes:
    """The error reply for what a long command raised."""
    if isinstance(failure, CommandError):
        return error(failure.text)
    if isinstance(failure, StorageError):
        return error(f"ERR {failure}")
    logger.error("A fault in a command that runs over several ticks", exc_info=failure)
    return error(f"ERR internal error ({type(failure).__name__})")
