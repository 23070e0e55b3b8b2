"""Effects: what a command wants changed, recorded by its handler and applied after it returned.

Handlers only record. If one raises, its effects are dropped and nothing has changed. An effect
holds absolute times and final values only, so applying it needs no clock and no chance. The
keyspace turns effects into storage records, in order (`datatypes/keyspace.py`).

A plain string is recorded as its bytes and a deletion as None, so that the commonest effects
cost one tuple and no object.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Union

import attrs

if TYPE_CHECKING:
    from meridian_resp.datatypes.database import Database


# Not frozen, though nobody changes an effect: that would make it three times as dear to build.
@attrs.define(eq=False)
class StringWithExpiry:
    """Set a string that expires at an absolute time in Unix milliseconds."""

    value: bytes
    expire_at_ms: int


@attrs.define(eq=False)
class SetExpiry:
    """Change only the expiry of a key of any type; 0 removes it."""

    expire_at_ms: int


@attrs.frozen
class Expired:
    """Delete a key because its time is over (counted, and told apart from DEL by watchers)."""


EXPIRED = Expired()

Change = Union[bytes, None, StringWithExpiry, SetExpiry, Expired]


class Effects:
    """The effects of the command that runs now, in order."""

    __slots__ = ("pending",)

    def __init__(self) -> None:
        self.pending: list[tuple[Database, bytes, Change]] = []

    def put_string(
        self, database: Database, key: bytes, value: bytes, expire_at_ms: int = 0
    ) -> None:
        """Set a key to a string whatever it was; `expire_at_ms` 0 means it never expires."""
        if expire_at_ms:
            self.pending.append((database, key, StringWithExpiry(value, expire_at_ms)))
        else:
            self.pending.append((database, key, value))

    def delete(self, database: Database, key: bytes) -> None:
        """Delete a key; one that does not exist is no change."""
        self.pending.append((database, key, None))

    def set_expiry(self, database: Database, key: bytes, expire_at_ms: int) -> None:
        """Give an existing key of any type another expiry (Unix ms), or none (0)."""
        self.pending.append((database, key, SetExpiry(expire_at_ms)))

    def expire(self, database: Database, key: bytes) -> None:
        """Delete a key whose expiry has passed."""
        self.pending.append((database, key, EXPIRED))

    def clear(self) -> None:
        """Forget everything recorded."""
        self.pending.clear()
