"""Metrics of a node of a cluster: phi, membership, map, metadata log, traffic with other nodes.

As in `metrics`: laid out from frozen statistics when somebody asks, so that nothing in the cluster
knows prometheus_client. A server without a cluster has none of these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from attrs import frozen
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

from cluster.statistics import ClusterStatistics
from meridian_resp.commands.meridian_documents import PHI_DIGITS
from meridian_resp.server.cluster_report import ClusterReport
from meridian_resp.server.forwarding import ForwardingStatistics
from meridian_resp.server.metric_rows import MetricKind, MetricRow

_COUNTER: Final = MetricKind.COUNTER
_GAUGE: Final = MetricKind.GAUGE
_Row = MetricRow[ClusterReport]

#: Those without labels.
CLUSTER_ROWS: Final[tuple[MetricRow[ClusterReport], ...]] = (
    _Row(
        "meridian_cluster_map_epoch",
        _GAUGE,
        "Epoch of the cluster map that this node holds, 0 without one; nodes that differ for"
        " long do not hear of each other.",
        lambda report: report.statistics.control.map_epoch,
    ),
    _Row(
        "meridian_cluster_transitions_open",
        _GAUGE,
        "Partitions that are being moved.",
        lambda report: report.statistics.control.open_transitions,
    ),
    _Row(
        "meridian_cluster_troubles",
        _GAUGE,
        "How many things are wrong that `/status` tells in words.",
        lambda report: len(report.troubles),
    ),
    _Row(
        "meridian_metadata_term",
        _GAUGE,
        "Term of the metadata log's Raft group, as far as this node takes part in it.",
        lambda report: report.metadata.term,
    ),
    _Row(
        "meridian_metadata_commit_index",
        _GAUGE,
        "Index up to which the metadata log is committed.",
        lambda report: report.metadata.commit,
    ),
    _Row(
        "meridian_metadata_applied_index",
        _GAUGE,
        "Index up to which this node has applied the metadata log.",
        lambda report: report.metadata.applied,
    ),
    _Row(
        "meridian_metadata_is_leader",
        _GAUGE,
        "1 while this node leads the metadata log, else 0; the sum over all nodes is 1.",
        lambda report: report.metadata.role == "leader",
    ),
    _Row(
        "meridian_gossip_rumours",
        _GAUGE,
        "Claims about nodes that are still passed on.",
        lambda report: report.statistics.control.swim.rumours,
    ),
    _Row(
        "meridian_gossip_awareness",
        _GAUGE,
        "Local health as SWIM sees it: 0 is well, more makes this node slower to accuse.",
        lambda report: report.statistics.control.swim.awareness,
    ),
    _Row(
        "meridian_gossip_paused_seconds_total",
        _COUNTER,
        "Time that this process stood still altogether, as its timers noticed.",
        lambda report: report.statistics.control.swim.paused_s,
    ),
    _Row(
        "meridian_peer_queue_bytes",
        _GAUGE,
        "What waits to be sent to other nodes (peer-queue-max bounds it for each).",
        lambda report: report.statistics.peers.queued_bytes,
    ),
    _Row(
        "meridian_peer_messages_dropped_total",
        _COUNTER,
        "Messages that found the queue full or no link, or were lost with their link.",
        lambda report: report.statistics.peers.dropped,
    ),
    _Row(
        "meridian_peer_links_lost_total",
        _COUNTER,
        "Links to other nodes that ended.",
        lambda report: report.statistics.peers.lost,
    ),
    _Row(
        "meridian_peer_dials_total",
        _COUNTER,
        "Attempts to connect to other nodes.",
        lambda report: report.statistics.peers.dialled,
    ),
    _Row(
        "meridian_peer_dial_failures_total",
        _COUNTER,
        "Attempts to connect that did not become a link.",
        lambda report: report.statistics.peers.dial_failures,
    ),
    _Row(
        "meridian_datagrams_dropped_total",
        _COUNTER,
        "Datagrams that were to be sent and were not.",
        lambda report: report.statistics.datagrams.dropped,
    ),
    _Row(
        "meridian_cluster_inputs_total",
        _COUNTER,
        "Events that the control plane has taken in.",
        lambda report: report.statistics.inputs,
    ),
    _Row(
        "meridian_cluster_inputs_dropped_total",
        _COUNTER,
        "Packets and messages dropped because too many waited for the control plane.",
        lambda report: report.statistics.inputs_dropped,
    ),
    _Row(
        "meridian_cluster_requests_waiting",
        _GAUGE,
        "Requests to the control plane that wait for their answer.",
        lambda report: report.statistics.requests_waiting,
    ),
    _Row(
        "meridian_cluster_journal_bytes",
        _GAUGE,
        "Size of the journal of the control plane.",
        lambda report: report.statistics.journal.size_bytes,
    ),
    _Row(
        "meridian_cluster_journal_syncs_total",
        _COUNTER,
        "Writes of that journal that were made durable.",
        lambda report: report.statistics.journal.syncs,
    ),
    _Row(
        "meridian_cluster_journal_failures_total",
        _COUNTER,
        "Writes of that journal that failed; nothing new is agreed to until one succeeds.",
        lambda report: report.statistics.journal.failures,
    ),
)


_Forwarding = MetricRow[ForwardingStatistics]

#: Those of requests handed to other nodes.
FORWARDING_ROWS: Final[tuple[MetricRow[ForwardingStatistics], ...]] = (
    _Forwarding(
        "meridian_forwarded_retries_total",
        _COUNTER,
        "Requests handed to another node a second time, as the map had changed.",
        lambda forwarding: forwarding.retried,
    ),
    _Forwarding(
        "meridian_forwarded_waiting",
        _GAUGE,
        "Requests that other nodes have not answered yet.",
        lambda forwarding: forwarding.waiting,
    ),
    _Forwarding(
        "meridian_forwarded_waiting_bytes",
        _GAUGE,
        "Bytes of the arguments of those requests.",
        lambda forwarding: forwarding.waiting_bytes,
    ),
    _Forwarding(
        "meridian_forwarding_stopped_clients",
        _GAUGE,
        "Clients that are read no further until some of their requests are answered.",
        lambda forwarding: forwarding.stopped_clients,
    ),
)


@frozen
class LabelledRow:
    """One metric with one label. A counter's name ends in `_total`."""

    name: str
    kind: MetricKind
    documentation: str
    label: str
    read: Callable[[ClusterReport], Mapping[str, float]]

    def family(self, report: ClusterReport) -> Metric:
        """The metric with its values now."""
        maker = CounterMetricFamily if self.kind is MetricKind.COUNTER else GaugeMetricFamily
        family = maker(self.name, self.documentation, labels=(self.label,))
        for value, number in sorted(self.read(report).items()):
            family.add_metric((value,), number)
        return family


#: Those with one label.
LABELLED_ROWS: Final[tuple[LabelledRow, ...]] = (
    LabelledRow(
        "meridian_phi",
        _GAUGE,
        "How surprising the silence of a node is: 1 suspected, 8 held dead, wrong once in ten to"
        " the power of it. Only nodes whose heartbeats this node gets.",
        "node",
        lambda report: {
            node: round(reading.phi, PHI_DIGITS) for node, reading in report.phi.items()
        },
    ),
    LabelledRow(
        "meridian_cluster_members",
        _GAUGE,
        "Nodes by what membership holds them to be (alive, suspected, dead, left).",
        "status",
        lambda report: {
            status.name.lower(): count
            for status, count in report.statistics.control.swim.members.items()
        },
    ),
    LabelledRow(
        "meridian_cluster_links",
        _GAUGE,
        "Links with other nodes by who opened them: in (they did), out (this node did).",
        "direction",
        lambda report: {
            "in": report.statistics.peers.links_from,
            "out": report.statistics.peers.links_to,
        },
    ),
    LabelledRow(
        "meridian_peer_bytes_total",
        _COUNTER,
        "Bytes of links with other nodes, as on the network.",
        "direction",
        lambda report: {
            "in": report.statistics.peers.bytes_in,
            "out": report.statistics.peers.bytes_out,
        },
    ),
    LabelledRow(
        "meridian_peer_refused_total",
        _COUNTER,
        "Connections and messages of other nodes that were refused, by reason.",
        "reason",
        lambda report: report.statistics.peers.refused,
    ),
    LabelledRow(
        "meridian_datagrams_total",
        _COUNTER,
        "Datagrams of gossip.",
        "direction",
        lambda report: {
            "in": report.statistics.datagrams.received,
            "out": report.statistics.datagrams.sent,
        },
    ),
    LabelledRow(
        "meridian_datagram_bytes_total",
        _COUNTER,
        "Bytes of datagrams of gossip.",
        "direction",
        lambda report: {
            "in": report.statistics.datagrams.bytes_in,
            "out": report.statistics.datagrams.bytes_out,
        },
    ),
    LabelledRow(
        "meridian_datagrams_refused_total",
        _COUNTER,
        "Datagrams that were refused, by reason.",
        "reason",
        lambda report: report.statistics.datagrams.refused,
    ),
    LabelledRow(
        "meridian_gossip_events_total",
        _COUNTER,
        "What happened in membership, by event (probes, suspicions, deaths, ...).",
        "event",
        lambda report: report.statistics.control.swim.counts,
    ),
    LabelledRow(
        "meridian_cluster_refused_total",
        _COUNTER,
        "What the control plane refused or could not read, by reason.",
        "reason",
        lambda report: report.statistics.control.counts,
    ),
    LabelledRow(
        "meridian_cluster_requests_total",
        _COUNTER,
        "Requests to the control plane by outcome (done, refused, timed_out).",
        "outcome",
        lambda report: _outcomes(report.statistics),
    ),
)


def cluster_families(report: ClusterReport) -> Iterator[Metric]:
    """Every family about the cluster once, all from the same moment."""
    for labelled in LABELLED_ROWS:
        yield labelled.family(report)
    peers = report.statistics.peers
    yield _messages(peers.messages_in, peers.messages_out)
    if report.forwarding is not None:
        yield from _forwarding(report.forwarding)
    for row in CLUSTER_ROWS:
        yield row.family(report)


def _outcomes(statistics: ClusterStatistics) -> dict[str, float]:
    refused, timed_out = statistics.requests_refused, statistics.requests_timed_out
    answered = statistics.requests - statistics.requests_waiting
    return {"done": answered - refused - timed_out, "refused": refused, "timed_out": timed_out}


def _forwarding(forwarding: ForwardingStatistics) -> Iterator[Metric]:
    yield _counters(
        "meridian_forwarded_requests_total",
        "Requests for keys of other nodes by outcome: answered, unreachable (the node could not"
        " be reached), moved (it did not lead the key), lost (nobody knows whether it was done).",
        "outcome",
        {
            "answered": forwarding.answered,
            "unreachable": forwarding.unreachable,
            "moved": forwarding.moved,
            "lost": forwarding.lost,
        },
    )
    for row in FORWARDING_ROWS:
        yield row.family(forwarding)


def _messages(received: Mapping[str, int], sent: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(
        "meridian_peer_messages_total",
        "Messages of links with other nodes, by kind; those sent count when they are queued.",
        labels=("direction", "kind"),
    )
    for direction, counts in (("in", received), ("out", sent)):
        for kind, count in sorted(counts.items()):
            family.add_metric((direction, kind), count)
    return family


def _counters(name: str, documentation: str, label: str, counts: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(name, documentation, labels=(label,))
    for value, count in sorted(counts.items()):
        family.add_metric((value,), count)
    return family
