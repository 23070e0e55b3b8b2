"""What a node tells its own core of a group: requests of users and news from the shell.

A request carries a `token` chosen by the asker. Its outcome comes back with that token in a
`Ready`: accepted, answered or refused, at most once. A request that was sent on to another node,
or whose leader was lost, may stay without an outcome; the asker's own deadline ends it.
"""

from __future__ import annotations

import enum
from typing import Union

import attrs

from cluster.raft.configuration import NodeId
from cluster.raft.messages import Message


@attrs.frozen
class Propose:
    """Append a command. Outcome: `Accepted` with its place, or `Refused`."""

    token: int
    data: bytes


@attrs.frozen
class Read:
    """Ask from which applied index on this node's state answers a linearizable read."""

    token: int


class Transition(enum.Enum):
    """How a group gets from one set of voters to another."""

    AUTOMATIC = "automatic"
    """One voter more or less: in one step; otherwise joint, and left without being asked."""
    JOINT = "joint"
    """Always joint, left without being asked."""
    JOINT_UNTIL_LEFT = "joint until left"
    """Always joint, until an empty change asks to leave."""


@attrs.frozen(kw_only=True)
class ChangeMembership:
    """Change who belongs to the group; only the leader does it. Outcome as for `Propose`.

    A node becomes what it is named as: naming a voter in `learners` demotes it, naming a learner
    in `voters` promotes it. A change that names nobody leaves a joint configuration.
    """

    token: int
    voters: tuple[NodeId, ...] = ()
    learners: tuple[NodeId, ...] = ()
    removed: tuple[NodeId, ...] = ()
    transition: Transition = Transition.AUTOMATIC


@attrs.frozen
class TransferLeadership:
    """Hand leadership to a voter; given up after an election timeout. No outcome of its own."""

    target: NodeId


@attrs.frozen
class Campaign:
    """Campaign now and not when the timer ends; for a group's first election."""


@attrs.frozen
class Saved:
    """What this and all earlier `Ready` asked to save is durable, and `StableLog` shows it."""

    number: int


@attrs.frozen
class Applied:
    """The state machine holds every committed entry up to `index`."""

    index: int


@attrs.frozen
class Unreachable:
    """What was sent to a node was probably lost; the leader goes on with one message at a time."""

    node: NodeId


@attrs.frozen
class SnapshotReported:
    """A snapshot was handed over to the node, or could not be."""

    node: NodeId
    is_delivered: bool


@attrs.frozen
class Wake:
    """Leave hibernation: someone noticed that the leader, or a follower, may be gone."""


Event = Union[
    Message,
    Propose,
    Read,
    ChangeMembership,
    TransferLeadership,
    Campaign,
    Saved,
    Applied,
    Unreachable,
    SnapshotReported,
    Wake,
]
