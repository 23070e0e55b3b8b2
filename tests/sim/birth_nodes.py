"""What the simulated world of the birth core is made of: nodes, clusters, and their messages."""

from __future__ import annotations

import attrs

from cluster.birth.events import Save
from cluster.birth.machine import Birth
from cluster.control.requests import Done, RequestRefused
from cluster.identity import Boot, ClusterId, Endpoint, NodeId
from cluster.journal.records import Record
from cluster.map.values import Genesis
from cluster.membership.events import MemberView
from cluster.membership.facts import ALL_ROLES, NodeFacts, Role
from cluster.membership.messages import MemberStatus


def node_id(number: int) -> NodeId:
    """The id of node 1, 2, ...; their order is that of the numbers."""
    return NodeId(f"00000000-0000-4000-8000-{number:012d}")


def endpoint(number: int) -> Endpoint:
    """Where node `number` is."""
    return Endpoint("10.0.0.1", 7400 + number)


def view(number: int, *, cluster: ClusterId | None = None, roles: Role = ALL_ROLES) -> MemberView:
    """What membership holds of a live node."""
    return MemberView(
        node=node_id(number),
        endpoint=endpoint(number),
        boot=Boot(1, number),
        incarnation=0,
        cluster=cluster,
        facts=NodeFacts(roles=roles),
        status=MemberStatus.ALIVE,
        changed_at=0.0,
    )


@attrs.define(eq=False)
class Process:
    """A node: its disk, and what runs while it is up."""

    number: int
    roles: Role = ALL_ROLES
    has_data: bool = False
    journal: list[Record] = attrs.field(factory=list)
    entries: set[ClusterId] = attrs.field(factory=set)
    core: Birth | None = None
    saving: list[Save] = attrs.field(factory=list)
    appended: set[ClusterId] = attrs.field(factory=set)
    group: Genesis | None = None
    acknowledged: set[NodeId] = attrs.field(factory=set)
    adopted: ClusterId | None = None
    seen: tuple[MemberView, ...] = ()
    life: int = 0
    answers: dict[int, Done | RequestRefused] = attrs.field(factory=dict)


@attrs.define(eq=False)
class ClusterModel:
    """A formed cluster as its log has it."""

    genesis: Genesis
    members: set[NodeId]
    epoch: int = 1
    is_frozen: bool = False
    dissolved_into: ClusterId | None = None


@attrs.frozen
class GroupMessage:
    """The stand-in's append, or its acknowledgement."""

    cluster: ClusterId
    is_reply: bool


@attrs.frozen
class FormedMessage(GroupMessage):
    """A map that names the receiver."""

    is_reply: bool = False
