"""From the bytes of a client to argument lists, at the price of a C parser.

Three readers, each taking what the one before it will not vouch for:

1. A chunk that is one small command (the usual case without pipelining) is split at its line
   ends and compared with the canonical encoding. If all lengths agree nothing else can be meant.
2. Several whole commands go through `hiredis.Reader`. That is a parser for *replies*: it knows
   more types, reserves memory for a count that was only announced, and skips line ends unseen.
   So counts of 5 digits or more never reach it, and what it returns is accepted only if every
   argument is a bulk string by type and by the length of the canonical encoding.
3. All else goes to the strict parser: a command cut by the end of the chunk, inline commands,
   unauthenticated clients, garbage.

Hence nothing waits inside hiredis between two chunks: a value of many chunks is collected by the
strict parser and copied once, and an idle connection holds no reader.

How the end of the last whole command is found: after the chunk, hiredis is fed an empty array.
If that comes out as the last thing, the chunk ended with a command. If not, the last `CRLF *` in
the chunk is tried as the place to cut, in the same way. Where that fails too (a value that looks
like this) the strict parser reads the chunk: slower and right.

Rejected: leaving the incomplete command in hiredis and computing its place from the sizes of all
commands before it (0.2 us per command, and all the limits on lengths have to be screened for);
a scan for `CRLF +` and the like (an attacker may write other bytes in place of CRLF).

Measured (CPython 3.11, one core of a small virtual machine, 2026-11-22), microseconds per command,
in brackets feed and gets of hiredis alone: one GET 0.41 (0.27), one SET of 64 bytes 0.54 (0.30),
one SET with EX 1.02 (0.35), one SET of 2000 bytes 2.2 (0.36); in chunks of 16, GET 0.39 (0.14),
SET 0.47 (0.17), SET of values with `=` and `+` 1.8; SETs in full chunks of 64 KB 0.35 (0.20); a
value of 1 MB in 16 chunks 83 (56). The strict parser alone takes 2.5 for a SET, 2.6 for `PING`
on a line.
"""

from __future__ import annotations

import re
from itertools import chain
from typing import Final

import hiredis

from meridian_resp.protocol.request_limits import (
    ARGUMENTS_MAX_MIN,
    BULK_BYTES_MAX_MIN,
    ProtocolError,
    RequestLimits,
)
from meridian_resp.protocol.strict_requests import StrictRequestParser

__all__ = ["ProtocolError", "RequestLimits", "RequestParser"]

_LINE_END: Final = b"\r\n"
_STAR: Final = ord("*")
# Chunks up to this are tried as one small command, of at most 5 arguments.
_SMALL_CHUNK_BYTES_MAX: Final = BULK_BYTES_MAX_MIN
_SMALL_SPLITS: Final = 12
_LENGTH_LINES: Final = [b"$%d" % length for length in range(_SMALL_CHUNK_BYTES_MAX + 1)]
# The count line by the number of parts of a split: the count, two per argument, and the end.
_COUNT_LINES: Final = [b"*%d" % ((parts - 2) // 2) for parts in range(_SMALL_SPLITS + 2)]

_EMPTY_ARRAY: Final = b"*0\r\n"
# Lists of 10,000 and more are built by the strict parser as they arrive, not ahead.
assert ARGUMENTS_MAX_MIN == 10_000
_BIG_COUNT: Final = re.compile(rb"\*[0-9]{5}")
_BIG_COUNT_OF_ANY: Final = re.compile(rb"[*~>%|][0-9]{5}")
# What hiredis may return as bytes or lists although it is no bulk string and no array.
_PLUS, _EQUALS, _GREATER, _OPENING, _TILDE, _BAR, _PERCENT = b"+=>(~|%"
_LOOSE_LENGTH_LINE: Final = re.compile(rb"[=~>|%][0-9]+\r\n")
_ONLY_BYTES: Final = {bytes}


class RequestParser:
    """Turns the bytes of one client into commands; the same result as `StrictRequestParser`.

    Attributes:
        authenticated: whether the client may use the wider limits; set by the server.
        buffered: bytes held that belong to no complete command; 0 exactly between commands. For
            the server to compare with `client-query-buffer-limit`.
    """

    __slots__ = ("_strict", "authenticated", "buffered")

    def __init__(self, limits: RequestLimits, *, authenticated: bool = True) -> None:
        self.authenticated = authenticated
        self.buffered = 0
        self._strict = StrictRequestParser(limits)

    @property
    def stalled(self) -> bool:
        """Whether `feed(b"")` has to be called once the returned commands were executed.

        Only before authentication: a command beyond the narrow limits follows others that may
        authenticate the client, so it is judged after them.
        """
        return self._strict.stalled

    def feed(self, data: bytes) -> list[list[bytes]]:
        """Take bytes as they came; return the commands they completed, in order.

        Empty commands (`*0`, `*-1`, blank lines) leave no trace, as in Redis. After an error
        everything is ignored: the connection is about to close.

        Raises:
            ProtocolError: the bytes are no request; carries the commands before it.
        """
        if not self.buffered and len(data) <= _SMALL_CHUNK_BYTES_MAX and self.authenticated:
            parts = data.split(_LINE_END, _SMALL_SPLITS)
            count = len(parts)
            if count == 6:
                header, size0, name, size1, first, rest = parts
                if (
                    header == b"*2"
                    and size0 == _LENGTH_LINES[len(name)]
                    and size1 == _LENGTH_LINES[len(first)]
                    and not rest
                ):
                    return [[name, first]]
            elif count == 8:
                header, size0, name, size1, first, size2, second, rest = parts
                if (
                    header == b"*3"
                    and size0 == _LENGTH_LINES[len(name)]
                    and size1 == _LENGTH_LINES[len(first)]
                    and size2 == _LENGTH_LINES[len(second)]
                    and not rest
                ):
                    return [[name, first, second]]
            elif count >= 4 and parts[0] == _COUNT_LINES[count] and not (parts[-1] or count & 1):
                arguments = parts[2::2]
                if parts[1:-1:2] == [_LENGTH_LINES[len(argument)] for argument in arguments]:
                    return [arguments]
        return self._feed_any(data)

    def _feed_any(self, data: bytes) -> list[list[bytes]]:
        strict = self._strict
        strict.authenticated = self.authenticated
        commands: list[list[bytes]] = []
        try:
            if self.authenticated and not strict.stalled:
                if self.buffered:
                    unread = strict.read(data, commands, to_boundary=True)
                    data = data[len(data) - unread :]
                if not strict.buffered and len(data) <= strict.limits.bulk_bytes_max:
                    taken = _read_whole_commands(data, commands)
                    data = data[taken:]
            if data or strict.stalled:
                strict.read(data, commands)
        finally:
            self.buffered = strict.buffered
        return commands


def _read_whole_commands(data: bytes, commands: list[list[bytes]]) -> int:
    """Add the commands at the start of `data`; return the bytes they take.

    That is all commands complete in `data`, or none if anything about them is unusual.
    """
    if data[:1] != b"*" or _BIG_COUNT.search(data) is not None:
        return 0
    # Unrolled: a loop costs more than the seven looks.
    is_loose = (
        _PLUS in data
        or _EQUALS in data
        or _GREATER in data
        or _OPENING in data
        or _TILDE in data
        or _BAR in data
        or _PERCENT in data
    )
    if is_loose and _BIG_COUNT_OF_ANY.search(data) is not None:
        return 0
    if data.endswith(_LINE_END):
        found = _parse_replies(data, is_loose)
        if found is not None:
            commands += found
            return len(data)
    cut = data.rfind(b"\r\n*") + 2
    if cut < 2:
        return 0
    found = _parse_replies(data[:cut], is_loose)
    if found is None:
        return 0
    commands += found
    return cut


def _parse_replies(data: bytes, is_loose: bool) -> list[list[bytes]] | None:
    """The commands in `data` if it is nothing but whole commands of bulk strings, else None."""
    reader = hiredis.Reader()
    reader.feed(data)
    reader.feed(_EMPTY_ARRAY)
    read_next = reader.gets
    found = []
    try:
        while command := read_next():
            found.append(command)
    except (hiredis.HiredisError, TypeError, ValueError):  # no reply either, or no dict key
        return None
    if command != [] or reader.has_data():
        return None
    if is_loose and _LOOSE_LENGTH_LINE.search(data) is not None:
        return None
    # Not asked of each command whether it is a list: without a loose length line all that can
    # be iterated here is an array or a bulk string, and the items of the latter are integers.
    try:
        types = set(map(type, chain.from_iterable(found)))
    except TypeError:
        return None
    if types != _ONLY_BYTES or (is_loose and _encoded_bytes(found) != len(data)):
        return None
    return found


def _encoded_bytes(commands: list[list[bytes]]) -> int:
    """Size of the commands in the canonical encoding.

    With `=` excluded this proves bulk strings: simple strings and big numbers, the other types
    that come out as bytes, take at least three bytes less.
    """
    counts = list(map(len, commands))
    lengths = list(map(len, chain.from_iterable(commands)))
    digits = len("".join(map(str, counts))) + len("".join(map(str, lengths)))
    return sum(lengths) + digits + 3 * len(counts) + 5 * len(lengths)
