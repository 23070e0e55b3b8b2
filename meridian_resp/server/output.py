"""Sending: what the kernel takes at once, what waits, and when a client is too slow.

Order of a session's output: `unsent` (taken over by this module, partly sent), then `held`
(replies that wait for the log), then `out` (made in the tick that ends). Bytes move only forward.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from meridian_resp.config.redis_values import BufferLimit
from meridian_resp.protocol.long_replies import pieces_of
from meridian_resp.server.io import READABLE, WRITABLE, Io
from meridian_resp.server.session import Session

#: Unsent output, beyond the soft limit, at which no more commands are read from a client.
READING_STOPS_BYTES: Final = 1 << 20
#: Pieces up to this are joined before sending; larger ones go out by themselves.
_JOIN_BYTES_MAX: Final = 1 << 18
#: Handed to the kernel for one client at a time: copying megabytes into a socket's buffer would
#: hold up everybody else. The socket is reported writable again for the rest.
_SEND_BYTES_MAX: Final = 1 << 18


class Output:
    """Sends the sessions' output and enforces its limits."""

    def __init__(self, io: Io, close: Callable[[Session, str], None]) -> None:
        self._io = io
        self._close = close
        #: Set from the settings: `client-output-buffer-limit normal`.
        self.limit = BufferLimit(0, 0, 0)
        self.total_bytes = 0

    def end_tick(self, session: Session, wait_offset: int | None) -> None:
        """Send a session's output of this tick, or hold it until the log has reached an offset."""
        out = session.out
        if not out:
            if session.is_closing and not session.unsent and not session.held:
                self._close(session, session.close_reason)
            return
        if session.has_pieces:
            self._take_pieces(session, wait_offset)
            return
        data = out[0] if len(out) == 1 else b"".join(out)
        out.clear()
        if wait_offset is not None or session.held:
            session.held.append((wait_offset or 0, data))
            session.held_bytes += len(data)
            self._check_limits(session)
            return
        if session.unsent:
            session.unsent.append(data)
            session.unsent_bytes += len(data)
            self._check_limits(session)
            return
        try:
            if len(data) > _SEND_BYTES_MAX:
                sent = session.connection.send(memoryview(data)[:_SEND_BYTES_MAX])
            else:
                sent = session.connection.send(data)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self._close(session, f"write failed: {error.strerror}")
            return
        self.total_bytes += sent
        if sent < len(data):
            rest = data[sent:] if len(data) <= _JOIN_BYTES_MAX else memoryview(data)[sent:]
            session.unsent.append(rest)
            session.unsent_bytes = len(rest)
            self._check_limits(session)
            self.update_interest(session)
        elif session.is_closing:
            self._close(session, session.close_reason)

    def _take_pieces(self, session: Session, wait_offset: int | None) -> None:
        """End the tick of a session among whose replies are long ones, which are not joined."""
        pieces = list(pieces_of(session.out))
        size = sum(map(len, pieces))
        session.out.clear()
        session.has_pieces = False
        if wait_offset is not None or session.held:
            session.held.extend([(wait_offset or 0, piece) for piece in pieces])
            session.held_bytes += size
        else:
            session.unsent.extend(pieces)
            session.unsent_bytes += size
        self._check_limits(session)
        if session.unsent and not session.is_gone:
            self.send_unsent(session)

    def release(self, session: Session, synced_offset: int) -> None:
        """Send held replies whose log offset is durable now."""
        held = session.held
        while held and held[0][0] <= synced_offset:
            data = held.popleft()[1]
            session.held_bytes -= len(data)
            session.unsent.append(data)
            session.unsent_bytes += len(data)
        self.send_unsent(session)

    def send_unsent(self, session: Session) -> None:
        """Send what waits, as far as the kernel takes it and a client's turn allows."""
        unsent = session.unsent
        room = _SEND_BYTES_MAX
        while unsent and room > 0:
            data = unsent[0]
            try:
                sent = session.connection.send(memoryview(data)[:room])
            except BlockingIOError:
                break
            except OSError as error:
                self._close(session, f"write failed: {error.strerror}")
                return
            self.total_bytes += sent
            session.unsent_bytes -= sent
            room -= sent
            if sent == len(data):
                unsent.popleft()
            else:
                unsent[0] = memoryview(data)[sent:]
        if session.is_closing and not unsent and not session.held and not session.out:
            self._close(session, session.close_reason)
            return
        self.update_interest(session)

    def may_read(self, session: Session) -> bool:
        """Whether more commands may be read from a client, given what it has not taken yet."""
        waiting = session.unsent_bytes + session.held_bytes
        return waiting <= self.limit.soft_bytes + READING_STOPS_BYTES

    def close_slow(self, session: Session, now_s: float) -> None:
        """Close a client that has been above its soft limit for too long."""
        soft, seconds = self.limit.soft_bytes, self.limit.soft_seconds
        if not soft or session.pending_output_bytes <= soft:
            session.soft_limit_since_s = 0.0
        elif not session.soft_limit_since_s:
            session.soft_limit_since_s = now_s
        elif now_s - session.soft_limit_since_s >= seconds:
            self._close(session, f"output above the soft limit of {soft} bytes for {seconds} s")

    def _check_limits(self, session: Session) -> None:
        hard = self.limit.hard_bytes
        if hard and session.pending_output_bytes > hard:
            self._close(session, f"output above the hard limit of {hard} bytes")

    def update_interest(self, session: Session) -> None:
        """Ask for the events of the session's socket that it needs now."""
        wants_write = bool(session.unsent)
        is_held = session.backlog or session.is_closing or session.is_parked
        wants_read = not is_held and self.may_read(session)
        if wants_write == session.is_writing and wants_read == session.is_reading:
            return
        session.is_writing, session.is_reading = wants_write, wants_read
        if session.fd >= 0:
            events = (READABLE if wants_read else 0) | (WRITABLE if wants_write else 0)
            self._io.modify(session.fd, events)
