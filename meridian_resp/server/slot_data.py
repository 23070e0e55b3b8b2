"""This node's keys by slot, as the control plane asks about them; its `DataPort`."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from cluster.errors import ClusterStopped
from meridian_resp.datatypes.slot_keys import count_keys
from storage import StorageError

if TYPE_CHECKING:
    from cluster.slots import SlotSet
    from meridian_resp.datatypes.keyspace import Keyspace
    from meridian_resp.server.routing import Routing

logger = logging.getLogger(__name__)

#: Records looked at in one question: some ten milliseconds. More keys than that are many anyway.
RECORDS_MAX: Final = 10_000


def other_databases_hold_keys(databases: str) -> str:
    """The directory is one of a server that was no node of a cluster, and more than database 0."""
    return (
        f"there are keys in {databases}, and a node of a cluster has database 0 alone, so nobody "
        "could reach them; start without cluster-enabled and move them (MOVE, or COPY with DB), "
        "or delete them (FLUSHDB)"
    )


class SlotData:
    """Counts keys, and keeps slots empty for a moment."""

    def __init__(self, keyspace: Keyspace, routing: Routing) -> None:
        self._keyspace = keyspace
        self._routing = routing

    def count_keys(self, slots: SlotSet) -> int:
        """See `DataPort.count_keys`: exact up to some thousands, at least 1 if there are any.

        What can't be read counts as a key: slots that may hold some are not given away.
        Keys of a node of a cluster are in database 0.
        """
        database = self._keyspace.databases[0]
        count = 0
        for first, last in slots.ranges:
            left = RECORDS_MAX - count
            if left <= 0:
                break
            try:
                count += count_keys(database, first, last, records_max=left)
            except StorageError as failure:
                logger.error(
                    "Slots %d to %d can't be read and count as used: %s", first, last, failure
                )
                return count + 1
        return count

    def holds_keys(self) -> bool:
        """See `DataPort.holds_keys`."""
        return any(database.count for database in self._keyspace.databases)

    def require_one_database(self) -> None:
        """Refuse to serve as a node of a cluster while that would hide keys.

        Raises:
            ClusterStopped: databases besides 0 hold keys.
        """
        others = [
            f"database {database.index} ({database.count})"
            for database in self._keyspace.databases[1:]
            if database.count
        ]
        if others:
            raise ClusterStopped(other_databases_hold_keys(", ".join(others)))

    def hold_writes(self, slots: SlotSet, epoch: int) -> None:
        """See `DataPort.hold_writes`."""
        self._routing.hold(slots, epoch)
