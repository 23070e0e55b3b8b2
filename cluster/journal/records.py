"""The records of the journal. These kinds are on disk; see docs/formats/cluster-journal.md.

The journal knows nothing of what it keeps: each payload belongs to the core named beside its kind,
which encodes it, recovers from it, and says which records are still needed when the journal is
written anew.
"""

from __future__ import annotations

import enum

from attrs import frozen


class RecordKind(enum.IntEnum):
    """What a record says; do not change the numbers."""

    CLAIMS = 1
    GENESIS_ACCEPTED = 2
    GENESIS_HELD = 3
    GENESIS_DROPPED = 4
    CLUSTER_ADOPTED = 5
    MAP = 6
    RAFT_HARD_STATE = 7
    RAFT_ENTRIES = 8
    RAFT_SNAPSHOT = 9
    RAFT_DROPPED = 10
    CLUSTER_LEFT = 11
    SENT_AWAY = 12
    CLUSTER_DISSOLVED = 13
    SLOTS_HELD = 14


@frozen
class Record:
    """One record; later ones add to earlier ones, in order."""

    kind: RecordKind
    payload: bytes
