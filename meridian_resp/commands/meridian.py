"""MERIDIAN: what the node knows of its cluster, as JSON for tools. `meridian-ctl` is one of them.

Redis' CLUSTER commands say what Redis Cluster has words for; here is the rest: plans, transitions,
phi, the metadata log. The sub-commands that change something are in `meridian_changes`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meridian_resp.commands.help_lines import help_reply, refuse_subcommand
from meridian_resp.commands.meridian_arguments import cluster_of, map_of
from meridian_resp.commands.meridian_documents import (
    map_document,
    node_documents,
    phi_documents,
    ring_document,
    status_document,
)
from meridian_resp.commands.meridian_values import JsonValue, encode, plain
from meridian_resp.commands.registry import Flag, Group, command
from meridian_resp.protocol.replies import Reply, bulk

if TYPE_CHECKING:
    from meridian_resp.commands.context import Context

QUESTION = Flag.ADMIN | Flag.NOSCRIPT | Flag.LOADING | Flag.STALE | Flag.NO_MULTI

HELP = (
    ("CLUSTER-STATUS", "The cluster in a few numbers, and what is wrong with it."),
    ("NODES", "All known nodes: where they stand, how they are, what they lead and hold."),
    ("RING", "What each member should lead by its weight, and what it does."),
    ("MAP", "The cluster map: partitions, their slots and replicas, open transitions."),
    ("PLAN", "What COMMIT would change now."),
    ("COMMIT <epoch>", "Carry out the plan that was shown for this epoch."),
    ("JOIN <host>[:<port>] ...", "Make contact with nodes, by their gossip ports."),
    ("FORM", "Form a cluster of the nodes in contact, or of this one alone."),
    ("DRAIN <node>", "Plan nothing for a node any more and move away what it holds."),
    ("ACTIVATE <node>", "Take DRAIN or DECOMMISSION back."),
    ("DECOMMISSION <node>", "Drain a node, and remove it once it holds nothing."),
    ("WRITE-OFF <node> LOSE-ITS-KEYS", "Give up a node that is dead for good, with its keys."),
    ("REPLACE <old> <new>", "Let a member take all places of another, which is then removed."),
    ("WEIGHT <node> <weight>", "How much a member should take; 0: as the node itself says."),
    ("SETTING <name> <value>", "Set a setting of the whole cluster; an empty value removes it."),
    ("FEATURE <name> ON|OFF", "Switch a feature of the whole cluster."),
    ("UNPIN <slots> ...", "Let the planner decide again about slots that were placed by hand."),
    ("ABORT <partition>", "Give up the move of a partition before reads are at the new place."),
    ("FORCE-SYNC", "Exchange membership tables with every live node now."),
    ("PHI", "How this node finds the nodes whose heartbeats it gets."),
    ("METADATA", "State of the metadata log that the map is agreed on through."),
)


@command(
    "MERIDIAN", arity=-2, group=Group.CLUSTER, since="0.1.0",
    summary="Holds the commands with which tools look after a cluster.",
    complexity="Depends on subcommand.",
)  # fmt: skip
def meridian(context: Context, arguments: list[bytes]) -> Reply:
    """MERIDIAN without one of its sub-commands."""
    refuse_subcommand("MERIDIAN", arguments)


@command(
    "CLUSTER-STATUS", container="meridian", arity=2, flags=QUESTION, group=Group.CLUSTER,
    since="0.1.0", summary="The cluster in a few numbers, and what is wrong with it, as JSON.",
    complexity="O(P) where P is the number of partitions",
)  # fmt: skip
def meridian_cluster_status(context: Context, arguments: list[bytes]) -> Reply:
    """MERIDIAN CLUSTER-STATUS."""
    return _json(status_document(cluster_of(context)))


@command(
    "NODES", container="meridian", arity=2, flags=QUESTION, group=Group.CLUSTER,
    since="0.1.0", summary="All known nodes, as JSON.",
    complexity="O(N+P) where N is the number of nodes and P that of partitions",
)  # fmt: skip
def meridian_nodes(context: Context, arguments: list[bytes]) -> Reply:
    """MERIDIAN NODES."""
    return _json(node_documents(cluster_of(context)))


@command(
    "RING", container="meridian", arity=2, flags=QUESTION, group=Group.CLUSTER,
    since="0.1.0", summary="What each member should lead by its weight, and does, as JSON.",
    complexity="O(N+P) where N is the number of nodes and P that of partitions",
)  # fmt: skip
def meridian_ring(context: Context, arguments: list[bytes]) -> Reply:
    """MERIDIAN RING."""
    return _json(ring_document(map_of(context)))


@command(
    "MAP", container="meridian", arity=2, flags=QUESTION, group=Group.CLUSTER,
    since="0.1.0", summary="The cluster map, as JSON.",
    complexity="O(S) where S is the number of slots",
)  # fmt: skip
def meridian_map(context: Context, arguments: list[bytes]) -> Reply:
    """MERIDIAN MAP."""
    return _json(map_document(map_of(context)))


@command(
    "PHI", container="meridian", arity=2, flags=QUESTION, group=Group.CLUSTER,
    since="0.1.0", summary="How this node finds the nodes whose heartbeats it gets, as JSON.",
    complexity="O(N) where N is the number of watched nodes",
)  # fmt: skip
def meridian_phi(context: Context, arguments: list[bytes]) -> Reply:
    """MERIDIAN PHI."""
    return _json(phi_documents(cluster_of(context)))


@command(
    "METADATA", container="meridian", arity=2, flags=QUESTION, group=Group.CLUSTER,
    since="0.1.0", summary="State of the metadata log, as JSON.", complexity="O(1)",
)  # fmt: skip
def meridian_metadata(context: Context, arguments: list[bytes]) -> Reply:
    """MERIDIAN METADATA."""
    return _json(plain(cluster_of(context).metadata()))


@command(
    "HELP", container="meridian", arity=2, flags=Flag.LOADING | Flag.STALE,
    group=Group.CLUSTER, since="0.1.0", summary="Lists the sub-commands.", complexity="O(1)",
)  # fmt: skip
def meridian_help(context: Context, arguments: list[bytes]) -> Reply:
    """MERIDIAN HELP."""
    return help_reply("MERIDIAN", HELP)


def _json(document: JsonValue) -> bytes:
    return bulk(encode(document))
