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
from collections.abc import Callable
from itertools import chain
from typing import Final, cast

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
# What hiredis may return as bytes or lists although it is no bulk string and no array.
_PLUS, _EQUALS, _GREATER, _OPENING, _TILDE, _BAR, _PERCENT = b"+=>(~|%"
_BIG_COUNT_OF_ANY: Final = re.compile(rb"[~>%|][0-9]{5}")
_VERBATIM: Final = re.compile(rb"=[0-9]+\r\n")
_PUSH: Final = re.compile(rb">[0-9]+\r\n")
_SET: Final = re.compile(rb"~[0-9]+\r\n")
_ATTRIBUTE: Final = re.compile(rb"\|[0-9]+\r\n")
_MAP: Final = re.compile(rb"%[0-9]+\r\n")
# Canonical sizes by length and by count; longer and more are computed.
_bulk_bytes = [len(b"$%d\r\n\r\n" % length) + length for length in range(4097)].__getitem__
_count_bytes = [len(b"*%d\r\n" % count) for count in range(1025)].__getitem__
_ONLY_BYTES: Final = {bytes}
# The stub knows only tuples of one item.
_pack = cast("Callable[[tuple[bytes, ...]], bytes]", hiredis.pack_command)
_Proof = Callable[[list[list[bytes]], bytes], bool]


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
    # Length lines of other types, or values that end like one. Each search has a literal first
    # byte, which costs a fifth of one search for any, and most chunks hold none of these bytes.
    is_suspect = (
        (_EQUALS in data and _VERBATIM.search(data) is not None)
        or (_GREATER in data and _PUSH.search(data) is not None)
        or (_TILDE in data and _SET.search(data) is not None)
        or (_BAR in data and _ATTRIBUTE.search(data) is not None)
        or (_PERCENT in data and _MAP.search(data) is not None)
    )
    if is_suspect and _BIG_COUNT_OF_ANY.search(data) is not None:
        return 0
    proof = None
    if is_suspect:
        proof = _is_canonical
    elif _PLUS in data or _OPENING in data:
        proof = _has_canonical_size
    if data.endswith(_LINE_END):
        found = _parse_replies(data, proof)
        if found is not None:
            commands += found
            return len(data)
    cut = data.rfind(b"\r\n*") + 2
    if cut < 2:
        return 0
    found = _parse_replies(data[:cut], proof)
    if found is None:
        return 0
    commands += found
    return cut


def _parse_replies(data: bytes, proof: _Proof | None) -> list[list[bytes]] | None:
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
    # Not asked of each command whether it is a list: without a length line of another type all
    # that can be iterated here is an array or a bulk string, and the items of the latter are
    # integers; with one the proof compares byte for byte.
    try:
        types = set(map(type, chain.from_iterable(found)))
    except TypeError:
        return None
    if types != _ONLY_BYTES or (proof is not None and not proof(found, data)):
        return None
    return found


def _is_canonical(commands: list[list[bytes]], data: bytes) -> bool:
    """Whether `data` is exactly the canonical encoding of the commands (1 us per command)."""
    return b"".join([_pack(tuple(command)) for command in commands]) == data


def _has_canonical_size(commands: list[list[bytes]], data: bytes) -> bool:
    """Whether `data` is as long as the canonical encoding of the commands (0.2 us per command).

    It proves bulk strings: simple strings and big numbers, the other types that come out as
    bytes once length lines of other types are excluded, take at least three bytes less.
    """
    try:
        size = sum(map(_count_bytes, map(len, commands))) + sum(
            map(_bulk_bytes, map(len, chain.from_iterable(commands)))
        )
    except IndexError:
        return _is_canonical(commands, data)
    return size == len(data)
