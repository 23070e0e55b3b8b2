"""MONITOR, and the line by which it shows a command."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from meridian_resp.commands.redaction import redacted
from meridian_resp.commands.registry import Flag, Group, command
from meridian_resp.errors import CommandError
from meridian_resp.protocol.replies import OK, Reply

if TYPE_CHECKING:
    from meridian_resp.commands.context import Context

_SPECIAL = re.compile(rb'[^ -~]|["\\]')
_NAMED = {
    b"\\": b"\\\\", b'"': b'\\"', b"\n": b"\\n", b"\r": b"\\r", b"\t": b"\\t", b"\a": b"\\a",
    b"\b": b"\\b",
}  # fmt: skip


def _escape(match: re.Match[bytes]) -> bytes:
    byte = match.group()
    return _NAMED.get(byte) or b"\\x%02x" % byte[0]


def quote(argument: bytes) -> bytes:
    """An argument between quotes, printable, as redis-cli reads it back."""
    return b'"%b"' % _SPECIAL.sub(_escape, argument)


def format_monitor_line(
    now_s: float, database_index: int, address: str, arguments: list[bytes]
) -> bytes:
    """A command as MONITOR shows it, on wire form.

    `+1339518083.107412 [0 127.0.0.1:60866] "keys" "*"`: Unix seconds with microseconds, database
    and client address, then every argument quoted. Secrets are not shown.
    """
    who = f"+{now_s:.6f} [{database_index} {address}]".encode("utf-8", "surrogateescape")
    words = b" ".join([quote(argument) for argument in redacted(arguments)])
    return b"%b %b\r\n" % (who, words)


@command(
    "MONITOR", arity=1, flags=Flag.ADMIN | Flag.NOSCRIPT | Flag.LOADING | Flag.STALE,
    group=Group.SERVER, since="1.0.0", summary="Shows every command that the server executes.",
    complexity="",
)  # fmt: skip
def monitor(context: Context, arguments: list[bytes]) -> Reply:
    """MONITOR: from now on, every command of every client."""
    if context.server.is_in_transaction:
        raise CommandError("ERR MONITOR isn't allowed for DENY BLOCKING client")
    if context.session.is_monitor:
        return b""  # not answered again, as in Redis
    context.server.add_monitor(context.session)
    return OK
