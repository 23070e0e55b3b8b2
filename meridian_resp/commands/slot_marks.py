"""Marks on slots that a tool is about to move: CLUSTER SETSLOT MIGRATING and IMPORTING.

They are this node's own, are forgotten at its end, and decide nothing: until keys can be moved
the leader serves a slot whether it is marked or not. Tools set, read (CLUSTER NODES) and remove
them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from cluster.identity import NodeId


class SlotMarks:
    """Which slots are on their way out to, or in from, which node."""

    def __init__(self) -> None:
        self.migrating: dict[int, NodeId] = {}
        self.importing: dict[int, NodeId] = {}

    def clear(self, slots: Collection[int] | None = None) -> None:
        """Forget the marks of these slots, or all of them."""
        for marks in (self.migrating, self.importing):
            if slots is None:
                marks.clear()
            else:
                for slot in slots:
                    marks.pop(slot, None)
