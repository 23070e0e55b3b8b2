"""Pieces that many command records share: key specifications and arguments.

Names of the key specifications follow Redis' flags: RO read only, RW read and write, OW
overwrite without reading, RM delete.
"""

from __future__ import annotations

from typing import Final

from meridian_resp.commands.registry import Argument, Keys

READ: Final = Keys(("RO", "access"))
#: Looks at a key but gives nothing of its value away.
LOOK: Final = Keys(("RO",))
READ_AND_UPDATE: Final = Keys(("RW", "access", "update"))
READ_AND_DELETE: Final = Keys(("RW", "access", "delete"))
UPDATE: Final = Keys(("RW", "update"))
EXTEND: Final = Keys(("RW", "insert"))
OVERWRITE: Final = Keys(("OW", "update"))
INSERT: Final = Keys(("OW", "insert"))

KEY: Final = Argument("key", "key", key_spec_index=0)
KEYS: Final = Argument("key", "key", key_spec_index=0, multiple=True)
VALUE: Final = Argument("value")
KEY_VALUE_PAIRS: Final = Argument("key_value", "block", multiple=True, arguments=(KEY, VALUE))


def integer(name: str, token: str | None = None, *, optional: bool = False) -> Argument:
    """An integer, possibly after a word."""
    return Argument(name, "integer", token, optional=optional)


def word(name: str, *, optional: bool = False, since: str | None = None) -> Argument:
    """A word that stands for itself: its own name in upper case."""
    return Argument(name, "pure-token", name.upper(), optional=optional, since=since)
