"""What a node knows of its cluster at one moment, for `/status` and `/metrics`.

Taken from `ClusterPort` when somebody asks; a server without a cluster has none.
"""

from __future__ import annotations

from collections.abc import Mapping

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
)
from meridian_resp.commands.meridian_values import JsonObject, plain


@frozen(kw_only=True)
class ClusterReport:
    """One moment of a node.

    Attributes:
        document: what `/status` shows: MERIDIAN CLUSTER-STATUS with nodes, phi and counters.
        statistics: counters and gauges.
        phi: of the nodes whose heartbeats this node gets.
        metadata: what is known of the metadata log.
    """

    document: JsonObject
    statistics: ClusterStatistics
    phi: Mapping[NodeId, PhiReading]
    metadata: MetadataStatus


def report_of(port: ClusterPort) -> ClusterReport:
    """What this node knows now."""
    statistics = port.statistics()
    return ClusterReport(
        document={
            **status_document(port),
            "nodes": node_documents(port),
            "phi": phi_documents(port),
            "statistics": plain(statistics),
        },
        statistics=statistics,
        phi=port.phi(),
        metadata=port.metadata(),
    )
