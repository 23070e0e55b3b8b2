"""Slots that this node keeps free of new keys, because they are about to be led by another node.

A move by hand (CLUSTER SETSLOT, DELSLOTS) is one commit: nothing in the map says beforehand that
it comes. So whoever leads the slots counts its keys, and from a count of 0 on refuses new ones
until the map settles the matter: the move was carried out, or its partition has a newer epoch, at
which the move, which names the epoch of the count, can't be carried out any more. A time would not
do: a leader that was cut off right after its count may hear of the move much later.

When nothing comes of it, this node asks for that newer epoch itself (`Fence`), and goes on holding
until it has it. A hold is durable before it is promised, so a restart does not end it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import msgspec
from attrs import define

from cluster.control.parts import Parts
from cluster.journal.records import Record, RecordKind
from cluster.map.commands import Fence
from cluster.slots import SLOT_COUNT, SlotSet
from storage.errors import CorruptionError

if TYPE_CHECKING:
    from cluster.control.proposals import Proposals

_VERSION = 1


class _Payload(msgspec.Struct, frozen=True, array_like=True):
    version: int
    ranges: list[tuple[int, int]]
    epoch: int


@define(eq=False)
class Hold:
    """Slots that were empty under the map of `epoch`; at `fence_at` the matter is settled."""

    slots: SlotSet
    epoch: int
    fence_at: float
    is_fencing: bool = False


class Holds:
    """The holds of one node."""

    def __init__(self, parts: Parts, recovered: Sequence[Record], now: float) -> None:
        self._parts = parts
        self._holds = [
            _read(record, now) for record in recovered if record.kind is RecordKind.SLOTS_HELD
        ]

    def hold(self, slots: SlotSet, then: Callable[[], None]) -> None:
        """Take no new keys in these slots from now on; `then` is called when that is durable."""
        parts = self._parts
        assert parts.map is not None
        hold = Hold(slots, parts.map.epoch, parts.now + parts.options.write_hold_s)
        self._holds.append(hold)
        parts.data.hold_writes(slots, hold.epoch)
        parts.put(parts.saves.add(lambda number, now: then(), 0, (_record(hold),)))

    def map_changed(self) -> None:
        """Forget holds that are settled, and let the data know of the others again."""
        self._holds = [hold for hold in self._holds if self._open_partitions(hold)]
        for hold in self._holds:
            self._parts.data.hold_writes(hold.slots, hold.epoch)

    def records(self) -> list[Record]:
        """Return the records that are still needed."""
        return [_record(hold) for hold in self._holds]

    def deadline(self) -> float | None:
        """When `on_deadline` wants to be called."""
        return min((h.fence_at for h in self._holds if not h.is_fencing), default=None)

    def on_deadline(self, now: float, proposals: Proposals) -> None:
        """Settle holds of which nothing has come."""
        for hold in self._holds:
            if not hold.is_fencing and hold.fence_at <= now:
                self._fence(hold, proposals)

    def _fence(self, hold: Hold, proposals: Proposals) -> None:
        hold.is_fencing = True
        hold.fence_at = self._parts.now + self._parts.options.write_hold_s

        def answered(result: object, reason: str) -> None:
            hold.is_fencing = False

        proposals.propose(Fence(self._open_partitions(hold)), answered)

    def _open_partitions(self, hold: Hold) -> tuple[int, ...]:
        """Return the partitions of this node's in which a move by that count is still possible."""
        parts = self._parts
        if parts.map is None or parts.view is None:
            return ()
        numbers = {
            parts.view.partition_of[slot]
            for slot in hold.slots
            if parts.view.leaders[slot] == parts.own_id
        }
        return tuple(
            number
            for number in sorted(n for n in numbers if n is not None)
            if parts.map.partitions[number].epoch <= hold.epoch
        )


def _record(hold: Hold) -> Record:
    payload = _Payload(_VERSION, list(hold.slots.ranges), hold.epoch)
    return Record(RecordKind.SLOTS_HELD, msgspec.msgpack.encode(payload))


def _read(record: Record, now: float) -> Hold:
    try:
        payload = msgspec.msgpack.decode(record.payload, type=_Payload)
    except msgspec.DecodeError as failure:
        raise CorruptionError("cluster/journal", None, "slots that are held") from failure
    if not all(0 <= first <= last < SLOT_COUNT for first, last in payload.ranges):
        raise CorruptionError("cluster/journal", None, "slots that are held are no slots")
    slots = SlotSet.of(s for first, last in payload.ranges for s in range(first, last + 1))
    return Hold(slots, payload.epoch, now)
