"""Last part of the table: whether this server is a node of a cluster, and of which kind.

Names are Redis' where Redis has the option. Some speak of the cluster and not of the node: how
many replicas one that this node forms begins with, and whether this node, while it leads the
metadata log, moves partitions. What is set for the whole cluster comes before that
(`meridian-ctl settings`).
"""

# A row is read like a line of a table, so it is set by hand.
# fmt: off

from __future__ import annotations

import attrs

from cluster.map.values import REPLICAS_MAX
from cluster.membership.facts import ALL_ROLES, WEIGHT_MAX, WEIGHT_STEPS, Role
from meridian_resp.config.cluster_values import (
    AddressType,
    DecimalType,
    EndpointsType,
    NameType,
    RolesType,
)
from meridian_resp.config.operation_parameters import OperationParameters
from meridian_resp.config.parameter import Change, Section, integer, memory, path, row, switch
from meridian_resp.config.values import INT32_MAX, SecretType

_MEGABYTE = 1024 * 1024
_NODE_TIMEOUT = (
    "failures are found by gossip and by phi-threshold, which adapt to what the network is like"
)


@attrs.define(eq=False, kw_only=True)
class ClusterParameters(OperationParameters):
    """Parameters of a node among others."""

    cluster_enabled: bool = switch(
        "cluster-enabled", False, Section.CLUSTER,
        "Whether this server is a node of a cluster. It starts alone and owns no slots until it"
        " has met others (seeds, CLUSTER MEET, meridian-ctl join) or has formed a cluster of its"
        " own (cluster-bootstrap, meridian-ctl form).",
        change=Change.NEVER,
    )
    gossip_port: int = integer(
        "gossip-port", 7400, 0, 65535, Section.CLUSTER,
        "Port, TCP and UDP, that the other nodes of the cluster reach this one at. Without"
        " cluster-enabled nothing listens on it.", change=Change.NEVER,
    )
    gossip_bind: str = row(
        "gossip-bind", AddressType("ADDRESS"), "", Section.CLUSTER,
        "Address to listen on for the other nodes; the first one of bind when empty.",
        change=Change.NEVER,
    )
    seeds: tuple[str, ...] = row(
        "seeds", EndpointsType(), (), Section.CLUSTER,
        "Nodes to make contact with at the start, by their gossip ports (the port may be left out"
        " where it is this node's own gossip-port). The same list on all nodes is right: a node"
        " does not mind finding itself in it.", change=Change.NEVER,
    )
    cluster_name: str = row(
        "cluster-name", NameType("NAME"), "meridian", Section.CLUSTER,
        "Nodes with different names never talk to each other.", change=Change.NEVER,
    )
    cluster_secret: bytes = row(
        "cluster-secret", SecretType(), b"", Section.CLUSTER,
        "Secret that all nodes of the cluster share; whoever cannot prove to know it is not"
        " talked to. With protected-mode or requirepass it is needed as soon as other machines"
        " can reach the gossip port. CONFIG GET does not show it.",
        change=Change.NEVER, visible=False,
    )
    cluster_announce_ip: str = row(
        "cluster-announce-ip", AddressType("ADDRESS"), "", Section.CLUSTER,
        "Address at which nodes and clients reach this node, where that is not the one it listens"
        " on (containers, NAT, or bind *).", change=Change.NEVER,
    )
    cluster_announce_port: int = integer(
        "cluster-announce-port", 0, 0, 65535, Section.CLUSTER,
        "Port at which clients reach this node; that of port when 0.", change=Change.NEVER,
    )
    cluster_announce_bus_port: int = integer(
        "cluster-announce-bus-port", 0, 0, 65535, Section.CLUSTER,
        "Port at which other nodes reach this node; that of gossip-port when 0.",
        change=Change.NEVER,
    )
    datacenter: str = row(
        "datacenter", NameType("NAME"), "dc1", Section.CLUSTER,
        "Datacenter that this node stands in; each has replicas of its own.",
        change=Change.NEVER,
    )
    rack: str = row(
        "rack", NameType("NAME"), "", Section.CLUSTER,
        "Rack or zone within the datacenter; replicas are spread over racks.",
        change=Change.NEVER,
    )
    machine: str = row(
        "machine", NameType("NAME"), "", Section.CLUSTER,
        "Machine within the rack; replicas are on different machines wherever that is possible."
        " The host name of the system when empty, so nodes of one machine know that they are.",
        change=Change.NEVER,
    )
    capacity_weight: float = row(
        "capacity-weight", DecimalType(1 / WEIGHT_STEPS, WEIGHT_MAX), 1.0, Section.CLUSTER,
        "How much this node should hold, compared with others: one with 2 takes twice what one"
        " with 1 takes. For a node that has joined, meridian-ctl weight changes it.",
        change=Change.NEVER,
    )
    roles: Role = row(
        "roles", RolesType(), ALL_ROLES, Section.CLUSTER,
        "What this node does: coordinator (takes any request and hands it on), storage (holds"
        " data), rebalancer (may vote about the map of the cluster).", change=Change.NEVER,
    )
    cluster_bootstrap: bool = switch(
        "cluster-bootstrap", False, Section.CLUSTER,
        "Form a cluster of one node when nobody else is there, instead of waiting for others.",
        change=Change.NEVER,
    )
    cluster_replicas: int = integer(
        "cluster-replicas", 3, 1, REPLICAS_MAX, Section.CLUSTER,
        "Copies of each key per datacenter in a cluster that this node forms.",
        change=Change.NEVER,
    )
    auto_rebalance: bool = switch(
        "auto-rebalance", True, Section.CLUSTER,
        "Move partitions without being asked after nodes have come or gone; with no they wait for"
        " meridian-ctl commit. It holds where nothing is set for the whole cluster (meridian-ctl"
        " settings set auto-rebalance).", change=Change.NEVER,
    )
    rebalance_settle_s: int = integer(
        "rebalance-settle", 5, 0, 86400, Section.CLUSTER,
        "How long nothing must have changed before partitions are moved by themselves.",
        unit="s", change=Change.NEVER,
    )
    cluster_redirects: bool = switch(
        "cluster-redirects", False, Section.CLUSTER,
        "Answer requests for keys of other nodes with MOVED, as Redis Cluster does, instead of"
        " handing them on.",
    )
    cluster_require_full_coverage: bool = switch(
        "cluster-require-full-coverage", False, Section.CLUSTER,
        "Refuse all keys while some slots belong to nobody, and not only the keys of these."
        " Unlike in Redis the default is no.",
    )
    cluster_forward_timeout_ms: int = integer(
        "cluster-forward-timeout", 5000, 10, INT32_MAX, Section.CLUSTER,
        "How long a request that was handed on may take; then the client gets an error.",
        unit="ms",
    )
    peer_queue_max_bytes: int = memory(
        "peer-queue-max", 64 * _MEGABYTE, 16 * _MEGABYTE, Section.CLUSTER,
        "What may wait to be sent to one other node; beyond it requests for that node are"
        " refused.", change=Change.NEVER,
    )
    phi_threshold: float = row(
        "phi-threshold", DecimalType(1.0, 300.0), 8.0, Section.CLUSTER,
        "Phi from which a node is held dead for routing: wrong once in ten to the power of it.",
        change=Change.NEVER,
    )
    phi_suspect: float = row(
        "phi-suspect", DecimalType(0.1, 300.0), 1.0, Section.CLUSTER,
        "Phi from which a node is suspected; at most phi-threshold.", change=Change.NEVER,
    )
    cluster_tls_cert_file: str = path(
        "cluster-tls-cert-file", "", Section.CLUSTER,
        "Certificate (PEM) with which this node shows itself to other nodes; links between nodes"
        " are encrypted when it is given.",
    )
    cluster_tls_key_file: str = path(
        "cluster-tls-key-file", "", Section.CLUSTER, "Private key (PEM) of that certificate.",
    )
    cluster_tls_ca_cert_file: str = path(
        "cluster-tls-ca-cert-file", "", Section.CLUSTER,
        "Certificates (PEM) of the authority that must have signed those of other nodes.",
    )
    cluster_node_timeout_ms: int = integer(
        "cluster-node-timeout", 15000, 0, INT32_MAX, Section.CLUSTER,
        "Redis' time after which a silent node has failed.", unit="ms", change=Change.NEVER,
        no_effect=_NODE_TIMEOUT,
    )
