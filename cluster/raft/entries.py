"""What a group's log is made of, and what of a group must outlive the process.

Entries, snapshots and hard states are values: once made they are shared between the log, the
messages and the shell that writes them, and nobody may change them.
"""

from __future__ import annotations

import enum

import attrs

from cluster.raft.configuration import Configuration, NodeId

#: What an entry costs beside its data, in every size that is compared with a limit in bytes.
ENTRY_OVERHEAD_BYTES = 32


class EntryKind(enum.IntEnum):
    """What an entry asks of those who apply it. The values are on disk and on the wire."""

    COMMAND = 0
    """Data for the state machine."""
    EMPTY = 1
    """Nothing: the first entry of a leader, which commits what earlier terms left (5.4.2)."""
    CONFIGURATION = 2
    """New members; in force from the moment it is in the log, not from its commit (6)."""


@attrs.frozen
class Entry:
    """One place of the log. (`index`, `term`) names its content for ever (Log Matching)."""

    index: int
    term: int
    data: bytes = b""
    kind: EntryKind = EntryKind.COMMAND
    configuration: Configuration | None = None

    @property
    def size_bytes(self) -> int:
        """What the entry counts against limits in bytes."""
        return len(self.data) + ENTRY_OVERHEAD_BYTES


@attrs.frozen
class HardState:
    """What a node must remember across a crash beside its log (figure 2, persistent state).

    `commit` is only a hint that spares work after a restart: it may be older than what was
    known, never newer than the entries saved with it.
    """

    term: int = 0
    vote: NodeId | None = None
    commit: int = 0


@attrs.frozen
class Snapshot:
    """What the core knows of a snapshot: the place in the log it stands for, and the members.

    The data itself never passes through the core; whoever carries a snapshot message to another
    node carries the data with it or beside it.
    """

    index: int = 0
    term: int = 0
    configuration: Configuration = Configuration()
