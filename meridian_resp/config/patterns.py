"""Redis' glob patterns over parameter names, which are lower-case ASCII; a pattern is in any."""

from __future__ import annotations

import re


def is_pattern(text: str) -> bool:
    """Does Redis take this for a pattern and not for a name?"""
    return any(character in text for character in "*?[")


def compile_pattern(pattern: str) -> re.Pattern[str]:
    r"""Translate a pattern: `*`, `?`, `[abc]`, `[^a]`, `[a-z]`, `\` before a literal."""
    pieces: list[str] = []
    at = 0
    while at < len(pattern):
        character = pattern[at]
        at += 1
        if character == "*":
            pieces.append(".*")
        elif character == "?":
            pieces.append(".")
        elif character == "[":
            piece, at = _character_class(pattern, at)
            pieces.append(piece)
        else:
            if character == "\\" and at < len(pattern):
                character = pattern[at]
                at += 1
            pieces.append(re.escape(character.lower()))
    return re.compile("".join(pieces), re.DOTALL)


def _character_class(pattern: str, at: int) -> tuple[str, int]:
    """Translate what follows a `[`; an unclosed class ends with the pattern, as in Redis."""
    negated = pattern[at : at + 1] == "^"
    at += negated
    members: list[str] = []
    while at < len(pattern) and pattern[at] != "]":
        if pattern[at] == "\\" and at + 1 < len(pattern):
            members.append(re.escape(pattern[at + 1]))
            at += 2
        elif pattern[at + 1 : at + 2] == "-" and at + 2 < len(pattern):
            # Redis orders the ends before it lowers them, so that [a-Z] holds nothing.
            low, high = (end.lower() for end in sorted((pattern[at], pattern[at + 2])))
            if low <= high:
                members.append(f"{re.escape(low)}-{re.escape(high)}")
            at += 3
        else:
            members.append(re.escape(pattern[at].lower()))
            at += 1
    if not members:
        return ("." if negated else r"(?!)"), at + 1
    return f"[{'^' if negated else ''}{''.join(members)}]", at + 1
