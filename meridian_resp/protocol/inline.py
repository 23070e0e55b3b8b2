"""Inline commands: a line typed by a person, split into arguments as Redis splits it.

Grammar, after `sdssplitargs` of Redis: arguments are separated by blanks. A double-quoted part
knows `\\n \\r \\t \\b \\a`, `\\xHH`, and a backslash before anything else means that thing. A
single-quoted part knows only `\\'`. A quote may open in the middle of an argument, and after it
closes there must be a blank or the end of the line.

The odd case: vertical tab and form feed count as blanks between arguments and after a closing
quote, but do not end a bare argument.
"""

from __future__ import annotations

import re

# Possessive repeats (`*+`): a backslash that was read as an escape is never read again as itself.
_BLANKS = re.compile(rb"[ \t\n\v\f\r]*")
_BARE = re.compile(rb"[^ \t\n\r\"']+")
_DOUBLE_QUOTED = re.compile(rb'"((?:[^"\\]|\\.)*+)"(?=[ \t\n\v\f\r]|\Z)', re.DOTALL)
_SINGLE_QUOTED = re.compile(rb"'((?:\\'|[^'])*+)'(?=[ \t\n\v\f\r]|\Z)", re.DOTALL)
_ESCAPE = re.compile(rb"\\(?:x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_NAMED_ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"a": b"\a"}
_QUOTED = {ord('"'): _DOUBLE_QUOTED, ord("'"): _SINGLE_QUOTED}
_ARGUMENT_ENDS = frozenset(b" \t\n\r")


def _unescape(match: re.Match[bytes]) -> bytes:
    hexadecimal, other = match.groups()
    if hexadecimal is not None:
        return bytes.fromhex(hexadecimal.decode("ascii"))
    return _NAMED_ESCAPES.get(other, other)


def split_inline(line: bytes) -> list[bytes] | None:
    """Split a line (without its newline) into arguments; None when its quotes are unbalanced."""
    arguments: list[bytes] = []
    position = _skip_blanks(line, 0)
    while position < len(line):
        parts: list[bytes] = []
        while position < len(line) and line[position] not in _ARGUMENT_ENDS:
            quoted = _QUOTED.get(line[position])
            match = (_BARE if quoted is None else quoted).match(line, position)
            if match is None:
                return None
            position = match.end()
            if quoted is None:
                parts.append(match.group())
                continue
            content = match.group(1)
            if quoted is _DOUBLE_QUOTED:
                parts.append(_ESCAPE.sub(_unescape, content))
            else:
                parts.append(content.replace(b"\\'", b"'"))
            break
        arguments.append(b"".join(parts))
        position = _skip_blanks(line, position)
    return arguments


def _skip_blanks(line: bytes, position: int) -> int:
    match = _BLANKS.match(line, position)
    assert match is not None
    return match.end()
