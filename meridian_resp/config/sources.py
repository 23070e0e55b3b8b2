"""What the readers of files and of the command line hand to the loader."""

from __future__ import annotations

import enum

import attrs


class Origin(enum.Enum):
    """Where the value of a parameter came from; a later member outweighs an earlier one."""

    DEFAULT = "default"
    FILE = "file"
    ARGUMENT = "command line"
    RUN_TIME = "CONFIG SET"


@attrs.frozen
class Provenance:
    """Origin of a value and its exact place: `redis.conf line 12`, `--port`; empty if none."""

    origin: Origin
    place: str = ""

    def __str__(self) -> str:
        return f"{self.origin.value} ({self.place})" if self.place else self.origin.value


@attrs.frozen
class Assignment:
    """A name and the words given for it, not yet looked up or parsed."""

    name: str
    arguments: tuple[str, ...]
    provenance: Provenance
