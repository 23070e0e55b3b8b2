r"""Redis' glob patterns over bytes: `*`, `?`, `[abc]`, `[^a]`, `[a-z]`, `\` before a literal.

A pattern becomes a regular expression, so that matching a key runs in C. Stars would make a
backtracking matcher exponential; here everything between two stars has a fixed length, so the
leftmost place where it fits is always right, and an atomic group keeps the engine from trying
others. The commonest patterns, a fixed text with a star at its end, need no expression at all.

Oddities kept from Redis: an unclosed class ends with the pattern; `[z-a]` is `[a-z]`; an empty
class matches nothing and `[^]` anything; only the empty pattern matches the empty text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

Matcher = Callable[[bytes], bool]

_SPECIAL: Final = re.compile(rb"[*?\[\\]")
_ANYTHING: Final = b"(?s:.)"
_NOTHING: Final = b"(?!)"


def matcher(pattern: bytes) -> Matcher:
    """A function that says whether a text fits the pattern as a whole."""
    if not pattern.strip(b"*"):
        return bool if pattern else _is_empty
    if _SPECIAL.search(pattern) is None:
        return pattern.__eq__
    if pattern.endswith(b"*"):
        fixed = pattern.rstrip(b"*")
        if _SPECIAL.search(fixed) is None:
            return lambda text: text.startswith(fixed)
    fullmatch = re.compile(translate(pattern)).fullmatch
    return lambda text: text != b"" and fullmatch(text) is not None


def _is_empty(text: bytes) -> bool:
    return not text


def translate(pattern: bytes) -> bytes:
    """A regular expression for `fullmatch` that means the same for any text but the empty one."""
    parts = _split_at_stars(pattern)
    if len(parts) == 1:
        return parts[0]
    first, *middle, last = parts
    found = [b"(?>(?s:.*?)%b)" % part for part in middle if part]
    return b"%b%b(?s:.*)%b" % (first, b"".join(found), last)


def _split_at_stars(pattern: bytes) -> list[bytes]:
    """The expressions between the stars; one more than there are stars."""
    parts: list[list[bytes]] = [[]]
    at = 0
    while at < len(pattern):
        byte = pattern[at : at + 1]
        at += 1
        if byte == b"*":
            parts.append([])
        elif byte == b"?":
            parts[-1].append(_ANYTHING)
        elif byte == b"[":
            expression, at = _translate_class(pattern, at)
            parts[-1].append(expression)
        else:
            if byte == b"\\" and at < len(pattern):
                byte = pattern[at : at + 1]
                at += 1
            parts[-1].append(re.escape(byte))
    return [b"".join(part) for part in parts]


def _translate_class(pattern: bytes, at: int) -> tuple[bytes, int]:
    """The expression of a class whose content begins at `at`, and where the pattern goes on."""
    is_negated = pattern[at : at + 1] == b"^"
    at += is_negated
    members: list[bytes] = []
    while at < len(pattern) and pattern[at : at + 1] != b"]":
        if pattern[at : at + 1] == b"\\" and at + 1 < len(pattern):
            members.append(_in_class(pattern[at + 1 : at + 2]))
            at += 2
        elif pattern[at + 1 : at + 2] == b"-" and at + 2 < len(pattern):
            low, high = sorted((pattern[at : at + 1], pattern[at + 2 : at + 3]))
            members.append(b"%b-%b" % (_in_class(low), _in_class(high)))
            at += 3
        else:
            members.append(_in_class(pattern[at : at + 1]))
            at += 1
    at += 1
    if not members:
        return (_ANYTHING if is_negated else _NOTHING), at
    return b"[%b%b]" % (b"^" if is_negated else b"", b"".join(members)), at


def _in_class(byte: bytes) -> bytes:
    return b"\\x%02x" % byte[0]
