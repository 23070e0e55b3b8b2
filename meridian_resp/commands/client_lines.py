"""The line that CLIENT LIST, CLIENT INFO and logs print of a client.

Fields and their order are those of Redis 7.0, followed by the two of 7.2 that name the client
library. There is no fixed reply buffer and no spare room in the query buffer here, so `rbs`,
`rbp`, `obl` and `qbuf-free` are always 0; memory figures are the bytes of arguments and replies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from meridian_resp.server.session import Session

#: What a connection costs besides its buffers, estimated: session, parser and socket objects.
SESSION_BYTES = 4096


def client_line(session: Session, now_s: float, *, running: str = "") -> str:
    """All properties of a client on one line, without a line break.

    `now_s` is read from the clock of the session's own times. `running` is the command that the
    client executes right now, if it asks about itself.
    """
    queue = session.queue
    queued_bytes = sum(len(part) for _, parts in queue or () for part in parts)
    waiting = session.backlog[session.backlog_at :]
    waiting_bytes = sum(len(part) for parts in waiting for part in parts)
    input_bytes = session.parser.buffered
    output_bytes = session.pending_output_bytes
    fields = (
        ("id", session.identifier),
        ("addr", session.address),
        ("laddr", session.local_address),
        ("fd", session.fd),
        ("name", session.name.decode("utf-8", "surrogateescape")),
        ("age", max(int(now_s - session.created_at_s), 0)),
        ("idle", max(int(now_s - session.last_active_s), 0)),
        ("flags", client_flags(session, is_asking=bool(running))),
        ("db", session.database.index),
        ("sub", 0),
        ("psub", 0),
        ("ssub", 0),
        ("multi", -1 if queue is None else len(queue)),
        ("qbuf", input_bytes),
        ("qbuf-free", 0),
        ("argv-mem", waiting_bytes),
        ("multi-mem", queued_bytes),
        ("rbs", 0),
        ("rbp", 0),
        ("obl", 0),
        ("oll", len(session.unsent) + len(session.held)),
        ("omem", output_bytes),
        ("tot-mem", SESSION_BYTES + input_bytes + waiting_bytes + queued_bytes + output_bytes),
        ("events", "rw" if session.is_writing else "r"),
        ("cmd", running or session.last_command or "NULL"),
        ("user", session.user),
        ("redir", -1),
        ("resp", session.protocol),
        ("lib-name", session.library_name.decode("utf-8", "surrogateescape")),
        ("lib-ver", session.library_version.decode("utf-8", "surrogateescape")),
    )
    return " ".join([f"{name}={value}" for name, value in fields])


def client_flags(session: Session, *, is_asking: bool = False) -> str:
    """The letters of CLIENT LIST's `flags`; N when there is nothing to say.

    The client that asks is not called blocked, even when its answer takes several ticks.
    """
    letters = (
        ("O", session.is_monitor),
        ("x", session.queue is not None),
        ("b", session.is_busy and not is_asking),
        ("d", session.watch_dirty),
        ("c", session.is_closing),
        ("U", session.is_unix),
        ("e", session.is_no_evict),
    )
    return "".join([letter for letter, is_set in letters if is_set]) or "N"
