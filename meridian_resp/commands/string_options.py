"""The options of SET and GETEX: which there are, and which exclude each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from meridian_resp.commands.key_arguments import expiry_argument
from meridian_resp.errors import SYNTAX, CommandError

if TYPE_CHECKING:
    from meridian_resp.commands.context import Context

#: Expiry options: milliseconds per unit, and whether the time is relative.
EXPIRY_UNITS: Final = {
    b"EX": (1000, True),
    b"PX": (1, True),
    b"EXAT": (1000, False),
    b"PXAT": (1, False),
}


@attrs.define(eq=False)
class StringOptions:
    """Options given, as words in upper case.

    `condition` is NX, XX or empty; `unit` one of EXPIRY_UNITS or empty, then `expiry` is its
    number as sent.
    """

    condition: bytes = b""
    returns_old: bool = False
    keeps_expiry: bool = False
    persists: bool = False
    unit: bytes = b""
    expiry: bytes = b""

    @property
    def is_absolute(self) -> bool:
        """Whether the expiry is a point in time and not a duration."""
        return self.unit in (b"EXAT", b"PXAT")

    def expire_at_ms(self, context: Context, name: str) -> int:
        """The absolute expiry asked for (Unix ms), 0 for none. Raises CommandError."""
        if not self.unit:
            return 0
        unit_ms, is_relative = EXPIRY_UNITS[self.unit]
        base_ms = context.now_ms if is_relative else 0
        return expiry_argument(self.expiry, unit_ms=unit_ms, base_ms=base_ms, name=name)


def parse_set_options(arguments: list[bytes]) -> StringOptions:
    """Options of SET, from the fourth argument on. Raises CommandError."""
    options = StringOptions()
    index = 3
    while index < len(arguments):
        word = arguments[index].upper()
        if word in EXPIRY_UNITS:
            index = _take_expiry(options, word, arguments, index)
        elif word in (b"NX", b"XX") and options.condition in (b"", word):
            options.condition = word
        elif word == b"GET":
            options.returns_old = True
        elif word == b"KEEPTTL" and not options.unit:
            options.keeps_expiry = True
        else:
            raise CommandError(SYNTAX)
        index += 1
    return options


def parse_getex_options(arguments: list[bytes]) -> StringOptions:
    """Options of GETEX, from the third argument on. Raises CommandError."""
    options = StringOptions()
    index = 2
    while index < len(arguments):
        word = arguments[index].upper()
        if word in EXPIRY_UNITS:
            index = _take_expiry(options, word, arguments, index)
        elif word == b"PERSIST" and not options.unit:
            options.persists = True
        else:
            raise CommandError(SYNTAX)
        index += 1
    return options


def _take_expiry(options: StringOptions, word: bytes, arguments: list[bytes], index: int) -> int:
    """Take an expiry option and its number; the index of the latter. Repeating one is allowed."""
    is_excluded = options.keeps_expiry or options.persists or options.unit not in (b"", word)
    if is_excluded or index + 1 == len(arguments):
        raise CommandError(SYNTAX)
    options.unit = word
    options.expiry = arguments[index + 1]
    return index + 1
