"""Commands: every way in which the cluster map can change.

The metadata log carries them, numbered by a random id of their proposer, and `state_machine`
applies them. A command is a request and not a fact: whether it can be carried out is seen when its
turn comes, on the map of that moment. What was decided on an earlier map says so (`at_epoch`,
`from_step`) and is rejected when the map has moved on.
"""

from __future__ import annotations

from typing import Union

from attrs import field, frozen
from attrs.validators import ge, le

from cluster.identity import ClusterId, NodeId
from cluster.map.values import (
    COUNTER_MAX,
    MapMember,
    MemberState,
    Placements,
    TransitionStep,
    rounded_weight,
)
from cluster.membership.facts import WEIGHT_MAX
from cluster.slots import SlotSet


@frozen
class AddMember:
    """Take a node into the cluster. One that is a member already stays as it is."""

    member: MapMember


@frozen
class UpdateMember:
    """Take over where a member is and what it says of itself; the rest of `member` is ignored."""

    member: MapMember


@frozen
class SetMemberState:
    """Drain a member, let it leave, or take that back."""

    node: NodeId
    state: MemberState


@frozen
class SetWeight:
    """Let a member take so much of the data, whatever it says itself; 0 takes that back."""

    node: NodeId
    weight: float = field(converter=rounded_weight, validator=[ge(0.0), le(WEIGHT_MAX)])


@frozen
class RemoveMember:
    """Remove a member that holds nothing, for good."""

    node: NodeId


@frozen
class ReplaceMember:
    """Move all places of one member to another; the first one leaves after that."""

    old: NodeId
    new: NodeId


@frozen
class AssignSlots:
    """Give slots that nobody owns to a member, pinned."""

    node: NodeId
    slots: SlotSet


@frozen
class UnassignSlots:
    """Take slots from whoever owns them; nobody serves them after that.

    `at_epoch`: the map under which their leaders had no keys in them; a partition that has changed
    since then refuses it. None asks nothing.
    """

    slots: SlotSet
    at_epoch: int | None = None


@frozen
class MoveSlots:
    """Let a member lead these slots, pinned. The old leaders must hold no keys in them.

    `at_epoch`: as in `UnassignSlots`.
    """

    slots: SlotSet
    node: NodeId
    at_epoch: int | None = None


@frozen
class Fence:
    """Give partitions a new epoch: what was decided about them before is void."""

    partitions: tuple[int, ...]


@frozen
class SetReplicates:
    """Let a member that leads nothing hold replicas of all that `master` leads; None: end that."""

    node: NodeId
    master: NodeId | None


@frozen
class SetConfigEpoch:
    """Give a member a config epoch that no other has."""

    node: NodeId
    config_epoch: int = field(validator=[ge(0), le(COUNTER_MAX)])


@frozen
class BumpEpoch:
    """Give a member the greatest config epoch; the text is `BUMPED n`, or `STILL n`."""

    node: NodeId


@frozen
class PlannedChange:
    """Where a partition should be from now on."""

    partition: int
    new: Placements


@frozen
class BeginTransitions:
    """Begin to move partitions, as planned on the map of `at_epoch`; all of them or none."""

    changes: tuple[PlannedChange, ...]
    at_epoch: int


@frozen
class AdvanceTransition:
    """Take a transition one step on from `from_step`; from CLEAN_UP it is done."""

    partition: int
    from_step: TransitionStep


@frozen
class AdvanceTransitions:
    """Take several transitions on in one commit; those that do not fit any more stay."""

    moves: tuple[AdvanceTransition, ...]


@frozen
class AbortTransition:
    """Give a move up while reads are still at the old place."""

    partition: int


@frozen
class SplitPair:
    """The partition whose upper half of slots goes to a new number."""

    number: int
    new_number: int


@frozen
class SplitPartitions:
    """Split partitions in two, with the same replicas; all of them or none."""

    pairs: tuple[SplitPair, ...]


@frozen
class Unpin:
    """Let the planner decide again about the partitions of these slots."""

    slots: SlotSet


@frozen
class SetSetting:
    """Set a setting of the whole cluster; an empty value removes it."""

    name: str
    value: str


@frozen
class SetFeature:
    """Turn a feature flag of the whole cluster on or off."""

    name: str
    is_on: bool


@frozen
class Freeze:
    """Refuse writes and changes of the map until `Unfreeze` or `Dissolve`."""


@frozen
class Unfreeze:
    """Take `Freeze` back."""


@frozen
class Dissolve:
    """End this frozen cluster; its members become part of another one.

    `at_epoch` is the map under which all members said that they hold no key: a later one may have
    been thawed and frozen again in between.
    """

    into: ClusterId
    at_epoch: int


MapCommand = Union[
    AddMember,
    UpdateMember,
    SetMemberState,
    SetWeight,
    RemoveMember,
    ReplaceMember,
    AssignSlots,
    UnassignSlots,
    MoveSlots,
    SetReplicates,
    SetConfigEpoch,
    BumpEpoch,
    BeginTransitions,
    AdvanceTransition,
    AdvanceTransitions,
    AbortTransition,
    SplitPartitions,
    Unpin,
    SetSetting,
    SetFeature,
    Fence,
    Freeze,
    Unfreeze,
    Dissolve,
]
