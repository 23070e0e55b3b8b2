"""What a client may send at most, and the error for what it may not.

The numbers and the texts are those of Redis 7.0 (`server.h`, `networking.c`), because client
libraries and people look for exactly these words.
"""

from __future__ import annotations

from typing import Final

import attrs
from attrs.validators import ge

INT_MAX: Final = 2_147_483_647
BULK_BYTES_MAX_MIN: Final = 2048
ARGUMENTS_MAX_MIN: Final = 10_000
LINE_BYTES_MAX_MIN: Final = 16


@attrs.define(slots=True, eq=False, kw_only=True)
class RequestLimits:
    """Bounds of one request; one object is shared by all sessions and may change at run time.

    Attributes:
        bulk_bytes_max: longest argument, the option `proto-max-bulk-len`.
        arguments_max: most arguments of one command.
        line_bytes_max: longest inline command, and longest line that carries a length.
        unauthenticated_arguments_max: most arguments before the client has authenticated.
        unauthenticated_bulk_bytes_max: longest argument before the client has authenticated.

    The least values are what lets the fast parser take small requests without asking.

    Raises:
        ValueError: a bound is below its least value, at the start or when changed.
    """

    bulk_bytes_max: int = attrs.field(default=512 * 1024 * 1024, validator=ge(BULK_BYTES_MAX_MIN))
    arguments_max: int = attrs.field(default=INT_MAX, validator=ge(ARGUMENTS_MAX_MIN))
    line_bytes_max: int = attrs.field(default=64 * 1024, validator=ge(LINE_BYTES_MAX_MIN))
    unauthenticated_arguments_max: int = 10
    unauthenticated_bulk_bytes_max: int = 16 * 1024


class ProtocolError(Exception):
    """A client sent bytes that are no request; its connection ends after the error reply.

    Attributes:
        text: what Redis says, for example `Protocol error: invalid bulk length`. Redis quotes
            the offending byte as it came: bytes that are no UTF-8 are surrogate escapes.
        commands: the commands that were complete before the error, in order; they are executed
            and answered before the error is.
    """

    def __init__(self, reason: str, commands: list[list[bytes]]) -> None:
        self.text = f"Protocol error: {reason}"
        self.commands = commands
        super().__init__(self.text)

    @property
    def reply(self) -> bytes:
        """The error as it goes to the client, in both protocol versions."""
        return b"-ERR " + self.text.encode("utf-8", "surrogateescape") + b"\r\n"
