"""Arguments of MERIDIAN: nodes by id or by the beginning of it, endpoints, slots, weights.

A person types as little of an id as tells nodes apart, so every form that `meridian-ctl` or
CLUSTER NODES prints is taken, and any beginning of it that fits one known node. Errors say what
would fit.
"""

from __future__ import annotations

import re
from collections.abc import Container
from typing import TYPE_CHECKING, Final

from cluster.control.belonging import HELD_KEYS
from cluster.control.rebalancing import AUTO_REBALANCE
from cluster.identity import Endpoint, NodeId, parse_endpoint
from cluster.membership.facts import WEIGHT_MAX, WEIGHT_STEPS
from cluster.redis_ids import from_redis_id
from cluster.slots import SlotSet
from meridian_resp.commands.arguments import shown
from meridian_resp.errors import CommandError

if TYPE_CHECKING:
    from cluster.map.values import ClusterMap
    from meridian_resp.commands.cluster_port import ClusterPort
    from meridian_resp.commands.context import Context

DISABLED: Final = "ERR This instance has cluster support disabled"
UNFORMED: Final = (
    "ERR this node belongs to no cluster yet; MERIDIAN JOIN (meridian-ctl join) makes contact"
    " with other nodes, MERIDIAN FORM (meridian-ctl form) forms a cluster"
)
#: Settings of the whole cluster, with the values that they take.
SETTINGS: Final = {AUTO_REBALANCE: ("yes", "no")}
_SHOWN_MAX: Final = 5
_WEIGHT: Final = re.compile(r"[0-9]{1,4}(\.[0-9]{1,3})?")


def cluster_of(context: Context) -> ClusterPort:
    """The node's cluster.

    Raises:
        CommandError: it has none.
    """
    port = context.server.cluster
    if port is None:
        raise CommandError(DISABLED)
    return port


def map_of(context: Context) -> ClusterMap:
    """The newest map this node holds.

    Raises:
        CommandError: it belongs to no cluster.
    """
    cluster_map = cluster_of(context).map()
    if cluster_map is None:
        raise CommandError(UNFORMED)
    return cluster_map


def node_argument(port: ClusterPort, text: bytes) -> NodeId:
    """The node of an id in any of its forms, or of the beginning of one.

    Raises:
        CommandError: no known node's id begins so, or several do.
    """
    written = shown(text).strip().lower()
    known = known_nodes(port)
    try:
        exact = from_redis_id(written)
    except ValueError:
        digits = written.replace("-", "")
        fitting = [node for node in known if digits and node.replace("-", "").startswith(digits)]
    else:
        fitting = [exact] if exact in known else []
    if len(fitting) == 1:
        return fitting[0]
    if not fitting:
        raise CommandError(
            f"ERR no node has an id that begins with '{written[:64]}'; MERIDIAN NODES"
            " (meridian-ctl nodes) lists all"
        )
    more = ", ..." if len(fitting) > _SHOWN_MAX else ""
    raise CommandError(
        f"ERR '{written}' is the beginning of {len(fitting)} ids, give more of it:"
        f" {', '.join(fitting[:_SHOWN_MAX])}{more}"
    )


def known_nodes(port: ClusterPort) -> list[NodeId]:
    """All nodes of the membership and of the map, by id."""
    cluster_map = port.map()
    members = () if cluster_map is None else cluster_map.members
    return sorted({view.node for view in port.members()} | set(members))


def endpoint_argument(port: ClusterPort, text: bytes) -> Endpoint:
    """A gossip endpoint; without a port it is at this node's own gossip port.

    Raises:
        CommandError: it is none.
    """
    try:
        return parse_endpoint(shown(text), port.endpoint.port)
    except ValueError as error:
        raise CommandError(
            f"ERR {error}; give the gossip address of a node, such as 10.0.0.2:7400"
        ) from None


def slots_argument(words: list[bytes]) -> SlotSet:
    """Slots and ranges: `0-99 200`.

    Raises:
        CommandError: a word is neither.
    """
    slots = SlotSet()
    for word in words:
        try:
            parsed = SlotSet.parse(shown(word))
        except ValueError:
            parsed = SlotSet()
        if not parsed:
            raise CommandError(
                f"ERR '{shown(word[:64])}' is neither a slot nor a range of slots such as 0-99"
            )
        slots |= parsed
    return slots


def weight_argument(text: bytes) -> float:
    """A capacity weight; 0 gives the choice back to the node itself.

    Raises:
        CommandError: it is none.
    """
    written = shown(text)
    weight = float(written) if _WEIGHT.fullmatch(written) else -1.0
    if weight != 0 and not 1 / WEIGHT_STEPS <= weight <= WEIGHT_MAX:
        raise CommandError(
            f"ERR a weight is a number from {1 / WEIGHT_STEPS} to {WEIGHT_MAX:g}, or 0 for the"
            " node's own"
        )
    return weight


def setting_arguments(name: bytes, value: bytes, held: Container[str]) -> tuple[str, str]:
    """The name and the value of a setting; an empty value removes a known one, or one held.

    Args:
        name: as it was written.
        value: as it was written.
        held: settings that are set; one of a later version may be among them.

    Raises:
        CommandError: this version knows no such setting, or not this value of it.
    """
    written, chosen = shown(name).lower(), shown(value).lower()
    allowed = SETTINGS.get(written)
    if not chosen and (allowed is not None or written in held):
        return written, ""
    if allowed is None:
        raise CommandError(
            f"ERR there is no setting '{written[:64]}', there are: {', '.join(SETTINGS)}"
        )
    if chosen not in allowed:
        raise CommandError(f"ERR {written} is one of: {', '.join(allowed)}")
    return written, chosen


def feature_argument(name: bytes, held: Container[str]) -> str:
    """The name of a feature that may be switched by hand.

    Args:
        name: as it was written.
        held: features that are on; one of a later version may be among them.

    Raises:
        CommandError: there is none of that name, or the cluster itself keeps it.
    """
    written = shown(name).lower()
    if written == HELD_KEYS:
        raise CommandError(f"ERR {HELD_KEYS} is a record of the cluster itself, not a switch")
    if written not in held:
        raise CommandError(f"ERR this version has no feature '{written[:64]}' to be switched")
    return written


def switch_argument(text: bytes) -> bool:
    """On or off.

    Raises:
        CommandError: it is neither.
    """
    word = text.lower()
    if word not in (b"on", b"off"):
        raise CommandError("ERR a feature is switched on or off")
    return word == b"on"
