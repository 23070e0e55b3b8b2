"""The CLUSTER commands that change the cluster.

Most become a request to the control plane, and the client is answered when it is done: for a
change of the map that is when the metadata log has committed it. What depends on nothing but this
node's own knowledge is checked first, in Redis' words. A transaction can't wait, so these
commands are refused inside one.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final

from cluster.control import requests
from cluster.identity import Endpoint
from cluster.slots import SlotSet
from meridian_resp.commands.arguments import integer_argument, shown
from meridian_resp.commands.cluster_arguments import (
    ask,
    cluster_of,
    node_argument,
    picture_of,
    slot_argument,
    slot_owners,
    wanted_slots,
)
from meridian_resp.commands.declarations import integer, word
from meridian_resp.commands.help_lines import refuse_call
from meridian_resp.commands.outcomes import Outcome
from meridian_resp.commands.registry import Argument, Flag, Group, command
from meridian_resp.errors import SYNTAX, CommandError, wrong_arguments
from meridian_resp.protocol.numbers import INT64_MAX
from meridian_resp.protocol.replies import OK, Reply, simple

if TYPE_CHECKING:
    from cluster.identity import NodeId
    from meridian_resp.commands.cluster_port import ClusterPort
    from meridian_resp.commands.context import Context

CHANGE: Final = Flag.ADMIN | Flag.STALE | Flag.NO_ASYNC_LOADING
COMMITTED: Final = "A round of the metadata log"
NODE_ID: Final = Argument("node-id")
SLOTS: Final = Argument("slot", "integer", multiple=True)
SPANS: Final = Argument(
    "start-slot_end-slot", "block", multiple=True,
    arguments=(integer("start-slot"), integer("end-slot")),
)  # fmt: skip
#: How far Redis' bus port is from its client port.
REDIS_BUS_DISTANCE: Final = 10_000
NO_ACTION: Final = "ERR Invalid CLUSTER SETSLOT action or number of arguments. Try CLUSTER HELP"
NO_FAILOVER: Final = (
    "ERR Failover is not possible: no node holds a copy of another node's keys yet. "
    "A slot without keys is moved by CLUSTER SETSLOT NODE"
)


@command(
    "MEET", container="cluster", arity=-4, flags=CHANGE, group=Group.CLUSTER, since="3.0.0",
    summary="Makes contact with a node.", complexity="O(1)",
    arguments=[
        Argument("ip"), integer("port"),
        Argument("cluster_bus_port", "integer", optional=True, since="4.0.0"),
    ],
    history=[("4.0.0", "Added the optional `cluster_bus_port` argument.")],
)  # fmt: skip
def cluster_meet(context: Context, arguments: list[bytes]) -> Outcome:
    """CLUSTER MEET ip port [bus-port].

    Without a bus port that of the other node is looked for where this node has its own, and
    where Redis has it.
    """
    if len(arguments) > 5:
        refuse_call("CLUSTER", arguments)
    host, port_text = shown(arguments[2]), shown(arguments[3])
    port = integer_argument(arguments[3], f"ERR Invalid TCP base port specified: {port_text}")
    if len(arguments) == 5:
        refusal = f"ERR Invalid TCP bus port specified: {shown(arguments[4])}"
        bus_ports = [integer_argument(arguments[4], refusal)]
    else:
        bus_ports = _likely_bus_ports(context, port)
    usable = [number for number in dict.fromkeys(bus_ports) if 0 < number <= 65535]
    if not usable or not 0 < port <= 65535 or not _is_address(host):
        raise CommandError(f"ERR Invalid node address specified: {host}:{port_text}")
    return ask(context, requests.Meet(tuple([Endpoint(host, number) for number in usable])))


def _likely_bus_ports(context: Context, port: int) -> list[int]:
    own = picture_of(context).own
    return [port + own.bus_port - own.client_port, port + REDIS_BUS_DISTANCE]


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


@command(
    "FORGET", container="cluster", arity=3, flags=CHANGE, group=Group.CLUSTER, since="3.0.0",
    summary="Removes a node that owns nothing.", complexity=COMMITTED, arguments=[NODE_ID],
)  # fmt: skip
def cluster_forget(context: Context, arguments: list[bytes]) -> Outcome:
    """CLUSTER FORGET node-id."""
    node = node_argument(context, arguments[2])
    if node.is_self:
        raise CommandError("ERR I tried hard but I can't forget myself...")
    if picture_of(context).own.master == node.node:
        raise CommandError("ERR Can't forget my master!")
    return ask(context, requests.Forget(node.node))


@command(
    "ADDSLOTS", container="cluster", arity=-3, flags=CHANGE, group=Group.CLUSTER, since="3.0.0",
    summary="Lets this node own slots that nobody has.", complexity=COMMITTED,
    arguments=[SLOTS],
)  # fmt: skip
def cluster_addslots(context: Context, arguments: list[bytes]) -> Outcome:
    """CLUSTER ADDSLOTS slot [slot ...]."""
    return _add_slots(context, _single_slots(context, arguments))


@command(
    "ADDSLOTSRANGE", container="cluster", arity=-4, flags=CHANGE, group=Group.CLUSTER,
    since="7.0.0", summary="Lets this node own ranges of slots that nobody has.",
    complexity=COMMITTED, arguments=[SPANS],
)  # fmt: skip
def cluster_addslotsrange(context: Context, arguments: list[bytes]) -> Outcome:
    """CLUSTER ADDSLOTSRANGE first last [first last ...]."""
    return _add_slots(context, _spans(context, arguments))


@command(
    "DELSLOTS", container="cluster", arity=-3, flags=CHANGE, group=Group.CLUSTER, since="3.0.0",
    summary="Lets nobody own these slots; they must be empty.", complexity=COMMITTED,
    arguments=[SLOTS],
)  # fmt: skip
def cluster_delslots(context: Context, arguments: list[bytes]) -> Outcome:
    """CLUSTER DELSLOTS slot [slot ...]."""
    return _delete_slots(context, _single_slots(context, arguments))


@command(
    "DELSLOTSRANGE", container="cluster", arity=-4, flags=CHANGE, group=Group.CLUSTER,
    since="7.0.0", summary="Lets nobody own these ranges of slots; they must be empty.",
    complexity=COMMITTED, arguments=[SPANS],
)  # fmt: skip
def cluster_delslotsrange(context: Context, arguments: list[bytes]) -> Outcome:
    """CLUSTER DELSLOTSRANGE first last [first last ...]."""
    return _delete_slots(context, _spans(context, arguments))


def _single_slots(context: Context, arguments: list[bytes]) -> list[tuple[int, int]]:
    cluster_of(context)
    slots = [slot_argument(text) for text in arguments[2:]]
    return [(slot, slot) for slot in slots]


def _spans(context: Context, arguments: list[bytes]) -> list[tuple[int, int]]:
    cluster_of(context)
    if len(arguments) % 2:
        name = shown(arguments[1]).lower()
        raise CommandError(wrong_arguments(f"cluster|{name}"))
    bounds = [slot_argument(text) for text in arguments[2:]]
    spans = list(zip(bounds[::2], bounds[1::2], strict=True))
    for first, last in spans:
        if first > last:
            raise CommandError(
                f"ERR start slot number {first} is greater than end slot number {last}"
            )
    return spans


def _add_slots(context: Context, spans: list[tuple[int, int]]) -> Outcome:
    owners = slot_owners(cluster_of(context))
    return ask(context, requests.AddSlots(wanted_slots(spans, owners, must_be_free=True)))


def _delete_slots(context: Context, spans: list[tuple[int, int]]) -> Outcome:
    owners = slot_owners(cluster_of(context))
    return ask(context, requests.DelSlots(wanted_slots(spans, owners, must_be_free=False)))


@command(
    "FLUSHSLOTS", container="cluster", arity=2, flags=CHANGE, group=Group.CLUSTER,
    since="3.0.0", summary="Lets nobody own this node's slots; they must be empty.",
    complexity=COMMITTED,
)  # fmt: skip
def cluster_flushslots(context: Context, arguments: list[bytes]) -> Outcome:
    """CLUSTER FLUSHSLOTS."""
    cluster_of(context)
    if context.database.count:
        raise CommandError("ERR DB must be empty to perform CLUSTER FLUSHSLOTS.")
    return ask(context, requests.FlushSlots())


@command(
    "SETSLOT", container="cluster", arity=-4, flags=CHANGE, group=Group.CLUSTER, since="3.0.0",
    summary="Marks a slot, or gives an empty one to a node.",
    complexity="O(1); with NODE a round of the metadata log",
    arguments=[
        integer("slot"),
        Argument("subcommand", "oneof", arguments=(
            Argument("node-id", token="IMPORTING"),
            Argument("node-id", token="MIGRATING"),
            Argument("node-id", token="NODE"),
            word("stable"),
        )),
    ],
)  # fmt: skip
def cluster_setslot(context: Context, arguments: list[bytes]) -> Outcome:
    """CLUSTER SETSLOT slot IMPORTING node-id | MIGRATING node-id | NODE node-id | STABLE."""
    port = cluster_of(context)
    if picture_of(context).own.master is not None:
        raise CommandError("ERR You can use SETSLOT only with masters.")
    slot = slot_argument(arguments[2])
    action = arguments[3].upper()
    marks = context.server.slot_marks
    if action == b"STABLE" and len(arguments) == 4:
        marks.clear([slot])
        return OK
    if len(arguments) != 5:
        raise CommandError(NO_ACTION)
    if action == b"NODE":
        return _give_slot(context, slot, node_argument(context, arguments[4]).node)
    is_own = slot_owners(port)[slot] == port.own_id
    if action == b"MIGRATING":
        if not is_own:
            raise CommandError(f"ERR I'm not the owner of hash slot {slot}")
        marks.migrating[slot] = _marked_node(context, arguments[4])
        return OK
    if action == b"IMPORTING":
        if is_own:
            raise CommandError(f"ERR I'm already the owner of hash slot {slot}")
        marks.importing[slot] = _marked_node(context, arguments[4])
        return OK
    raise CommandError(NO_ACTION)


def _marked_node(context: Context, text: bytes) -> NodeId:
    node = node_argument(context, text, "ERR I don't know about node {}".format)
    if node.master is not None:
        raise CommandError("ERR Target node is not a master")
    return node.node


def _give_slot(context: Context, slot: int, node: NodeId) -> Outcome:
    """Let a node lead a slot. It must hold no keys where it is now; the refusal counts them."""
    marks = context.server.slot_marks

    def settle(done: requests.Done) -> Reply:
        marks.clear([slot])
        return OK

    return ask(context, requests.MoveSlots(SlotSet.of([slot]), node), settle)


@command(
    "REPLICATE", container="cluster", arity=3, flags=CHANGE, group=Group.CLUSTER,
    since="3.0.0", summary="Lets this node, which must own nothing, replicate another one.",
    complexity=COMMITTED, arguments=[NODE_ID],
)  # fmt: skip
def cluster_replicate(context: Context, arguments: list[bytes]) -> Outcome:
    """CLUSTER REPLICATE node-id."""
    node = node_argument(context, arguments[2])
    if node.is_self:
        raise CommandError("ERR Can't replicate myself")
    if node.master is not None:
        raise CommandError("ERR I can only replicate a master, not a replica.")
    own = picture_of(context).own
    if own.master is None and (len(own.slots) or context.database.count):
        raise CommandError(
            "ERR To set a master the node must be empty and without assigned slots."
        )
    return ask(context, requests.Replicate(node.node))


@command(
    "SAVECONFIG", container="cluster", arity=2, flags=CHANGE, group=Group.CLUSTER,
    since="3.0.0", summary="Nothing to do: what a node knows of its cluster is always on disk.",
    complexity="O(1)",
)  # fmt: skip
def cluster_saveconfig(context: Context, arguments: list[bytes]) -> Reply:
    """CLUSTER SAVECONFIG: what the node promised to anybody is durable before it is said."""
    cluster_of(context)
    return OK


@command(
    "BUMPEPOCH", container="cluster", arity=2, flags=CHANGE, group=Group.CLUSTER, since="3.0.0",
    summary="Gives this node the greatest config epoch.", complexity=COMMITTED,
    tips=["nondeterministic_output"],
)  # fmt: skip
def cluster_bumpepoch(context: Context, arguments: list[bytes]) -> Outcome:
    """CLUSTER BUMPEPOCH: BUMPED or STILL, and the epoch."""
    port = cluster_of(context)
    before = _own_config_epoch(port)

    def answer(done: requests.Done) -> Reply:
        now = _own_config_epoch(port)
        return simple(f"{'STILL' if now == before else 'BUMPED'} {now}")

    return ask(context, requests.BumpEpoch(), answer)


def _own_config_epoch(port: ClusterPort) -> int:
    cluster_map = port.map()
    member = None if cluster_map is None else cluster_map.members.get(port.own_id)
    return port.claims().config_epoch if member is None else member.config_epoch


@command(
    "SET-CONFIG-EPOCH", container="cluster", arity=3, flags=CHANGE, group=Group.CLUSTER,
    since="3.0.0", summary="Sets the config epoch of a node that belongs to no cluster.",
    complexity="O(1)", arguments=[Argument("config-epoch", "integer")],
)  # fmt: skip
def cluster_set_config_epoch(context: Context, arguments: list[bytes]) -> Outcome:
    """CLUSTER SET-CONFIG-EPOCH epoch."""
    port = cluster_of(context)
    epoch = integer_argument(arguments[2])
    if not 0 <= epoch <= INT64_MAX:
        raise CommandError(f"ERR Invalid config epoch specified: {epoch}")
    if len(picture_of(context).nodes) > 1:
        raise CommandError(
            "ERR The user can assign a config epoch only when the node does not know any other "
            "node."
        )
    if _own_config_epoch(port):
        raise CommandError("ERR Node config epoch is already non-zero")
    return ask(context, requests.SetConfigEpoch(epoch))


@command(
    "RESET", container="cluster", arity=-2, flags=Flag.ADMIN | Flag.STALE | Flag.NOSCRIPT,
    group=Group.CLUSTER, since="3.0.0",
    summary="Lets this node belong to no cluster any more.", complexity=COMMITTED,
    arguments=[
        Argument("hard_soft", "oneof", optional=True, arguments=(word("hard"), word("soft"))),
    ],
)  # fmt: skip
def cluster_reset(context: Context, arguments: list[bytes]) -> Outcome:
    """CLUSTER RESET [HARD | SOFT]; either way it goes on under another id."""
    cluster_of(context)
    if len(arguments) > 3:
        refuse_call("CLUSTER", arguments)
    kind = arguments[2].upper() if len(arguments) == 3 else b"SOFT"
    if kind not in (b"HARD", b"SOFT"):
        raise CommandError(SYNTAX)
    if any(database.count for database in context.keyspace.databases):
        raise CommandError("ERR CLUSTER RESET can't be called with master nodes containing keys")
    marks = context.server.slot_marks

    def settle(done: requests.Done) -> Reply:
        marks.clear()
        return OK

    return ask(context, requests.Reset(kind == b"HARD"), settle)


@command(
    "FAILOVER", container="cluster", arity=-2, flags=CHANGE, group=Group.CLUSTER, since="3.0.0",
    summary="Refused: no node holds a copy that could take over.", complexity="O(1)",
    arguments=[
        Argument("options", "oneof", optional=True, arguments=(word("force"), word("takeover"))),
    ],
)  # fmt: skip
def cluster_failover(context: Context, arguments: list[bytes]) -> Reply:
    """CLUSTER FAILOVER [FORCE | TAKEOVER]."""
    if len(arguments) > 3:
        refuse_call("CLUSTER", arguments)
    own = picture_of(context).own
    if len(arguments) == 3 and arguments[2].upper() not in (b"FORCE", b"TAKEOVER"):
        raise CommandError(SYNTAX)
    if own.master is None:
        raise CommandError("ERR You should send CLUSTER FAILOVER to a replica")
    raise CommandError(NO_FAILOVER)
