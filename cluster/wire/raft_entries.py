"""Entries and configurations of Raft as msgspec structs, for messages and for records on disk.

Ids are 16 bytes, sets are sorted lists without repeats, so equal values have equal bytes. The
index of an entry is not written: entries follow each other, and whoever holds a run of them knows
where it begins. That is smaller, and a run with a hole cannot be said.

What is read is checked: the core of Raft asserts what its own side promises, and must not meet a
configuration or a run of entries that breaks it only because a stranger sent it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated

import msgspec

from cluster.identity import ID_BYTES, id_from_bytes, id_to_bytes
from cluster.raft.configuration import Configuration, NodeId
from cluster.raft.entries import Entry, EntryKind
from cluster.wire.messages import WireError

#: A count, an index or a term; greater ones are refused, so that sums stay within 64 bits.
Number = Annotated[int, msgspec.Meta(ge=0, le=(1 << 62))]
PackedId = Annotated[bytes, msgspec.Meta(min_length=ID_BYTES, max_length=ID_BYTES)]


class WireConfiguration(msgspec.Struct, frozen=True, array_like=True):
    """Who belongs to a group; each list is sorted."""

    voters: list[PackedId]
    outgoing: list[PackedId]
    learners: list[PackedId]
    learners_next: list[PackedId]
    is_auto_leave: bool


class WireEntry(msgspec.Struct, frozen=True, array_like=True):
    """One entry of a run; `kind` as in `EntryKind`."""

    term: Number
    kind: Annotated[int, msgspec.Meta(ge=0, le=2)]
    data: bytes
    configuration: WireConfiguration | None = None


def pack_configuration(configuration: Configuration) -> WireConfiguration:
    """Return what stands for a configuration in bytes."""
    return WireConfiguration(
        _pack_nodes(configuration.voters),
        _pack_nodes(configuration.outgoing),
        _pack_nodes(configuration.learners),
        _pack_nodes(configuration.learners_next),
        configuration.is_auto_leave,
    )


def unpack_configuration(wire: WireConfiguration) -> Configuration:
    """Return the configuration that was packed.

    Raises:
        WireError: no configuration looks like this.
    """
    configuration = Configuration(
        voters=_unpack_nodes(wire.voters),
        outgoing=_unpack_nodes(wire.outgoing),
        learners=_unpack_nodes(wire.learners),
        learners_next=_unpack_nodes(wire.learners_next),
        is_auto_leave=wire.is_auto_leave,
    )
    try:
        configuration.check_invariants()
    except AssertionError as failure:
        raise WireError("raft configuration") from failure
    return configuration


def pack_entries(entries: Iterable[Entry]) -> list[WireEntry]:
    """Return what stands for a run of entries in bytes."""
    return [
        WireEntry(
            entry.term,
            int(entry.kind),
            entry.data,
            pack_configuration(entry.configuration) if entry.configuration else None,
        )
        for entry in entries
    ]


def unpack_entries(wire: Sequence[WireEntry], first_index: int) -> tuple[Entry, ...]:
    """Return the run of entries that begins at `first_index`.

    Raises:
        WireError: terms fall, or an entry and its kind do not fit together.
    """
    entries: list[Entry] = []
    term = 0
    for index, packed in enumerate(wire, first_index):
        kind = EntryKind(packed.kind)
        if packed.term < term or (packed.configuration is None) == (
            kind is EntryKind.CONFIGURATION
        ):
            raise WireError("raft entries")
        term = packed.term
        configuration = (
            unpack_configuration(packed.configuration) if packed.configuration else None
        )
        entries.append(Entry(index, term, packed.data, kind, configuration))
    return tuple(entries)


def _pack_nodes(nodes: Iterable[NodeId]) -> list[bytes]:
    return sorted(id_to_bytes(node) for node in nodes)


def _unpack_nodes(packed: Sequence[bytes]) -> frozenset[NodeId]:
    if list(packed) != sorted(set(packed)):
        raise WireError("raft configuration")
    return frozenset(id_from_bytes(node) for node in packed)
