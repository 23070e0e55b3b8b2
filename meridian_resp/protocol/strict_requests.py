"""The careful request parser: pure Python, incremental, byte for byte what Redis accepts.

It reads what the fast parser of `requests` will not vouch for: inline commands, commands cut by
a chunk's end, values larger than a chunk, unauthenticated clients, and everything hostile. It is
also the oracle that the fast parser is tested against.

The rules are those of `processMultibulkBuffer` and `processInlineBuffer` in `networking.c` of
Redis 7.0, with one difference: Redis looks at a length limit when a read happens to end, so that
the same bytes may pass or fail by how the network cut them. Here the verdict depends on the bytes
alone: a line is too big when its first 64 KB and one byte hold no line end.

Oddities kept: a line ends at the first CR and the byte after it is skipped unseen, as are the two
bytes after an argument; a NUL hides the rest of a line (Redis uses `strchr`), so that such a
command never ends and runs into the limit.

Cost: about 1 us per command plus 0.4 us per argument. A value is kept as the chunks it came in
and joined once; nothing is reserved for a length that was only announced.
"""

from __future__ import annotations

import re
from typing import Final, NoReturn

from meridian_resp.protocol.inline import split_inline
from meridian_resp.protocol.request_limits import ProtocolError, RequestLimits

_STAR: Final = ord("*")
_DOLLAR: Final = ord("$")
_INTEGER: Final = re.compile(rb"0|-?[1-9][0-9]{0,18}")
_SMALL_INTEGERS: Final = {b"%d" % value: value for value in range(1024)}
_INT64_MAX: Final = 2**63 - 1
# Chunks smaller than this are put together at once: a 2-byte chunk kept alone costs 40 bytes.
_PIECE_BYTES_MIN: Final = 16 * 1024


def parse_length(text: bytes) -> int | None:
    """The number Redis' `string2ll` reads: no sign but minus, no leading zero, 64 bits."""
    value = _SMALL_INTEGERS.get(text)
    if value is None and _INTEGER.fullmatch(text) is not None:
        value = int(text)
        if not -_INT64_MAX - 1 <= value <= _INT64_MAX:
            return None
    return value


class StrictRequestParser:
    """Turns the bytes of one client into commands.

    Attributes:
        limits: shared bounds, read anew for each command.
        authenticated: whether the wider limits hold; may change between two calls.
        stalled: bytes are held that exceed an unauthenticated limit but follow commands that
            were just returned. One of those may be AUTH, so the verdict waits: the caller
            executes them and calls `feed(b"")`.
        buffered: bytes held that belong to no complete command; 0 exactly between commands.
    """

    __slots__ = (
        "_arguments",
        "_bulk_length",
        "_failed",
        "_missing",
        "_piece_bytes",
        "_pieces",
        "_rest",
        "authenticated",
        "buffered",
        "limits",
        "stalled",
    )

    def __init__(self, limits: RequestLimits, *, authenticated: bool = True) -> None:
        self.limits = limits
        self.authenticated = authenticated
        self.stalled = False
        self.buffered = 0
        self._failed = False
        self._rest = b""  # unread: an incomplete line, or everything when stalled
        self._missing = 0  # arguments still to come of the open command
        self._arguments: list[bytes] = []
        self._bulk_length = 0  # of the argument that is arriving, when there are pieces
        self._pieces: list[bytes] = []
        self._piece_bytes = 0

    def feed(self, data: bytes) -> list[list[bytes]]:
        """Take bytes as they came; return the commands they completed, in order.

        After an error everything is ignored: the connection is about to close.

        Raises:
            ProtocolError: the bytes are no request.
        """
        commands: list[list[bytes]] = []
        self.read(data, commands)
        return commands

    def read(self, data: bytes, commands: list[list[bytes]], *, to_boundary: bool = False) -> int:
        """As `feed`, adding to `commands`; return how many bytes at the end were left unread.

        That is none, unless `to_boundary` asks to stop at the first end of a command.
        """
        if self._failed:
            return 0
        self.buffered += len(data)
        self.stalled = False
        if self._pieces:
            data = self._continue_argument(data, commands)
            if not self._missing and to_boundary:
                self.buffered = 0
                return len(data)
        elif self._rest:
            data = self._rest + data
            self._rest = b""
        position = 0
        while position < len(data):
            position = self._read_command(data, position, commands)
            if position < 0:
                return 0
            if to_boundary:
                self.buffered = 0
                return len(data) - position
            self.buffered = len(data) - position
        return 0

    def _read_command(self, data: bytes, position: int, commands: list[list[bytes]]) -> int:
        """Read one command, or what is missing of it; return where it ends, -1 if it does not."""
        if not self._missing:
            if data[position] != _STAR:
                return self._read_inline(data, position, commands)
            position = self._read_count(data, position, commands)
            if not self._missing:
                return position
        return self._read_arguments(data, position, commands)

    def _read_inline(self, data: bytes, position: int, commands: list[list[bytes]]) -> int:
        line_end = data.find(b"\n", position, position + self.limits.line_bytes_max + 1)
        if line_end < 0 or b"\0" in data[position:line_end]:
            return self._keep_line(data, position, commands, "too big inline request")
        text_end = line_end - 1 if data[position:line_end].endswith(b"\r") else line_end
        arguments = split_inline(data[position:text_end])
        if arguments is None:
            self._fail("unbalanced quotes in request", commands)
        if arguments:
            commands.append(arguments)
        return line_end + 1

    def _read_count(self, data: bytes, position: int, commands: list[list[bytes]]) -> int:
        """Read `*count`; a count of zero or less is a command without effect or reply."""
        line_end = data.find(b"\r", position, position + self.limits.line_bytes_max + 1)
        if line_end < 0 or line_end + 2 > len(data) or b"\0" in data[position:line_end]:
            may_end = line_end >= 0 and line_end + 2 > len(data)
            return self._keep_line(
                data, position, commands, "too big mbulk count string", may_end=may_end
            )
        count = parse_length(data[position + 1 : line_end])
        if count is None or count > self.limits.arguments_max:
            self._fail("invalid multibulk length", commands)
        if count > self.limits.unauthenticated_arguments_max and not self.authenticated:
            return self._stall(data, position, commands, "unauthenticated multibulk length")
        self._missing = max(count, 0)
        return line_end + 2

    def _read_arguments(self, data: bytes, position: int, commands: list[list[bytes]]) -> int:
        limits = self.limits
        arguments = self._arguments
        data_end = len(data)
        length_max = (
            limits.bulk_bytes_max
            if self.authenticated
            else min(limits.bulk_bytes_max, limits.unauthenticated_bulk_bytes_max)
        )
        while self._missing:
            line_end = data.find(b"\r", position, position + limits.line_bytes_max + 1)
            if line_end < 0 or line_end + 2 > data_end:
                return self._keep_line(
                    data,
                    position,
                    commands,
                    "too big bulk count string",
                    may_end=line_end >= 0,
                )
            length = _SMALL_INTEGERS.get(data[position + 1 : line_end])
            if length is None or length > length_max or data[position] != _DOLLAR:
                length = self._check_length(data, position, line_end, commands)
                if length < 0:
                    return -1
            position = line_end + 2
            argument_end = position + length
            if argument_end + 2 > data_end:
                self._bulk_length = length
                self._pieces = [data[position:]]
                self._piece_bytes = data_end - position
                return -1
            arguments.append(data[position:argument_end])
            position = argument_end + 2
            self._missing -= 1
        commands.append(arguments)
        self._arguments = []
        return position

    def _check_length(
        self, data: bytes, position: int, line_end: int, commands: list[list[bytes]]
    ) -> int:
        """The length in a line that needs a second look; -1 when the line has to wait."""
        line = data[position:line_end]
        if b"\0" in line:
            return self._keep_line(data, position, commands, "too big bulk count string")
        if data[position] != _DOLLAR:
            got = line[:1].replace(b"\r", b" ").replace(b"\n", b" ") or b" "
            text = got.decode("utf-8", "surrogateescape")
            self._fail(f"expected '$', got '{text}'", commands)
        length = parse_length(line[1:])
        if length is None or not 0 <= length <= self.limits.bulk_bytes_max:
            self._fail("invalid bulk length", commands)
        if length > self.limits.unauthenticated_bulk_bytes_max and not self.authenticated:
            return self._stall(data, position, commands, "unauthenticated bulk length")
        return length

    def _continue_argument(self, data: bytes, commands: list[list[bytes]]) -> bytes:
        """Take the bytes of the arriving argument from `data`; return the others."""
        wanted = self._bulk_length + 2 - self._piece_bytes
        if len(data) < wanted:
            last = self._pieces[-1]
            if len(last) + len(data) <= _PIECE_BYTES_MIN:
                self._pieces[-1] = last + data
            else:
                self._pieces.append(data)
            self._piece_bytes += len(data)
            return b""
        self._pieces.append(data[: max(wanted - 2, 0)])
        argument = b"".join(self._pieces)
        # More than that only if the argument was complete and half of its line end here.
        self._arguments.append(argument[: self._bulk_length])
        self._pieces = []
        self._missing -= 1
        rest = data[wanted:]
        if not self._missing:
            commands.append(self._arguments)
            self._arguments = []
            self.buffered = len(rest)
        return rest

    def _keep_line(
        self,
        data: bytes,
        position: int,
        commands: list[list[bytes]],
        reason: str,
        *,
        may_end: bool = False,
    ) -> int:
        """Wait for the end of a line, unless it is over its limit; return -1.

        `may_end`: all of the line is here but the byte after its CR.
        """
        if len(data) - position > self.limits.line_bytes_max and not may_end:
            self._fail(reason, commands)
        self._rest = data[position:]
        return -1

    def _stall(self, data: bytes, position: int, commands: list[list[bytes]], reason: str) -> int:
        """Refuse, or wait if a command before this one might authenticate; return -1."""
        if not commands:
            self._fail(reason, commands)
        self._rest = data[position:]
        self.stalled = True
        return -1

    def _fail(self, reason: str, commands: list[list[bytes]]) -> NoReturn:
        self._failed = True
        self._arguments = []
        self._pieces = []
        self._rest = b""
        raise ProtocolError(reason, commands)
