from __future__ import annotations

import attrs
import pytest

from cluster.raft.entries import ENTRY_OVERHEAD_BYTES, Entry, EntryKind, HardState


def test_entries_are_values() -> None:
    """Entries are shared between log, messages and disk: equal by content, never changed."""
    entry = Entry(1, 2, b"abc")
    assert entry == Entry(1, 2, b"abc", EntryKind.COMMAND, None)
    assert entry.size_bytes == 3 + ENTRY_OVERHEAD_BYTES
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        entry.index = 2  # type: ignore[misc]  # it is what must fail


def test_numbers_of_kinds_are_fixed() -> None:
    """The kinds are on disk and on the wire."""
    assert [(kind.name, kind.value) for kind in EntryKind] == [
        ("COMMAND", 0),
        ("EMPTY", 1),
        ("CONFIGURATION", 2),
    ]


def test_a_new_node_has_promised_nothing() -> None:
    """The hard state of a node that never ran: term 0, no vote, nothing committed."""
    assert HardState() == HardState(0, None, 0)
