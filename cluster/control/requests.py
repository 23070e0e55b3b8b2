"""What the node's own commands ask of the control plane, and how it answers.

Each request is answered exactly once, by `Done` or `RequestRefused`, possibly much later: an
answer to a change of the map waits until the metadata log has committed it.
"""

from __future__ import annotations

from typing import Union

from attrs import field, frozen

from cluster.errors import ClusterError
from cluster.identity import Endpoint, NodeId
from cluster.slots import SlotSet


@frozen
class Done:
    """It is done. `text` is for people; `epoch` is that of the map it is in, 0 if in none."""

    text: str = ""
    epoch: int = 0


@frozen
class RequestRefused:
    """It is not done, and why; `is_unknown`: it may still come to be (the answer was lost)."""

    text: str
    is_unknown: bool = False


Answer = Union[Done, RequestRefused]


class ClusterRequestRefused(ClusterError):
    """A request to the control plane was refused; raised by the shell for those who await it."""

    def __init__(self, text: str, *, is_unknown: bool = False) -> None:
        super().__init__(text)
        self.text = text
        self.is_unknown = is_unknown

    def __str__(self) -> str:
        return self.text


@frozen
class Meet:
    """Make contact with nodes at these gossip endpoints; the first that answers is enough."""

    endpoints: tuple[Endpoint, ...]


@frozen
class AddSlots:
    """Unformed: claim slots. Formed: assign slots that nobody has to this node."""

    slots: SlotSet


@frozen
class DelSlots:
    """Unformed: give up claims. Formed: take slots from whoever has them."""

    slots: SlotSet


@frozen
class FlushSlots:
    """Give up all slots of this node."""


@frozen
class SetConfigEpoch:
    """Give this unformed node a config epoch, which decides between claims."""

    config_epoch: int


@frozen
class BumpEpoch:
    """Give this node the greatest config epoch of all."""


@frozen
class MoveSlots:
    """Let these slots be led by another member (CLUSTER SETSLOT NODE)."""

    slots: SlotSet
    node: NodeId


@frozen
class Replicate:
    """Let this node hold replicas of what another one leads; None: of nothing in particular."""

    node: NodeId | None


@frozen
class Forget:
    """Remove a node that holds nothing."""

    node: NodeId


@frozen
class Reset:
    """Leave the cluster and begin anew, under another id, at once; hard or soft are the same."""

    is_hard: bool = False


@frozen
class Form:
    """Form a cluster of the nodes in contact now, or of this one alone."""


@frozen
class CommitPlan:
    """Commit the plan that was shown for this epoch; refused when the map has moved on."""

    at_epoch: int


@frozen
class Drain:
    """Plan nothing for this node any more and move away what it holds."""

    node: NodeId


@frozen
class Activate:
    """Take back `Drain` or `Decommission`."""

    node: NodeId


@frozen
class Decommission:
    """Drain a node and remove it once it holds nothing."""

    node: NodeId


@frozen
class WriteOff:
    """Give up a node that is dead for good, with all keys that it alone holds."""

    node: NodeId


@frozen
class Replace:
    """Let a member take the places of another one, which is then removed."""

    old: NodeId
    new: NodeId


@frozen
class SetWeight:
    """Change how much of the data a member should take; 0.001 to 1000."""

    node: NodeId
    weight: float


@frozen
class SetSetting:
    """Change a setting that holds for the whole cluster; an empty value removes it."""

    name: str
    value: str


@frozen
class SetFeature:
    """Turn a feature flag of the whole cluster on or off."""

    name: str
    is_on: bool


@frozen
class Unpin:
    """Let the planner decide again about slots that were placed by hand."""

    slots: SlotSet


@frozen
class AbortTransition:
    """Give up the move of a partition, while reads are still at the old place."""

    partition: int


@frozen
class ForceSync:
    """Exchange membership tables with every live node now."""


@frozen
class Leave:
    """Tell the others that this process goes; answered when enough were told."""


@frozen
class ChangeFacts:
    """This node's facts changed by configuration (weight, rack, ...); None leaves one as it is."""

    rack: str | None = field(default=None)
    machine: str | None = field(default=None)
    capacity_weight: float | None = field(default=None)


Request = Union[
    Meet,
    AddSlots,
    DelSlots,
    FlushSlots,
    SetConfigEpoch,
    BumpEpoch,
    MoveSlots,
    Replicate,
    Forget,
    Reset,
    Form,
    CommitPlan,
    Drain,
    Activate,
    Decommission,
    WriteOff,
    Replace,
    SetWeight,
    SetSetting,
    SetFeature,
    Unpin,
    AbortTransition,
    ForceSync,
    Leave,
    ChangeFacts,
]
