"""Raft without input and output: many groups per node, driven by whoever owns disk and network.

`RaftGroup` takes events and gives `Ready` values; docs/protocols/raft.md tells how they fit.
"""

from __future__ import annotations

from cluster.raft.configuration import Configuration, NodeId
from cluster.raft.core import RaftGroup, RaftStatus
from cluster.raft.entries import Entry, EntryKind, HardState, Snapshot
from cluster.raft.events import (
    Applied,
    Campaign,
    ChangeMembership,
    Event,
    Propose,
    Read,
    Saved,
    SnapshotReported,
    TransferLeadership,
    Transition,
    Unreachable,
    Wake,
)
from cluster.raft.messages import Message
from cluster.raft.options import RaftOptions
from cluster.raft.ready import (
    Accepted,
    Leadership,
    ReadState,
    Ready,
    Refusal,
    Refused,
    Role,
)
from cluster.raft.stable_log import MemoryStableLog, StableLog

__all__ = [
    "Accepted",
    "Applied",
    "Campaign",
    "ChangeMembership",
    "Configuration",
    "Entry",
    "EntryKind",
    "Event",
    "HardState",
    "Leadership",
    "MemoryStableLog",
    "Message",
    "NodeId",
    "Propose",
    "RaftGroup",
    "RaftOptions",
    "RaftStatus",
    "Read",
    "ReadState",
    "Ready",
    "Refusal",
    "Refused",
    "Role",
    "Saved",
    "Snapshot",
    "SnapshotReported",
    "StableLog",
    "TransferLeadership",
    "Transition",
    "Unreachable",
    "Wake",
]
