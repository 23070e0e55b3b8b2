"""MERIDIAN's sub-commands that change the cluster.

Each becomes a request to the control plane and is answered when that has an answer: for a change
of the map, when the metadata log has committed it. The answer is JSON, `{"text", "epoch"}`; the
epoch is that of the map in which the change is, 0 if it is in none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cluster.control import requests
from cluster.slots import SLOT_COUNT
from meridian_resp.commands import cluster_arguments
from meridian_resp.commands.arguments import bounded_integer_argument
from meridian_resp.commands.meridian_arguments import (
    cluster_of,
    endpoint_argument,
    feature_argument,
    map_of,
    node_argument,
    setting_arguments,
    slots_argument,
    switch_argument,
    weight_argument,
)
from meridian_resp.commands.meridian_values import encode
from meridian_resp.commands.outcomes import Later
from meridian_resp.commands.registry import Argument, Flag, Group, command
from meridian_resp.errors import CommandError
from meridian_resp.protocol.numbers import INT64_MAX
from meridian_resp.protocol.replies import Reply, bulk

if TYPE_CHECKING:
    from meridian_resp.commands.context import Context

CHANGE: Final = Flag.ADMIN | Flag.NOSCRIPT | Flag.NO_MULTI
COMMITTED: Final = "A round of the metadata log"
NODE: Final = Argument("node")
_NO_EPOCH: Final = "ERR an epoch is a whole number from 1 on; MERIDIAN PLAN shows that of its plan"
_NO_PARTITION: Final = (
    f"ERR a partition is a number from 0 to {SLOT_COUNT - 1}; MERIDIAN MAP shows which there are"
)


def ask(context: Context, request: requests.Request) -> Later:
    """Hand a request on and answer with its outcome as JSON.

    Raises:
        CommandError: this server is not one of a cluster.
    """
    cluster_of(context)

    def answer(done: requests.Done) -> Reply:
        return bulk(encode({"text": done.text, "epoch": done.epoch}))

    return cluster_arguments.ask(context, request, answer)


@command(
    "JOIN", container="meridian", arity=-3, flags=CHANGE, group=Group.CLUSTER, since="0.1.0",
    summary="Makes contact with nodes at their gossip ports.", complexity="O(N)",
    arguments=[Argument("host_port", multiple=True)],
)  # fmt: skip
def meridian_join(context: Context, arguments: list[bytes]) -> Later:
    """MERIDIAN JOIN host[:port] ..."""
    port = cluster_of(context)
    endpoints = tuple(endpoint_argument(port, word) for word in arguments[2:])
    return ask(context, requests.Meet(endpoints))


@command(
    "FORM", container="meridian", arity=2, flags=CHANGE, group=Group.CLUSTER, since="0.1.0",
    summary="Forms a cluster of the nodes in contact, or of this one alone.",
    complexity="A round among the nodes in contact",
)  # fmt: skip
def meridian_form(context: Context, arguments: list[bytes]) -> Later:
    """MERIDIAN FORM."""
    return ask(context, requests.Form())


@command(
    "COMMIT", container="meridian", arity=3, flags=CHANGE, group=Group.CLUSTER, since="0.1.0",
    summary="Carries out the plan that MERIDIAN PLAN showed for this epoch.",
    complexity=COMMITTED, arguments=[Argument("epoch", "integer")],
)  # fmt: skip
def meridian_commit(context: Context, arguments: list[bytes]) -> Later:
    """MERIDIAN COMMIT epoch."""
    epoch = bounded_integer_argument(arguments[2], 1, INT64_MAX, _NO_EPOCH)
    return ask(context, requests.CommitPlan(epoch))


@command(
    "DRAIN", container="meridian", arity=3, flags=CHANGE, group=Group.CLUSTER, since="0.1.0",
    summary="Plans nothing for a node any more and moves away what it holds.",
    complexity=COMMITTED, arguments=[NODE],
)  # fmt: skip
def meridian_drain(context: Context, arguments: list[bytes]) -> Later:
    """MERIDIAN DRAIN node."""
    return ask(context, requests.Drain(node_argument(cluster_of(context), arguments[2])))


@command(
    "ACTIVATE", container="meridian", arity=3, flags=CHANGE, group=Group.CLUSTER, since="0.1.0",
    summary="Takes MERIDIAN DRAIN or DECOMMISSION back.",
    complexity=COMMITTED, arguments=[NODE],
)  # fmt: skip
def meridian_activate(context: Context, arguments: list[bytes]) -> Later:
    """MERIDIAN ACTIVATE node."""
    return ask(context, requests.Activate(node_argument(cluster_of(context), arguments[2])))


@command(
    "DECOMMISSION", container="meridian", arity=3, flags=CHANGE, group=Group.CLUSTER,
    since="0.1.0", summary="Drains a node, and removes it once it holds nothing.",
    complexity=COMMITTED, arguments=[NODE],
)  # fmt: skip
def meridian_decommission(context: Context, arguments: list[bytes]) -> Later:
    """MERIDIAN DECOMMISSION node."""
    return ask(context, requests.Decommission(node_argument(cluster_of(context), arguments[2])))


@command(
    "WRITE-OFF", container="meridian", arity=4, flags=CHANGE, group=Group.CLUSTER,
    since="0.1.0", summary="Gives up a node that is dead for good, with the keys it alone holds.",
    complexity=COMMITTED,
    arguments=[NODE, Argument("lose-its-keys", "pure-token", token="LOSE-ITS-KEYS")],
)  # fmt: skip
def meridian_write_off(context: Context, arguments: list[bytes]) -> Later:
    """MERIDIAN WRITE-OFF node LOSE-ITS-KEYS."""
    if arguments[3].upper() != b"LOSE-ITS-KEYS":
        raise CommandError(
            "ERR the keys that only this node holds are lost by this: say so with LOSE-ITS-KEYS"
        )
    return ask(context, requests.WriteOff(node_argument(cluster_of(context), arguments[2])))


@command(
    "REPLACE", container="meridian", arity=4, flags=CHANGE, group=Group.CLUSTER, since="0.1.0",
    summary="Lets a member take all places of another, which is then removed.",
    complexity=COMMITTED, arguments=[Argument("old"), Argument("new")],
)  # fmt: skip
def meridian_replace(context: Context, arguments: list[bytes]) -> Later:
    """MERIDIAN REPLACE old new."""
    port = cluster_of(context)
    old, new = (node_argument(port, word) for word in arguments[2:4])
    if old == new:
        raise CommandError("ERR a node cannot replace itself")
    return ask(context, requests.Replace(old, new))


@command(
    "WEIGHT", container="meridian", arity=4, flags=CHANGE, group=Group.CLUSTER, since="0.1.0",
    summary="Sets how much a member should take, compared with others.",
    complexity=COMMITTED, arguments=[NODE, Argument("weight", "double")],
)  # fmt: skip
def meridian_weight(context: Context, arguments: list[bytes]) -> Later:
    """MERIDIAN WEIGHT node weight."""
    node = node_argument(cluster_of(context), arguments[2])
    return ask(context, requests.SetWeight(node, weight_argument(arguments[3])))


@command(
    "SETTING", container="meridian", arity=4, flags=CHANGE, group=Group.CLUSTER, since="0.1.0",
    summary="Sets a setting of the whole cluster.",
    complexity=COMMITTED, arguments=[Argument("name"), Argument("value")],
)  # fmt: skip
def meridian_setting(context: Context, arguments: list[bytes]) -> Later:
    """MERIDIAN SETTING name value."""
    name, value = setting_arguments(arguments[2], arguments[3], map_of(context).settings)
    return ask(context, requests.SetSetting(name, value))


@command(
    "FEATURE", container="meridian", arity=4, flags=CHANGE, group=Group.CLUSTER, since="0.1.0",
    summary="Switches a feature of the whole cluster on or off.",
    complexity=COMMITTED, arguments=[Argument("name"), Argument("switch")],
)  # fmt: skip
def meridian_feature(context: Context, arguments: list[bytes]) -> Later:
    """MERIDIAN FEATURE name ON|OFF."""
    is_on = switch_argument(arguments[3])
    name = feature_argument(arguments[2], map_of(context).features)
    return ask(context, requests.SetFeature(name, is_on))


@command(
    "UNPIN", container="meridian", arity=-3, flags=CHANGE, group=Group.CLUSTER, since="0.1.0",
    summary="Lets the planner decide again about slots that were placed by hand.",
    complexity=COMMITTED, arguments=[Argument("slots", multiple=True)],
)  # fmt: skip
def meridian_unpin(context: Context, arguments: list[bytes]) -> Later:
    """MERIDIAN UNPIN slots ..."""
    return ask(context, requests.Unpin(slots_argument(arguments[2:])))


@command(
    "ABORT", container="meridian", arity=3, flags=CHANGE, group=Group.CLUSTER, since="0.1.0",
    summary="Gives up the move of a partition while reads are still at the old place.",
    complexity=COMMITTED, arguments=[Argument("partition", "integer")],
)  # fmt: skip
def meridian_abort(context: Context, arguments: list[bytes]) -> Later:
    """MERIDIAN ABORT partition."""
    number = bounded_integer_argument(arguments[2], 0, SLOT_COUNT - 1, _NO_PARTITION)
    return ask(context, requests.AbortTransition(number))


@command(
    "FORCE-SYNC", container="meridian", arity=2, flags=CHANGE, group=Group.CLUSTER,
    since="0.1.0", summary="Exchanges membership tables with every live node now.",
    complexity="O(N) where N is the number of live nodes",
)  # fmt: skip
def meridian_force_sync(context: Context, arguments: list[bytes]) -> Later:
    """MERIDIAN FORCE-SYNC."""
    return ask(context, requests.ForceSync())
