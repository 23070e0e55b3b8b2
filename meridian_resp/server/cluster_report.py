"""What a node knows of its cluster at one moment, for `/status` and `/metrics`.

Taken from `ClusterPort` when somebody asks; a server without a cluster has none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from attrs import frozen

from cluster.control.heartbeats import PhiReading
from cluster.identity import NodeId
from cluster.metadata.status import MetadataStatus
from cluster.statistics import ClusterStatistics
from meridian_resp.commands.cluster_port import ClusterPort
from meridian_resp.commands.meridian_documents import (
    node_documents,
    phi_documents,
    status_document,
    troubles,
)
from meridian_resp.commands.meridian_values import JsonObject, plain
from meridian_resp.server.forwarding import ForwardingStatistics


@frozen(kw_only=True)
class ClusterReport:
    """One moment of a node.

    Attributes:
        describe: makes what `/status` shows, MERIDIAN CLUSTER-STATUS with nodes, phi and
            counters; it takes milliseconds in a large cluster, so only who shows it asks.
        troubles: what is wrong, a sentence each.
        statistics: counters and gauges.
        phi: of the nodes whose heartbeats this node gets.
        metadata: what is known of the metadata log.
        forwarding: requests handed to other nodes; None on a node that does not serve yet.
    """

    describe: Callable[[], JsonObject]
    troubles: tuple[str, ...]
    statistics: ClusterStatistics
    phi: Mapping[NodeId, PhiReading]
    metadata: MetadataStatus
    forwarding: ForwardingStatistics | None = None


def report_of(port: ClusterPort, forwarding: ForwardingStatistics | None = None) -> ClusterReport:
    """What this node knows now."""
    statistics = port.statistics()

    def describe() -> JsonObject:
        return {
            **status_document(port),
            "nodes": node_documents(port),
            "phi": phi_documents(port),
            "statistics": plain(statistics),
            "forwarding": plain(forwarding),
        }

    return ClusterReport(
        describe=describe,
        troubles=tuple(troubles(port.map(), port.members())),
        statistics=statistics,
        phi=port.phi(),
        metadata=port.metadata(),
        forwarding=forwarding,
    )
