"""CLUSTER: what may be asked about the cluster, as Redis Cluster answers it.

The commands that change it are in `cluster_changes`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cluster.redis_ids import to_redis_id
from cluster.slots import SLOT_COUNT, slot_of
from meridian_resp.commands.arguments import integer_argument
from meridian_resp.commands.cluster_arguments import cluster_of, node_argument, picture_of
from meridian_resp.commands.cluster_texts import (
    info_text,
    links_reply,
    nodes_text,
    shards_reply,
    slots_reply,
)
from meridian_resp.commands.help_lines import help_reply, refuse_subcommand
from meridian_resp.commands.outcomes import Outcome, Slices
from meridian_resp.commands.registry import Argument, Flag, Group, command
from meridian_resp.datatypes.slot_keys import walk_slot
from meridian_resp.errors import CommandError
from meridian_resp.protocol.replies import Reply, Verbatim, bulks, integer, text

if TYPE_CHECKING:
    from collections.abc import Generator

    from meridian_resp.commands.context import Context
    from meridian_resp.datatypes.database import Database

CHANGING: Final = ("nondeterministic_output",)
NODE_ID: Final = Argument("node-id")
SLOT: Final = Argument("slot", "integer")
QUESTION: Final = Flag.ADMIN | Flag.STALE

HELP: Final = (
    ("ADDSLOTS <slot> [<slot> ...]", "Let this node own slots that nobody has."),
    ("ADDSLOTSRANGE <first> <last> [<first> <last> ...]", "The same for ranges of slots."),
    ("BUMPEPOCH", "Give this node the greatest config epoch."),
    ("COUNT-FAILURE-REPORTS <node-id>", "1 if membership suspects the node, else 0."),
    ("COUNTKEYSINSLOT <slot>", "Number of this node's keys in a slot."),
    ("DELSLOTS <slot> [<slot> ...]", "Let nobody own these slots; they must be empty."),
    ("DELSLOTSRANGE <first> <last> [<first> <last> ...]", "The same for ranges of slots."),
    ("FAILOVER [FORCE|TAKEOVER]", "Refused: no node holds a copy that could take over."),
    ("FORGET <node-id>", "Remove a node that owns nothing."),
    ("GETKEYSINSLOT <slot> <count>", "Some of this node's keys in a slot."),
    ("FLUSHSLOTS", "Let nobody own this node's slots; they must be empty."),
    ("INFO", "State and numbers."),
    ("KEYSLOT <key>", "The slot of a key."),
    ("LINKS", "The links between this node and others."),
    ("MEET <ip> <port> [<bus-port>]", "Make contact with a node."),
    ("MYID", "The id of this node."),
    ("MYSHARDID", "The id of the node that owns what this one serves or copies."),
    ("NODES", "One line per node: id, address, flags, master, times, epoch, link, slots."),
    ("REPLICAS <node-id>", "The lines of the nodes that replicate a node."),
    ("REPLICATE <node-id>", "Let this node, which must own nothing, replicate another one."),
    ("RESET [HARD|SOFT]", "Let this node belong to no cluster any more."),
    ("SAVECONFIG", "Nothing to do: what a node knows of its cluster is always on disk."),
    ("SET-CONFIG-EPOCH <epoch>", "Set the config epoch of a node that belongs to no cluster."),
    (
        "SETSLOT <slot> (IMPORTING <node-id>|MIGRATING <node-id>|STABLE|NODE <node-id>)",
        "Mark a slot, or give an empty one to a node.",
    ),
    ("SHARDS", "The nodes with their slots, by master."),
    ("SLOTS", "Ranges of slots with the nodes that serve them."),
)


@command(
    "CLUSTER", arity=-2, group=Group.CLUSTER, since="3.0.0",
    summary="Holds the commands about the cluster.", complexity="Depends on subcommand.",
)  # fmt: skip
def cluster(context: Context, arguments: list[bytes]) -> Reply:
    """CLUSTER without one of its sub-commands."""
    refuse_subcommand("CLUSTER", arguments)


@command(
    "INFO", container="cluster", arity=2, flags=Flag.STALE, group=Group.CLUSTER, since="3.0.0",
    summary="State and numbers of the cluster.", complexity="O(1)", tips=CHANGING,
)  # fmt: skip
def cluster_info(context: Context, arguments: list[bytes]) -> Reply:
    """CLUSTER INFO."""
    port = cluster_of(context)
    cluster_map = port.map()
    lines = info_text(
        picture_of(context),
        port.statistics(),
        epoch=0 if cluster_map is None else cluster_map.epoch,
        needs_coverage=context.settings.cluster_require_full_coverage,
    )
    return Verbatim(lines.encode())


@command(
    "NODES", container="cluster", arity=2, flags=Flag.STALE, group=Group.CLUSTER, since="3.0.0",
    summary="One line per node of the cluster.",
    complexity="O(N) where N is the total number of Cluster nodes", tips=CHANGING,
)  # fmt: skip
def cluster_nodes(context: Context, arguments: list[bytes]) -> Reply:
    """CLUSTER NODES."""
    lines = nodes_text(picture_of(context).nodes, context.server.slot_marks)
    return Verbatim(lines.encode())


@command(
    "SLOTS", container="cluster", arity=2, flags=Flag.STALE, group=Group.CLUSTER, since="3.0.0",
    summary="Ranges of slots with the nodes that serve them.",
    complexity="O(N) where N is the total number of Cluster nodes", tips=CHANGING,
    documentation_flags=("deprecated",), deprecated_since="7.0.0",
    replaced_by="`CLUSTER SHARDS`",
    history=[("4.0.0", "Added node IDs."), ("7.0.0", "Added further addresses.")],
)  # fmt: skip
def cluster_slots(context: Context, arguments: list[bytes]) -> Reply:
    """CLUSTER SLOTS."""
    return slots_reply(picture_of(context))


@command(
    "SHARDS", container="cluster", arity=2, flags=Flag.STALE, group=Group.CLUSTER, since="7.0.0",
    summary="The nodes with their slots, by master.",
    complexity="O(N) where N is the total number of cluster nodes", tips=CHANGING,
)  # fmt: skip
def cluster_shards(context: Context, arguments: list[bytes]) -> Reply:
    """CLUSTER SHARDS."""
    return shards_reply(picture_of(context))


@command(
    "MYID", container="cluster", arity=2, flags=Flag.STALE, group=Group.CLUSTER, since="3.0.0",
    summary="The id of this node.", complexity="O(1)",
)  # fmt: skip
def cluster_myid(context: Context, arguments: list[bytes]) -> Reply:
    """CLUSTER MYID."""
    return text(to_redis_id(cluster_of(context).own_id))


@command(
    "MYSHARDID", container="cluster", arity=2, flags=Flag.STALE, group=Group.CLUSTER,
    since="7.2.0", summary="The id of the node that owns what this one serves or copies.",
    complexity="O(1)", tips=CHANGING,
)  # fmt: skip
def cluster_myshardid(context: Context, arguments: list[bytes]) -> Reply:
    """CLUSTER MYSHARDID: a shard is named after its master."""
    own = picture_of(context).own
    return text(to_redis_id(own.node if own.master is None else own.master))


@command(
    "KEYSLOT", container="cluster", arity=3, flags=Flag.STALE, group=Group.CLUSTER,
    since="3.0.0", summary="The slot of a key.",
    complexity="O(N) where N is the number of bytes in the key", arguments=[Argument("key")],
)  # fmt: skip
def cluster_keyslot(context: Context, arguments: list[bytes]) -> Reply:
    """CLUSTER KEYSLOT key."""
    cluster_of(context)
    return integer(slot_of(arguments[2]))


@command(
    "COUNTKEYSINSLOT", container="cluster", arity=3, flags=Flag.STALE | Flag.LONG,
    group=Group.CLUSTER, since="3.0.0", summary="Number of this node's keys in a slot.",
    complexity="O(N) where N is the number of keys in the slot; other clients are served "
               "meanwhile",
    arguments=[SLOT],
)  # fmt: skip
def cluster_countkeysinslot(context: Context, arguments: list[bytes]) -> Outcome:
    """CLUSTER COUNTKEYSINSLOT slot."""
    cluster_of(context)
    slot = integer_argument(arguments[2])
    if not 0 <= slot < SLOT_COUNT:
        raise CommandError("ERR Invalid slot")
    return Slices(_count(context.database, slot))


def _count(database: Database, slot: int) -> Generator[None, None, Reply]:
    found = yield from walk_slot(database, slot)
    return integer(len(found))


@command(
    "GETKEYSINSLOT", container="cluster", arity=4, flags=Flag.STALE | Flag.LONG,
    group=Group.CLUSTER, since="3.0.0", summary="Some of this node's keys in a slot.",
    complexity="O(N) where N is the number of requested keys", tips=CHANGING,
    arguments=[SLOT, Argument("count", "integer")],
)  # fmt: skip
def cluster_getkeysinslot(context: Context, arguments: list[bytes]) -> Outcome:
    """CLUSTER GETKEYSINSLOT slot count."""
    cluster_of(context)
    slot, count = integer_argument(arguments[2]), integer_argument(arguments[3])
    if not 0 <= slot < SLOT_COUNT or count < 0:
        raise CommandError("ERR Invalid slot or number of keys")
    return Slices(_collect(context.database, slot, count))


def _collect(database: Database, slot: int, count: int) -> Generator[None, None, Reply]:
    found = yield from walk_slot(database, slot, count)
    return bulks(found)


@command(
    "REPLICAS", container="cluster", arity=3, flags=QUESTION, group=Group.CLUSTER,
    since="5.0.0", summary="The nodes that replicate a node.", complexity="O(1)",
    tips=CHANGING, arguments=[NODE_ID],
)  # fmt: skip
@command(
    "SLAVES", container="cluster", arity=3, flags=QUESTION, group=Group.CLUSTER,
    since="3.0.0", summary="The nodes that replicate a node.", complexity="O(1)",
    tips=CHANGING, arguments=[NODE_ID],
    documentation_flags=("deprecated",), deprecated_since="5.0.0",
    replaced_by="`CLUSTER REPLICAS`",
)  # fmt: skip
def cluster_replicas(context: Context, arguments: list[bytes]) -> Reply:
    """CLUSTER REPLICAS node-id: a line for each, as CLUSTER NODES has it."""
    node = node_argument(context, arguments[2])
    if node.master is not None:
        raise CommandError("ERR The specified node is not a master")
    replicas = picture_of(context).replicas_of(node.node)
    marks = context.server.slot_marks
    return bulks([nodes_text([one], marks).rstrip("\n").encode() for one in replicas])


@command(
    "LINKS", container="cluster", arity=2, flags=Flag.STALE, group=Group.CLUSTER, since="7.0.0",
    summary="The links between this node and others.",
    complexity="O(N) where N is the total number of Cluster nodes", tips=CHANGING,
)  # fmt: skip
def cluster_links(context: Context, arguments: list[bytes]) -> Reply:
    """CLUSTER LINKS."""
    return links_reply(cluster_of(context).links())


@command(
    "COUNT-FAILURE-REPORTS", container="cluster", arity=3, flags=QUESTION, group=Group.CLUSTER,
    since="3.0.0", summary="Whether membership suspects a node.",
    complexity="O(1)", tips=CHANGING, arguments=[NODE_ID],
)  # fmt: skip
def cluster_count_failure_reports(context: Context, arguments: list[bytes]) -> Reply:
    """CLUSTER COUNT-FAILURE-REPORTS node-id.

    Suspicions are agreed on before they get here, so there is one or none.
    """
    node = node_argument(context, arguments[2])
    return integer(int(node.is_suspected or node.is_failed))


@command(
    "HELP", container="cluster", arity=2, flags=Flag.LOADING | Flag.STALE, group=Group.CLUSTER,
    since="5.0.0", summary="Lists the sub-commands.", complexity="O(1)",
)  # fmt: skip
def cluster_help(context: Context, arguments: list[bytes]) -> Reply:
    """CLUSTER HELP."""
    cluster_of(context)
    return help_reply("CLUSTER", HELP)
