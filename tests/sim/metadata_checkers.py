"""What must hold in every history of the metadata log, seen from outside all nodes at once.

Below the map these are the checkers of Raft; above them: one map per epoch, epochs that never
fall on a node, commands that are carried out once, and answers that tell the truth.
"""

from __future__ import annotations

import msgspec

from cluster.identity import NodeId
from cluster.journal.records import Record
from cluster.map.codec import map_digest
from cluster.map.commands import MapCommand, SetSetting
from cluster.map.values import ClusterMap
from cluster.metadata.events import Result
from cluster.metadata.metadata_log import MetadataLog
from cluster.metadata.records import RecordFold, recover
from cluster.raft import MemoryStableLog
from tests.sim.raft_checkers import Checkers, Violation, terms_of_log


class MetadataCheckers:
    """The memory of a whole history."""

    def __init__(self) -> None:
        self.raft = Checkers()
        self.maps: dict[int, ClusterMap] = {}
        self.newest_of: dict[NodeId, int] = {}
        self.leaders: set[tuple[NodeId, int]] = set()
        self.applied_results = 0
        self.unknown_results = 0
        self._digests: dict[int, bytes] = {}
        self._commands: dict[int, MapCommand] = {}
        self._results: set[int] = set()
        self._applied: dict[NodeId, int] = {}
        self._states: dict[int, tuple[bytes, tuple[int, ...]]] = {}

    def map_changed(self, node: NodeId, shown: ClusterMap | None) -> None:
        """One map per epoch, and no node goes back, restarts included."""
        assert shown is not None
        digest = map_digest(shown)
        if self._digests.setdefault(shown.epoch, digest) != digest:
            raise Violation(f"{node} shows another map of epoch {shown.epoch}")
        if shown.epoch < self.newest_of.get(node, 0):
            raise Violation(f"{node} went back to epoch {shown.epoch}")
        self.newest_of[node] = shown.epoch
        self.maps.setdefault(shown.epoch, shown)

    def proposed(self, token: int, command: MapCommand) -> None:
        """Remember what was asked for."""
        self._commands[token] = command

    def result(self, result: Result) -> None:
        """A proposal has one outcome."""
        if result.token in self._results:
            raise Violation(f"proposal {result.token} has two outcomes")
        self._results.add(result.token)
        if result.result is None:
            self.unknown_results += 1
        elif result.result.is_applied:
            self.applied_results += 1
            shown = self.maps.get(result.result.epoch)
            command = self._commands[result.token]
            if shown is not None and isinstance(command, SetSetting):
                value = shown.settings.get(command.name)
                if value != command.value:
                    raise Violation(f"epoch {shown.epoch} holds {value}, not {command}")

    def entries_written(self, record: Record, before: RecordFold) -> None:
        """Log Matching, by induction over everything that is ever written."""
        log = before._log
        first = msgspec.msgpack.decode(record.payload[1:])[2]
        term_before = log.term_at(first - 1) if log is not None else None
        if term_before is None:
            return
        assert log is not None
        fresh = RecordFold(before.result())
        fresh.add(record)
        assert fresh._log is not None
        entries = fresh._log.entries(first, fresh._log.last_index + 1, 1 << 62)
        self.raft.see_entries(tuple(entries), term_before)

    def look(self, node: NodeId, log: MetadataLog, written: RecordFold) -> None:
        """Election Safety, Leader Completeness and State Machine Safety."""
        group = log._group
        if group is None:
            return
        status = group.status()
        if group.is_leader and (node, status.term) not in self.leaders:
            self.leaders.add((node, status.term))
            terms = terms_of_log(group._core, group._stable.first_index)
            self.raft.see_leader(node, status.term, terms)
        last = self._applied.get(node, 0)
        if status.applied == last:
            return
        self._applied[node] = status.applied
        state = (map_digest(group.map), group.map.applied_ids) if group.map else (b"", ())
        if self._states.setdefault(status.applied, state) != state:
            raise Violation(f"{node} applied entry {status.applied} to another map")
        stable: MemoryStableLog = group._stable
        first = max(last + 1, stable.first_index)
        if first <= status.applied:
            entries = tuple(stable.entries(first, status.applied + 1, 1 << 62))
            self.raft.see_applied(node, first - 1, entries)

    def crashed(self, node: NodeId) -> None:
        """A node applies again what it applied before."""
        self._applied.pop(node, None)

    def check_once(self) -> None:
        """A value that was replaced never comes back: its command would be carried out twice."""
        gone: set[tuple[str, str]] = set()
        current: dict[str, str] = {}
        for epoch in sorted(self.maps):
            for name, value in self.maps[epoch].settings.items():
                before = current.get(name)
                if before is not None and before != value:
                    gone.add((name, before))
                if (name, value) in gone:
                    raise Violation(f"{name} became {value} again in epoch {epoch}")
                current[name] = value


def same_after_restart(log: MetadataLog, journal: list[Record]) -> bool:
    """Whether a journal written anew says the same as the one that is there."""
    return recover(log.records()) == recover(journal)
