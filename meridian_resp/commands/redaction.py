"""Commands without their secrets, for MONITOR and the slow log."""

from __future__ import annotations

from typing import Final

REDACTED: Final = b"(redacted)"
#: Parameters whose value nobody may see.
_SECRET_PARAMETERS: Final = frozenset(
    {b"requirepass", b"masterauth", b"masteruser", b"cluster-secret"}
)


def redacted(arguments: list[bytes]) -> list[bytes]:
    """The arguments with user names and passwords replaced; the same list if there are none."""
    word = arguments[0].upper() if len(arguments[0]) <= len(b"CONFIG") else b""
    if word == b"AUTH":
        return [arguments[0]] + [REDACTED] * (len(arguments) - 1)
    if word == b"HELLO":
        return _without_credentials(arguments)
    if word == b"CONFIG" and len(arguments) > 3 and arguments[1].upper() == b"SET":
        return _without_secret_values(arguments)
    return arguments


def _without_credentials(arguments: list[bytes]) -> list[bytes]:
    """HELLO without what follows AUTH."""
    shown = list(arguments)
    at = 2
    while at < len(shown):
        word = shown[at].upper()
        if word == b"AUTH":
            shown[at + 1 : at + 3] = [REDACTED] * len(shown[at + 1 : at + 3])
            at += 3
        else:
            at += 2 if word == b"SETNAME" else 1
    return shown


def _without_secret_values(arguments: list[bytes]) -> list[bytes]:
    """CONFIG SET without the values of secret parameters."""
    shown = list(arguments)
    for at in range(3, len(shown), 2):
        if shown[at - 1].lower() in _SECRET_PARAMETERS:
            shown[at] = REDACTED
    return shown
