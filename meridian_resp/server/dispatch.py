"""From argument lists to replies: the plain path, and the gated path that asks every question.

The plain path serves sessions in the ordinary state (authenticated, not in MULTI, replies on)
while the node is in its ordinary state (writes accepted, nobody monitors, no pause): one
dictionary look-up, the arity check, the handler, the effects. Whatever is out of the ordinary
empties the session's table, so that its commands fall through to the gated path, which asks
every question in the order in which redis-server's `processCommand` asks them. So a rare feature
costs the common case nothing.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Final

from meridian_resp import errors
from meridian_resp.commands.consistency import parse_level
from meridian_resp.commands.monitor import format_monitor_line
from meridian_resp.commands.outcomes import Later, Outcome, Slices, run_to_end
from meridian_resp.commands.registry import CommandSpec, Flag
from meridian_resp.commands.transactions import give_up
from meridian_resp.errors import CommandError
from meridian_resp.protocol.replies import QUEUED, error
from meridian_resp.protocol.reply_mode import ReplyMode
from meridian_resp.server.conditions import Conditions, has_writes
from meridian_resp.server.execution import Execution
from meridian_resp.server.latency import LatencyMonitor
from meridian_resp.server.runnable import Runnable, Runnables
from meridian_resp.server.session import Session
from meridian_resp.server.slow_log import SlowLog
from storage import StorageError

logger = logging.getLogger(__name__)

#: Output of one turn, in bytes, beyond which the client waits for its next turn.
TURN_OUTPUT_BYTES_MAX: Final = 1 << 20
#: Bytes of long values that a tick has written beyond which nobody's turn goes on.
TICK_BATCH_BYTES_MAX: Final = 16 << 20
#: Only replies larger than this are added up towards the limit.
_BIG_REPLY_BYTES: Final = 16384
#: Commands that are executed, not queued, inside MULTI.
_NOT_QUEUED: Final = frozenset({"exec", "discard", "multi", "watch", "quit", "reset"})
_NO_TABLE: Final[dict[bytes, Runnable]] = {}
_NOT_MONITORED: Final = Flag.SKIP_MONITOR | Flag.ADMIN
#: First words of an HTTP request. A web page can make a browser send one to a port of this
#: machine, with commands in its body; so it ends the connection before anything of it runs.
_HTTP_WORDS: Final = frozenset({b"post", b"host:"})


class MustWait(Exception):
    """The command may not begin yet (CLIENT PAUSE); it has to be asked again later."""


class Dispatcher:
    """Executes commands of all sessions, one after the other."""

    def __init__(
        self,
        context: Execution,
        runnables: Runnables,
        conditions: Conditions,
        slow_log: SlowLog,
        latency: LatencyMonitor,
    ) -> None:
        self._context = context
        self._keyspace = context.keyspace
        self._runnables = runnables
        self._conditions = conditions
        self._slow_log = slow_log
        self._latency = latency
        #: Commands called in this tick, each once.
        self.touched: list[Runnable] = []
        #: Commands executed since the start.
        self.total_calls = 0
        #: Error replies since the start, by code (INFO errorstats).
        self.errors_by_code: dict[str, int] = {}
        #: Commands that met storage which can't be read, and what the last one met.
        self.read_failures = 0
        self.last_read_failure = ""
        #: Set on a node of a cluster: raises CommandError for what MULTI must not queue.
        self.check_queued: Callable[[Runnable, list[bytes]], None] | None = None
        #: Set on a node of a cluster: whether enough of a client is under way to other nodes.
        self.is_stopped: Callable[[Session], bool] = lambda session: False
        #: Sessions whose output of this tick must wait until the log is on disk.
        self.must_sync: set[Session] = set()

    def run_one(self, session: Session, arguments: list[bytes]) -> bool:
        """The plain path for one command; False, with nothing done, if it needs `run`.

        The same steps as in `run` without its set-up for many: clients without pipelining send
        one command a turn, and this is a tenth of their cost.
        """
        if not self._conditions.is_plain:
            return False
        runnable = session.table.get(arguments[0])
        if runnable is None or not runnable.least <= len(arguments) <= runnable.most:
            return False
        context = self._context
        context.session = session
        context.database = session.database
        try:
            reply = runnable.handler(context, arguments)
            if context.effects.pending:
                self._keyspace.apply()
        except Exception as failure:
            reply = self._failed(runnable, failure)
        if reply.__class__ is not bytes:
            reply = self._encode(session, reply)
        session.out.append(reply)
        session.command_count += 1
        session.last_command = runnable.name
        if not runnable.tick_calls:
            self.touched.append(runnable)
        runnable.tick_calls += 1
        return True

    def run(self, session: Session, commands: list[list[bytes]], at: int, end: int) -> int:
        """Execute commands[at:end] in order; the index of the first that was not executed.

        Stops early when the session closes, becomes busy, must wait, has made much output, or has
        enough under way to other nodes.
        Never raises for anything a client can send.
        """
        context = self._context
        context.session = session
        context.database = session.database
        keyspace = self._keyspace
        pending = context.effects.pending
        append = session.out.append
        touched = self.touched
        table = session.table if self._conditions.is_plain else _NO_TABLE
        runnable: Runnable | None = None
        big_bytes = 0
        while at < end:
            arguments = commands[at]
            runnable = table.get(arguments[0])
            if runnable is None:
                if not self._run_gated(session, arguments):
                    return at if session.is_waiting else at + 1
                at += 1
                table = session.table if self._conditions.is_plain else _NO_TABLE
                big_bytes += _big_bytes(session.out)
                if big_bytes > TURN_OUTPUT_BYTES_MAX or keyspace.long_bytes > TICK_BATCH_BYTES_MAX:
                    break
                continue
            at += 1
            if not runnable.least <= len(arguments) <= runnable.most:
                append(self._refuse(session, runnable, errors.wrong_arguments(runnable.name)))
                continue
            try:
                reply = runnable.handler(context, arguments)
                if pending:
                    keyspace.apply()
                    if keyspace.long_bytes > TICK_BATCH_BYTES_MAX:
                        end = at  # what is left waits for the next tick
            except Exception as failure:
                reply = self._failed(runnable, failure)
            if reply.__class__ is not bytes:
                reply = self._encode(session, reply)
                if self.is_stopped(session):
                    end = at  # this was the last one of the turn
            append(reply)
            if not runnable.tick_calls:
                touched.append(runnable)
            runnable.tick_calls += 1
            if len(reply) > _BIG_REPLY_BYTES:
                big_bytes += len(reply)
                if big_bytes > TURN_OUTPUT_BYTES_MAX:
                    break
        if runnable is not None:
            session.last_command = runnable.name
        return at

    def end_long(self, session: Session) -> None:
        """A session's long command has ended: its next commands may run."""
        session.is_busy = False
        self._conditions.change_state(session)

    def end_tick(self, duration_s: float) -> None:
        """Account the commands of the tick that ends now."""
        touched = self.touched
        if not touched:
            return
        calls = sum([runnable.tick_calls for runnable in touched])
        self.total_calls += calls
        share_s = duration_s / calls
        for runnable in touched:
            runnable.end_tick(duration_s, share_s)
        touched.clear()

    # --- the gated path ---

    def _run_gated(self, session: Session, arguments: list[bytes]) -> bool:
        """One command with all questions asked; whether the session's next may run now.

        Sets `session.is_waiting` when the command itself must be asked again later.
        """
        mode = session.reply_mode
        mark = len(session.out)
        try:
            outcome = self._answer(session, arguments)
        except MustWait:
            session.is_waiting = True
            return False
        self._context.database = session.database
        if mode is not ReplyMode.ON or session.reply_mode is not ReplyMode.ON:
            # CLIENT REPLY ON answers; OFF, SKIP and what follows SKIP do not.
            silent = session.reply_mode is not ReplyMode.ON
            if session.reply_mode is ReplyMode.SKIP_NEXT:
                session.reply_mode = ReplyMode.SKIP
            elif session.reply_mode is ReplyMode.SKIP:
                session.reply_mode = ReplyMode.ON
                self._conditions.change_state(session)
            if silent:
                del session.out[mark:]
                if not isinstance(outcome, (Slices, Later)):
                    return not (session.is_closing or self.is_stopped(session))
                session.is_muted = True
        if isinstance(outcome, (Slices, Later)):
            session.is_busy = True
            self._conditions.change_state(session)
            self._conditions.start_long(session, outcome)
            return False
        session.out.append(self._encode(session, outcome))
        return not (session.is_closing or self.is_stopped(session))

    def _answer(self, session: Session, arguments: list[bytes]) -> Outcome:
        """Look a command up, ask the gates, then queue or execute it."""
        given = arguments
        level, arguments = _split_level(given)
        try:
            runnable = self._find(arguments)
        except CommandError as failure:
            return self._refuse_unknown(session, arguments, failure.text)
        spec = runnable.spec
        session.last_command = runnable.name
        if not runnable.least <= len(arguments) <= runnable.most:
            return self._refuse(session, runnable, errors.wrong_arguments(runnable.name))
        if not session.is_authenticated and Flag.NO_AUTH not in spec.flags:
            return self._refuse(session, runnable, errors.NO_AUTH)
        would_write = runnable.is_write or (spec.name == "exec" and has_writes(session))
        if would_write and self._conditions.refusal is not None:
            text = errors.writes_refused(self._conditions.refusal)
            return self._refuse(session, runnable, text)
        if session.queue is not None and spec.name not in _NOT_QUEUED:
            if Flag.NO_MULTI in spec.flags:
                return self._refuse(session, runnable, errors.NOT_IN_MULTI)
            return self._queue(session, runnable, given, arguments)
        if self._conditions.must_pause(session, runnable, self._context.now_ms):
            raise MustWait
        if level:
            return self._at_level(session, runnable, arguments, level)
        return self.call(session, runnable, arguments)

    def _queue(
        self, session: Session, runnable: Runnable, given: list[bytes], arguments: list[bytes]
    ) -> Outcome:
        """Keep a command for EXEC."""
        if self.check_queued is not None:
            try:
                self.check_queued(runnable, arguments)
            except CommandError as failure:
                return self._refuse(session, runnable, failure.text)
        assert session.queue is not None, "queued outside of MULTI"
        session.queue.append((runnable.spec, given))
        return QUEUED

    def _at_level(
        self, session: Session, runnable: Runnable, arguments: list[bytes], level: str
    ) -> Outcome:
        """Execute one command at a consistency level of its own."""
        usual = session.consistency
        session.consistency = level
        try:
            return self.call(session, runnable, arguments)
        finally:
            session.consistency = usual

    def _find(self, arguments: list[bytes]) -> Runnable:
        """The command or sub-command that the arguments name. Raises CommandError."""
        table = self._context.commands
        spec = table.find(arguments[0])
        if spec is None:
            raise CommandError(errors.unknown_command(arguments[0], arguments[1:]))
        if spec.subcommands and len(arguments) > 1:
            child = table.find_subcommand(spec, arguments[1])
            if child is None:
                name = spec.name.upper()
                raise CommandError(errors.unknown_subcommand(name, arguments[1]))
            spec = child
        return self._runnables.of(spec)

    def call(self, session: Session, runnable: Runnable, arguments: list[bytes]) -> Outcome:
        """Execute one command that may run, with its own timing; apply its effects."""
        self._context.enter(session)
        started = time.perf_counter()
        try:
            outcome = runnable.handler(self._context, arguments)
            if self._context.effects.pending:
                self._keyspace.apply()
        except Exception as failure:
            outcome = self._failed(runnable, failure)
        if isinstance(outcome, Slices):
            level = session.consistency
            outcome.on_end = partial(self.account, session, runnable, arguments, level=level)
        else:
            self.account(session, runnable, arguments, time.perf_counter() - started)
        if self._conditions.monitors and not runnable.spec.flags & _NOT_MONITORED:
            self._feed_monitors(session, arguments)
        return outcome

    def account(
        self,
        session: Session,
        runnable: Runnable,
        arguments: list[bytes],
        took_s: float,
        *,
        level: str | None = None,
    ) -> None:
        """Count one execution and show it to SLOWLOG and LATENCY if it was slow.

        `level` is the consistency level it was asked at; by default the session's present one.
        """
        runnable.add(took_s)
        self.total_calls += 1
        session.last_command = runnable.name
        if level is None:
            level = session.consistency
        if level:
            runnable.calls_at_level[level] = runnable.calls_at_level.get(level, 0) + 1
        if (level or self._conditions.default_level) == "LINEARIZABLE":
            self.must_sync.add(session)
        usec = int(took_s * 1e6)
        now_s = self._context.now_ms // 1000
        is_slow = 0 <= self._slow_log.threshold_usec <= usec
        if is_slow and Flag.SKIP_SLOWLOG not in runnable.spec.flags:
            self._slow_log.add(now_s, usec, arguments, session.address, session.name)
        if 0 < self._latency.threshold_ms <= usec // 1000:
            event = "fast-command" if Flag.FAST in runnable.spec.flags else "command"
            self._latency.add(event, now_s, usec // 1000)

    def execute_queued(self, session: Session) -> bytes:
        """Run a transaction's queue; EXEC's array. Everything lands in one batch of the log."""
        queue = session.queue or []
        session.queue = None
        replies = self._run_queue(session, queue)
        return b"*%d\r\n%b" % (len(replies), b"".join(replies))

    def _run_queue(
        self, session: Session, queue: list[tuple[CommandSpec, list[bytes]]]
    ) -> list[bytes]:
        replies = []
        for spec, given in queue:
            runnable = self._runnables.of(spec)
            level, arguments = _split_level(given)
            if level:
                outcome = self._at_level(session, runnable, arguments, level)
            else:
                outcome = self.call(session, runnable, arguments)
            if isinstance(outcome, Slices):
                started = time.perf_counter()
                outcome = run_to_end(outcome)
                self.account(session, runnable, arguments, time.perf_counter() - started)
            assert not isinstance(outcome, Later), f"{spec.full_name} lacks NO_MULTI"
            replies.append(self._encode(session, outcome))
            if self._context.effects.pending:
                self._keyspace.apply()
        return replies

    def _feed_monitors(self, session: Session, arguments: list[bytes]) -> None:
        now_s = self._context.now_ms / 1000
        index = session.database.index
        line = format_monitor_line(now_s, index, session.address, arguments)
        for monitor in self._conditions.monitors:
            monitor.out.append(line)
            self._conditions.mark_dirty(monitor)

    # --- errors ---

    def _refuse(self, session: Session, runnable: Runnable | None, text: str) -> bytes:
        """An error before execution; inside MULTI it dooms the transaction."""
        if session.queue is not None:
            session.queue_error = True
        if runnable is not None:
            runnable.rejected += 1
            if runnable.name == "exec":
                self._context.enter(session)
                give_up(self._context)
                text = errors.exec_aborted(text)
        return self._error(text)

    def _refuse_unknown(self, session: Session, arguments: list[bytes], text: str) -> bytes:
        if arguments[0].lower() in _HTTP_WORDS:
            logger.warning("%s sent an HTTP request to the client port", session.address)
            self._conditions.close(session, "sent an HTTP request")
            return b""
        return self._refuse(session, None, text)

    def _failed(self, runnable: Runnable, failure: Exception) -> bytes:
        """The error reply of a handler that raised; its effects are dropped."""
        self._context.effects.pending.clear()
        runnable.errors += 1
        if isinstance(failure, CommandError):
            return self._error(failure.text)
        if isinstance(failure, StorageError):
            logger.error("%s: storage can't be read: %s", runnable.name, failure)
            self.read_failures += 1
            self.last_read_failure = str(failure)
            return self._error(f"ERR storage can't be read: {failure}")
        logger.error("%s: a fault in the server", runnable.name, exc_info=failure)
        kind = type(failure).__name__
        return self._error(f"ERR internal error ({kind}), the command changed nothing")

    def _error(self, text: str) -> bytes:
        code = text.split(" ", 1)[0]
        self.errors_by_code[code] = self.errors_by_code.get(code, 0) + 1
        return error(text)

    def _encode(self, session: Session, outcome: Outcome) -> bytes:
        assert not isinstance(outcome, (Slices, Later)), "long commands carry Flag.LONG"
        return session.encode(outcome)


def _big_bytes(out: list[bytes]) -> int:
    """Bytes of the last reply if they count towards a turn's limit."""
    last = len(out[-1]) if out else 0
    return last if last > _BIG_REPLY_BYTES else 0


def _split_level(arguments: list[bytes]) -> tuple[str, list[bytes]]:
    """(level, the command itself) of `CONSISTENCY level command ...`; else ("", arguments)."""
    if len(arguments) > 2 and arguments[0].lower() == b"consistency":
        level = parse_level(arguments[1])
        if level is not None:
            return level, arguments[2:]
    return "", arguments
