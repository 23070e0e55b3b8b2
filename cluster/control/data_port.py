"""What the control plane needs of the data that its node holds; implemented above the cluster."""

from __future__ import annotations

from typing import Protocol

from cluster.slots import SlotSet


class DataPort(Protocol):
    """The node's own data, as far as placement depends on it. Calls must be quick."""

    def count_keys(self, slots: SlotSet) -> int:
        """Return how many keys are in these slots; a great number may be cut short."""

    def holds_keys(self) -> bool:
        """Whether there is any key at all."""

    def hold_writes(self, slots: SlotSet, epoch: int) -> None:
        """Refuse to add keys to these slots (TRYAGAIN) from now on.

        Until a map in which the partition of a slot has a newer epoch than this one, or another
        leader.
        """
