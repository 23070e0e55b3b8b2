"""Commands that run over several ticks: in slices on the reactor, or as tasks of their own.

Either way the client's later commands wait (`Session.is_busy`), the reply takes its place in
order, and nothing is left behind when the client goes away: its slices are dropped, its task is
cancelled.
"""

from __future__ import annotations

import logging
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
        reply: Reply
        try:
            next(work.steps)
            self._apply()
            return True
        except StopIteration as stop:
            self._apply()
            reply = stop.value
        except (CommandError, StorageError) as failure:
            self._keyspace.effects.clear()
            reply = error(failure.text if isinstance(failure, CommandError) else f"ERR {failure}")
        self._complete(session, reply)
        return False

    def _apply(self) -> None:
        if self._keyspace.effects.pending:
            self._keyspace.apply()

    async def _run_task(self, session: Session, later: Later) -> None:
        reply: Reply = None
        with trio.CancelScope() as scope:
            if session.is_gone:
                return
            self._scopes[session] = scope
            try:
                reply = await later.work()
            except CommandError as failure:
                reply = error(failure.text)
            except StorageError as failure:
                reply = error(f"ERR {failure}")
            except Exception as failure:
                logger.error("A fault in a command's task", exc_info=failure)
                reply = error(f"ERR internal error ({type(failure).__name__})")
        self._scopes.pop(session, None)
        if not scope.cancelled_caught and not session.is_gone:
            self._reactor.begin_tick()
            self._complete(session, reply)
            self._reactor.end_tick()

    def _complete(self, session: Session, reply: Reply) -> None:
        """Put the reply in its place and let the session's next commands run."""
        session.out.append(session.encode(reply))
        session.is_busy = False
        self._reactor.mark_dirty(session)
        self._reactor.resume(session)
