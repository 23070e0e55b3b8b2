"""The reactor: the one task that owns all client sockets.

A tick takes what is ready: one read of each socket; then, client by client, a feed to the parser
and the complete commands through dispatch. At the end of the tick the log is written once for all
of them and each client's replies leave in one send. So the cost of a system call is shared by all
commands of a tick, and commands are atomic because nothing here awaits; the only await is at the
top of the loop.

Bounds: a client's turn is one read of `turn-bytes-max` and `turn-commands-max` commands; what is
left of its commands waits in the run queue (epoll will not report it again), and nothing more is
read from it meanwhile. A tick ends after about `tick-time-max-us`; the next one begins with what
was received and it did not get to, before epoll is asked for more. Long commands run in slices
between turns. While flushes are behind, sessions that write much are parked (`parking.py`).
Sockets are closed only at the end of a tick: their number might be given to a new connection.

If the log can't be written, the tick is undone in the keyspace and every reply of the tick
becomes an error: nothing that was answered may depend on something that is not logged.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable

import trio

from meridian_resp.config.settings import Settings
from meridian_resp.errors import writes_refused
from meridian_resp.protocol.replies import error
from meridian_resp.protocol.requests import ProtocolError
from meridian_resp.server.beats import Beats
from meridian_resp.server.dispatch import Dispatcher
from meridian_resp.server.execution import Execution
from meridian_resp.server.io import EVENTS_MAX, HANGUP, WRITABLE, WRITING_EVENTS_MAX, Io
from meridian_resp.server.listeners import Listeners
from meridian_resp.server.output import Output
from meridian_resp.server.parking import Parking
from meridian_resp.server.session import SMALL_READ_BYTES, Session
from meridian_resp.server.sessions import Sessions
from storage import StorageError
from storage.engine import Engine

logger = logging.getLogger(__name__)

#: Ticks in a row that may be run without letting other Trio tasks run, in seconds.
_YIELD_AFTER_S = 0.002
#: Commands of a turn between two looks at the clock: five hundred new keys take 5 ms.
_COMMANDS_PER_LOOK = 64
#: Input of one turn above which a session counts as one that writes much, in bytes.
_HEAVY_BYTES = 4096
#: Pauses longer than this stop everybody: flushes are at their bound.
_PAUSE_ALL_S = 0.02


class Reactor:
    """Reads, executes, logs and sends, tick by tick."""

    def __init__(
        self,
        io: Io,
        engine: Engine,
        context: Execution,
        dispatcher: Dispatcher,
        sessions: Sessions,
        settings: Settings,
    ) -> None:
        self._io = io
        self._engine = engine
        self._context = context
        self._keyspace = context.keyspace
        self._dispatcher = dispatcher
        self._sessions = sessions
        self._settings = settings
        self.output = Output(io, self.close_later)
        self.listeners = Listeners(io, sessions)
        #: Those who write much while flushes are behind.
        self._parking = Parking(
            lambda session: self.output.update_interest(session), self.queue_to_run
        )
        self._run_queue: deque[Session] = deque()
        self._dirty: list[Session] = []
        self._closing: list[Session] = []
        #: Sessions with replies that wait for the log, in order of their offsets.
        self._holding: dict[Session, None] = {}
        #: Long commands in slices: each is called once a tick until it returns False.
        self.slices: deque[Callable[[], bool]] = deque()
        #: What was received and the last tick did not get to; it comes before anything new.
        self._unserved: list[tuple[Session, bytes]] = []
        #: How many ready sockets the next tick asks for.
        self._events_max = EVENTS_MAX
        self._tick_started = 0.0
        #: Set by the node: one fsync is wanted (LINEARIZABLE).
        self.request_sync: Callable[[], None] = lambda: None
        self.waits_for_sync = False
        #: Regular work, done between two turns; set by the node.
        self.beats: Beats | None = None
        self.ticks = 0
        self.input_bytes = 0

    # --- the loop ---

    async def run(self) -> None:
        """Serve until cancelled; a cancellation arrives only between two ticks."""
        io = self._io
        monotonic = io.monotonic
        parking = self._parking
        is_busy = False
        while True:
            if is_busy or self._run_queue or self.slices or self._unserved:
                # To wait for sockets that are ready takes 20 us and two rounds of Trio's loop.
                is_busy = False
                await trio.lowlevel.checkpoint()
            elif parking.waiting:
                with trio.move_on_after(parking.wait_s(monotonic())):
                    await io.wait()
            else:
                await io.wait()
            until = monotonic() + _YIELD_AFTER_S
            while True:
                events = self.take_ready()
                is_due = parking.waiting and not parking.wait_s(monotonic())
                if not (events or self._unserved or self._run_queue or self.slices or is_due):
                    break
                self.tick(events)
                if parking.pressure_s > _PAUSE_ALL_S:
                    await trio.sleep(parking.pressure_s)
                    break
                now_s = monotonic()
                if now_s > until:
                    is_busy = True
                    if self.beats is not None and now_s >= self.beats.due_s:
                        self.beats.beat(now_s)
                    break

    def take_ready(self) -> list[tuple[int, int]]:
        """Who is ready, unless the last tick left over what others have sent."""
        return [] if self._unserved else self._io.poll(self._events_max)

    def begin_tick(self) -> None:
        """Take the time that everything in the tick sees."""
        self._tick_started = self._io.monotonic()
        self._context.begin_tick(self._io.wall_ms())

    def tick(self, events: list[tuple[int, int]]) -> None:
        """One tick: turns of waiting and ready sessions, then the end of the tick."""
        monotonic = self._io.monotonic
        started = self._tick_started = monotonic()
        length_s = self._settings.tick_time_max_us / 1e6
        deadline = started + length_s
        self._context.begin_tick(self._io.wall_ms())
        self._keyspace.may_log = self._engine.refusal is None
        self.ticks += 1
        parking = self._parking
        parking.pressure_s = self._engine.delay_s()
        if parking.waiting:
            parking.release(started)
        for _ in range(len(self._run_queue)):
            session = self._run_queue.popleft()
            session.is_queued_to_run = False
            self._turn(session)
            if monotonic() > deadline:
                # Whoever has left-over commands takes no more than half of the time.
                deadline = monotonic() + length_s
                break
        received = iter(self._unserved or self._receive(events))
        self._unserved = []
        for session, data in received:
            self._take(session, data)
            if monotonic() > deadline:
                self._unserved = list(received)
                break
        for _ in range(len(self.slices)):
            step = self.slices.popleft()
            if step():
                self.slices.append(step)
            if monotonic() > deadline:
                break
        self.end_tick()

    def _serve_other(self, number: int, event: int) -> None:
        """A socket is ready that is no client's: a listener's, or one that is closed by now."""
        self.listeners.accept(number, self._tick_started)

    def _receive(self, events: list[tuple[int, int]]) -> list[tuple[Session, bytes]]:
        """What those who are ready have sent, one read of each."""
        received = []
        by_number = self._sessions.by_number
        for number, event in events:
            session = by_number.get(number)
            if session is None:
                self._serve_other(number, event)
                continue
            if event & WRITABLE:
                self.output.send_unsent(session)
                self.queue_to_run(session)
                if event == WRITABLE:
                    continue
            if session.backlog or session.is_closing or not (session.is_reading or event & HANGUP):
                if event & HANGUP:
                    self.close_later(session, "client closed connection")
                continue
            try:
                data = session.connection.recv(session.read_bytes)
            except BlockingIOError:
                continue
            except OSError as failure:
                self.close_later(session, f"read failed: {failure.strerror}")
                continue
            if len(data) == session.read_bytes:
                data = self._read_on(session, data)
            elif len(data) < SMALL_READ_BYTES:
                session.read_bytes = SMALL_READ_BYTES
            received.append((session, data))
        return received

    def _take(self, session: Session, data: bytes) -> None:
        """Take what a session has sent: as many of its commands as one turn allows."""
        if session.is_closing:
            return
        if not data:
            if not session.backlog:  # or it is reported again, once that is done
                self._end_of_stream(session)
            return
        self.input_bytes += len(data)
        if self._parking.pressure_s and len(data) > _HEAVY_BYTES:
            self._parking.park(session)
        parser = session.parser
        try:
            commands = parser.feed(data)
        except ProtocolError as failure:
            self._refuse_input(session, failure)
            return
        is_one = len(commands) == 1 and not session.backlog
        if is_one and self._dispatcher.run_one(session, commands[0]):
            session.last_active_s = self._tick_started
            if not session.is_dirty:
                session.is_dirty = True
                self._dirty.append(session)
            return
        if not commands:
            limit = self._settings.client_query_buffer_limit_bytes
            if parser.buffered > limit:
                self.close_later(session, f"query buffer above its limit of {limit} bytes")
            return
        self._execute(session, commands, 0)

    def _read_on(self, session: Session, data: bytes) -> bytes:
        """Add to a read that was full what else a turn may take; the next is as long at once."""
        session.read_bytes = most = self._settings.turn_bytes_max
        if len(data) >= most:
            return data
        try:
            return data + session.connection.recv(most - len(data))
        except OSError:
            return data  # nothing more, or a failure, which will be reported again

    def _end_of_stream(self, session: Session) -> None:
        """The client sends no more; replies that only wait for the log still reach it."""
        if session.held:
            self.close_after_output(session, "client closed connection")
            self.output.update_interest(session)
        else:
            self.close_later(session, "client closed connection")

    def _refuse_input(self, session: Session, failure: ProtocolError) -> None:
        """Answer what came before a protocol error, then the error, then close."""
        session.input_failure = failure
        if failure.commands:
            self._execute(session, failure.commands, 0)
        self._end_input(session)

    def _end_input(self, session: Session) -> None:
        """Once all before it is executed: what the parser holds back, or its error."""
        if session.backlog or session.is_held_up or session.is_closing:
            return
        failure = session.input_failure
        if failure is not None:
            session.out.append(failure.reply)
            self.close_after_output(session, failure.text)
        elif session.parser.stalled:
            try:
                more = session.parser.feed(b"")
            except ProtocolError as refusal:
                self._refuse_input(session, refusal)
                return
            if more:
                self._execute(session, more, 0)

    def _turn(self, session: Session) -> None:
        """Go on with commands that an earlier turn left over."""
        if session.is_busy or session.is_closing or not session.backlog:
            return
        if not self.output.may_read(session):
            return  # queued again when the client has taken what it has, or the log is synced
        backlog, at = session.take_backlog()
        session.is_waiting = False
        self._execute(session, backlog, at)
        self._end_input(session)

    def _execute(self, session: Session, commands: list[list[bytes]], at: int) -> None:
        """Execute commands from `at` on, within a turn; keep the rest for later turns."""
        session.last_active_s = self._tick_started
        count = len(commands)
        if session.is_busy or session.backlog:
            session.backlog.extend(commands[at:])
            self.output.update_interest(session)
            return
        end = min(count, at + self._settings.turn_commands_max)
        part = min(end, at + _COMMANDS_PER_LOOK)
        done = self._dispatcher.run(session, commands, at, part)
        while done == part < end and not (session.must_stop or self.is_late()):
            part = min(end, done + _COMMANDS_PER_LOOK)
            done = self._dispatcher.run(session, commands, done, part)
        session.command_count += done - at
        if session.out and not session.is_dirty:
            session.is_dirty = True
            self._dirty.append(session)
        if done < count and not session.is_closing:
            session.backlog, session.backlog_at = commands, done
            if self._parking.pressure_s:
                self._parking.park(session)
            elif not session.is_held_up:
                self.queue_to_run(session)
            self.output.update_interest(session)
            return
        if not session.is_reading:
            self.output.update_interest(session)
        if session.parser.buffered:
            self._end_input(session)

    def is_late(self) -> bool:
        """Whether the tick has taken the time that a tick may take."""
        return self._io.monotonic() - self._tick_started > self._settings.tick_time_max_us / 1e6

    def queue_to_run(self, session: Session) -> None:
        """Give a session with left-over commands a turn in the next tick."""
        if session.backlog and not session.is_queued_to_run and not session.is_parked:
            session.is_queued_to_run = True
            self._run_queue.append(session)
            self._io.wake()

    def resume(self, session: Session) -> None:
        """A session's long command has ended: go on with its commands, or read on."""
        self._dispatcher.end_long(session)
        if session.backlog:
            self.queue_to_run(session)
        else:
            self._end_input(session)
            self.output.update_interest(session)

    # --- the end of a tick ---

    def mark_dirty(self, session: Session) -> None:
        """Note that a session has output for the end of the tick."""
        if not session.is_dirty:
            session.is_dirty = True
            self._dirty.append(session)

    def end_tick(self) -> None:
        """Log what the tick changed, send what it answered, close what it ended.

        May be called by any task between ticks, after `begin_tick` and its own changes.
        """
        wait_offset = self._commit()
        dispatcher = self._dispatcher
        must_sync = dispatcher.must_sync
        if self._dirty:
            dirty, self._dirty = self._dirty, []
            send = self.output.end_tick
            for session in dirty:
                session.is_dirty = False
                if must_sync and session in must_sync:
                    send(session, self._engine.appended_offset)
                else:
                    send(session, wait_offset)
                if session.held:
                    self._holding[session] = None
                    self.output.update_interest(session)
                elif session.unsent:
                    self.output.update_interest(session)
        if must_sync:
            must_sync.clear()
            self.request_sync()
        if dispatcher.touched:
            dispatcher.end_tick(self._io.monotonic() - self._tick_started)
        if self._closing:
            self._close_now()
        self._keyspace.trim()

    def _commit(self) -> int | None:
        """Write the log; the offset that replies must wait for, or None if they need not."""
        try:
            has_written = self._keyspace.commit() is not None
        except StorageError as failure:
            self._fail_tick(failure)
            return None
        self._events_max = WRITING_EVENTS_MAX if has_written else EVENTS_MAX
        if self.waits_for_sync:
            appended = self._engine.appended_offset
            if appended > self._engine.synced_offset:
                return appended
        return None

    def _fail_tick(self, failure: StorageError) -> None:
        """Turn every reply of the tick into an error; the keyspace has undone it already."""
        logger.error("The log could not be written, the tick is undone: %s", failure)
        refusal = error(writes_refused(str(failure)))
        for session in self._dirty:
            session.out[:] = [refusal] * len(session.out)
            session.has_pieces = False
            if session.queue is not None:
                # Whoever is told that MULTI or a queued command failed does not expect QUEUED.
                self.close_after_output(session, "its transaction met a log that failed")

    def on_synced(self) -> None:
        """The log is durable up to a new offset: send what waited for it."""
        synced = self._engine.synced_offset
        for session in list(self._holding):
            self.output.release(session, synced)
            if not session.held:
                del self._holding[session]
                self.queue_to_run(session)
        if self._closing:
            self._close_now()

    # --- closing ---

    def close_later(self, session: Session, reason: str) -> None:
        """Close a session at the end of the tick; its unsent output is lost."""
        if not session.is_gone:
            session.is_gone = True
            session.is_closing = True
            session.close_reason = reason
            self._closing.append(session)

    def close_after_output(self, session: Session, reason: str) -> None:
        """Close a session once its output is sent; no further command of it is executed."""
        session.is_closing = True
        session.close_reason = reason
        self.mark_dirty(session)

    def _close_now(self) -> None:
        closing, self._closing = self._closing, []
        for session in closing:
            logger.debug("Client %s closed: %s", session.address, session.close_reason)
            self._holding.pop(session, None)
            self._io.unregister(session.fd)
            self._sessions.remove(session)
            session.connection.close()

    async def drain(self) -> None:
        """Execute nothing more; return when every client has taken its output and is closed.

        After `run` was cancelled. A cancellation leaves the clients that are left to `close_all`.
        Raises StorageError if replies wait for a log that can't be synced.
        """
        self.begin_tick()
        for session in self._sessions.all():
            self.close_after_output(session, "server is stopping")
        self.end_tick()
        if self._holding:
            await self._engine.sync()
            self.on_synced()
        by_number = self._sessions.by_number
        while by_number:
            await self._io.wait()
            self.begin_tick()
            for number, event in self._io.poll():
                ready = by_number.get(number)
                if ready is None:
                    self._serve_other(number, event)
                elif event & HANGUP:
                    self.close_later(ready, "client closed connection")
                else:
                    self.output.send_unsent(ready)
            self.end_tick()

    def close_all(self) -> None:
        """Close every session at once; what the kernel takes of its output is sent first."""
        for session in list(self._sessions.all()):
            self.output.send_unsent(session)
            self.close_later(session, "server is stopping")
        self._close_now()
