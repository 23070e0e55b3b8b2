"""Arguments that are one of two words, such as ON and OFF."""

from __future__ import annotations

from meridian_resp.errors import SYNTAX, CommandError


def switch_argument(text: bytes, yes: bytes, no: bytes) -> bool:
    """Whether `text` is the word `yes` (given in upper case), in any case.

    Raises:
        CommandError: it is not the word `no` either.
    """
    word = text.upper()
    if word == yes:
        return True
    if word == no:
        return False
    raise CommandError(SYNTAX)
