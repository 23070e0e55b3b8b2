"""What a node of a cluster has counted, as frozen values for INFO, `/status` and `/metrics`."""

from __future__ import annotations

from attrs import frozen

from cluster.control.statistics import ControlStatistics
from cluster.transport.statistics import DatagramStatistics, PeerStatistics


@frozen
class JournalStatistics:
    """Of the journal of the control plane.

    Attributes:
        saves: saves made durable since the start.
        syncs: in so many writes.
        failures: writes that failed.
        waiting: saves that are not durable yet.
        size_bytes: of the file in use.
        is_failing: the last write failed; nothing new is agreed to until one succeeds.
    """

    saves: int
    syncs: int
    failures: int
    waiting: int
    size_bytes: int
    is_failing: bool


@frozen
class TableStatistics:
    """Of the membership table in SQLite: transactions done, and failed."""

    batches: int
    failures: int


@frozen
class ClusterStatistics:
    """Of one node.

    Attributes:
        control: of the control plane.
        peers: of the links.
        datagrams: of the datagrams.
        journal: of the control plane's journal.
        table: of the membership table; None where there is none.
        inputs: events that the control plane has taken in.
        inputs_dropped: packets and messages dropped because too many waited.
        messages_unclaimed: messages about data that nobody was attached for.
        requests: requests to the control plane since the start.
        requests_refused: of those, how many were refused.
        requests_timed_out: of those, how many were not answered in time.
        requests_waiting: how many wait for their answer now.
    """

    control: ControlStatistics
    peers: PeerStatistics
    datagrams: DatagramStatistics
    journal: JournalStatistics
    table: TableStatistics | None
    inputs: int
    inputs_dropped: int
    messages_unclaimed: int
    requests: int
    requests_refused: int
    requests_timed_out: int
    requests_waiting: int
