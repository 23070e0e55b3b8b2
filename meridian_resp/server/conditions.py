"""What is out of the ordinary on this node: pauses, monitors, refused writes, long commands.

`is_plain` is the one flag that the plain path of dispatch reads; it is derived here whenever a
condition changes. A session's own state is summed up in `session.table`, likewise derived here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from meridian_resp.commands.outcomes import Later, Slices
from meridian_resp.commands.registry import Flag
from meridian_resp.protocol.reply_mode import ReplyMode
from meridian_resp.server.runnable import Runnable
from meridian_resp.server.session import Session

_NO_TABLE: Final[dict[bytes, Runnable]] = {}
#: SLOWLOG thresholds below this need every command timed by itself, in microseconds.
_FINE_THRESHOLD_USEC: Final = 2000

#: Commands that CLIENT PAUSE lets through, besides those of the pausing kind.
_NOT_PAUSED: Final = frozenset({"client", "auth", "hello", "quit", "reset", "ping"})


def has_writes(session: Session) -> bool:
    """Whether a session's transaction has queued a write."""
    return any(Flag.WRITE in spec.flags for spec, _ in session.queue or ())


class Conditions:
    """Node-wide conditions and what follows from them for dispatch."""

    def __init__(self, plain: dict[bytes, Runnable]) -> None:
        self._plain = plain
        self.is_plain = True
        #: Why writes are refused now, or None.
        self.refusal: str | None = None
        self.monitors: list[Session] = []
        #: Level of requests that name none.
        self.default_level = ""
        #: Set by the reactor: a session has output, or a long command begins.
        self.mark_dirty: Callable[[Session], None] = lambda session: None
        self.start_long: Callable[[Session, Slices | Later], None] = lambda session, work: None
        #: Set by the reactor: close a session at the end of the tick.
        self.close: Callable[[Session, str], None] = lambda session, reason: None
        #: Set by the node: told whenever a pause begins or ends.
        self.on_pause: Callable[[bool], None] = lambda is_paused: None
        self._pause_until_ms = 0
        self._pause_writes_only = False
        self._is_timing_all = False

    def change_state(self, session: Session) -> None:
        """Derive a session's table after its state changed."""
        is_plain = (
            session.is_authenticated
            and session.queue is None
            and session.reply_mode is ReplyMode.ON
            and not session.consistency
            and not session.is_monitor
            and not session.is_busy
        )
        session.table = self._plain if is_plain else _NO_TABLE

    def set_refusal(self, reason: str | None) -> None:
        """Refuse writes for this reason, or accept them again (None)."""
        self.refusal = reason
        self._derive()

    def set_default_level(self, level: str) -> None:
        """Serve requests that name no consistency level at this one."""
        self.default_level = level
        self._derive()

    def set_slow_threshold(self, usec: int, latency_ms: int) -> None:
        """Time each command by itself if SLOWLOG or LATENCY ask for it."""
        fine_slow_log = 0 <= usec < _FINE_THRESHOLD_USEC
        self._is_timing_all = fine_slow_log or 0 < latency_ms < _FINE_THRESHOLD_USEC // 1000
        self._derive()

    def add_monitor(self, session: Session) -> None:
        """Start to show all commands to a session."""
        if not session.is_monitor:
            session.is_monitor = True
            self.monitors.append(session)
            self.change_state(session)
            self._derive()

    def remove_monitor(self, session: Session) -> None:
        """Stop showing commands to a session."""
        if session.is_monitor:
            session.is_monitor = False
            self.monitors.remove(session)
            self.change_state(session)
            self._derive()

    def pause(self, until_ms: int, *, writes_only: bool) -> None:
        """Delay commands until then; a pause in force is never shortened or weakened."""
        if self._pause_until_ms:
            writes_only = writes_only and self._pause_writes_only
            until_ms = max(until_ms, self._pause_until_ms)
        self._pause_until_ms = until_ms
        self._pause_writes_only = writes_only
        self.on_pause(True)
        self._derive()

    def unpause(self) -> None:
        """End the pause; the caller lets waiting sessions run again."""
        self._pause_until_ms = 0
        self.on_pause(False)
        self._derive()

    def end_pause_if_over(self, now_ms: int) -> bool:
        """End the pause if its time is over; whether it did."""
        if self._pause_until_ms and self._pause_until_ms <= now_ms:
            self.unpause()
            return True
        return False

    def must_pause(self, session: Session, runnable: Runnable, now_ms: int) -> bool:
        """Whether a command has to wait for the end of a pause."""
        if self._pause_until_ms <= now_ms:
            return False
        if (runnable.spec.container or runnable.name) in _NOT_PAUSED:
            return False
        if not self._pause_writes_only:
            return True
        if runnable.name == "exec":
            return has_writes(session)
        return runnable.is_write

    def _derive(self) -> None:
        self.is_plain = not (
            self.refusal is not None
            or self.monitors
            or self._pause_until_ms
            or self._is_timing_all
            or self.default_level == "LINEARIZABLE"  # replies wait for the log
        )
