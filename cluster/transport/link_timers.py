"""What is due on links, and when it is looked at next.

One time for all links: a lower bound of what any of them waits for. Sending and receiving only
move a link's own times later, so they need not touch it; a look that finds nothing to do sets the
next bound. Looks are at least `check_interval_s` apart, which bounds their cost whatever peers do.

A look that comes much later than it was due means that this process stood still. What peers sent
meanwhile lies unread in the kernel, so their silence counts from now on.
"""

from __future__ import annotations

import enum

from cluster.transport.link import Link, LinkState
from cluster.transport.options import TransportOptions


class Duty(enum.Enum):
    """What is to be done about a link."""

    NONE = 0
    NAME = 1
    GIVE_UP = 2
    KEEP_ALIVE = 3
    END_SILENT = 4
    END_IDLE = 5


class LinkTimers:
    """The bound, and the judgement about single links.

    Attributes:
        due: when the next look is wanted; None while nothing is waited for.
    """

    def __init__(self, options: TransportOptions) -> None:
        self._options = options
        self._floor = float("-inf")
        self._stood_still = False
        self.due: float | None = None

    def wake_at(self, when: float) -> bool:
        """Wish for a look at this time; return whether `due` has become earlier."""
        when = max(when, self._floor)
        if self.due is not None and self.due <= when:
            return False
        self.due = when
        return True

    def begin(self, now: float) -> None:
        """Begin a look that was due: each link is judged next, and wishes for the next one."""
        assert self.due is not None, "a look that nobody wished for"
        self._stood_still = now - self.due > self._options.pause_s
        self._floor = now + self._options.check_interval_s
        self.due = None

    def judge(self, link: Link, now: float) -> Duty:
        """Return what is to be done about a link now, and wish for the next look at it."""
        state = link.state
        if state is LinkState.CLOSING:
            return Duty.NONE
        if state is LinkState.UP:
            return self._judge_up(link, now)
        if now >= link.expires_at:
            if self._stood_still and state is LinkState.GREETING:
                link.expires_at = now + self._options.handshake_timeout_s
            else:
                return Duty.GIVE_UP
        self.wake_at(link.expires_at)
        return Duty.NAME if state is LinkState.NAMING else Duty.NONE

    def _judge_up(self, link: Link, now: float) -> Duty:
        options = self._options
        if link.is_used:
            link.is_used = False
            link.used_at = now
        if self._stood_still:
            link.heard_at = now
        silent_at = link.heard_at + options.silence_s
        idle_at = link.used_at + options.idle_s
        if now >= silent_at:
            return Duty.END_SILENT
        if link.is_outgoing and now >= idle_at:
            return Duty.END_IDLE
        keepalive_at = link.sent_at + options.keepalive_s
        is_quiet = now >= keepalive_at and not link.queued_bytes
        if now >= keepalive_at:
            keepalive_at = now + options.keepalive_s
        self.wake_at(min(silent_at, keepalive_at))
        if link.is_outgoing:
            self.wake_at(idle_at)
        return Duty.KEEP_ALIVE if is_quiet else Duty.NONE
