"""From a request to the command of the map that fulfils it, and the questions that come first.

While the node is unformed most requests are the birth's business; this module is for members of a
formed cluster. A request that would take slots from whoever leads them is preceded by an inquiry:
each leader counts its keys in them, and holds back new ones for a moment when there are none, so
that nothing can be written to slots that are about to be led by somebody else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from attrs import define, field, frozen

from cluster.control import requests as r
from cluster.identity import NodeId
from cluster.map import commands as c
from cluster.map.values import ClusterMap, MemberState
from cluster.map.views import SlotView
from cluster.slots import SlotSet

MANY_KEYS_TEXT: Final = (
    "{keys} keys are in these slots at {node}; moving data comes with replication, "
    "so only slots without keys can be given to another node"
)


@frozen
class Wanted:
    """A command to propose, once the slots it takes away are known to hold no keys."""

    command: c.MapCommand
    taken: SlotSet = SlotSet()


def wanted_by(
    request: r.Request, own: NodeId, cluster_map: ClusterMap, view: SlotView
) -> Wanted | r.Answer:
    """Return the command for a request of a member, or the answer if it needs none.

    Raises:
        TypeError: this request is not about the map.
    """
    match request:
        case r.AddSlots(slots):
            return Wanted(c.AssignSlots(own, slots))
        case r.DelSlots(slots):
            return Wanted(c.UnassignSlots(slots), taken=slots)
        case r.FlushSlots():
            slots = view.ranges_of(own)
            if not len(slots):
                return r.Done()
            return Wanted(c.UnassignSlots(slots), taken=slots)
        case r.MoveSlots(slots, node):
            if node not in cluster_map.members:
                return r.RequestRefused(f"ERR Unknown node {node}")
            moved = slots - view.ranges_of(node)
            if not len(moved):
                return r.Done()
            return Wanted(c.MoveSlots(slots, node), taken=moved)
        case r.SetConfigEpoch():
            return r.RequestRefused(
                "ERR The user can assign a config epoch only when the "
                "node does not know any other node."
            )
        case _:
            return Wanted(_plain_command(request, own))


def _plain_command(request: r.Request, own: NodeId) -> c.MapCommand:
    """Return the command of a request that needs no question asked."""
    match request:
        case r.BumpEpoch():
            return c.BumpEpoch(own)
        case r.Replicate(node):
            return c.SetReplicates(own, node)
        case r.Forget(node):
            return c.RemoveMember(node)
        case r.Drain(node):
            return c.SetMemberState(node, MemberState.DRAINING)
        case r.Activate(node):
            return c.SetMemberState(node, MemberState.ACTIVE)
        case r.Decommission(node):
            return c.SetMemberState(node, MemberState.LEAVING)
        case r.WriteOff(node):
            return c.SetMemberState(node, MemberState.LOST)
        case r.Replace(old, new):
            return c.ReplaceMember(old, new)
        case r.SetWeight(node, weight):
            return c.SetWeight(node, weight)
        case r.SetSetting(name, value):
            return c.SetSetting(name, value)
        case r.SetFeature(name, is_on):
            return c.SetFeature(name, is_on)
        case r.Unpin(slots):
            return c.Unpin(slots)
        case r.AbortTransition(partition):
            return c.AbortTransition(partition)
        case _:
            raise TypeError(f"not a request about the map: {request!r}")


def leaders_of(slots: SlotSet, view: SlotView) -> Mapping[NodeId, SlotSet]:
    """Return who leads which part of these slots."""
    found: dict[NodeId, list[int]] = {}
    for slot in slots:
        leader = view.leaders[slot]
        if leader is not None:
            found.setdefault(leader, []).append(slot)
    return {node: SlotSet.of(led) for node, led in found.items()}


@frozen
class Counted:
    """How many keys a leader counted, and the epoch of the map that it held then."""

    keys: int
    epoch: int


@define(eq=False)
class Inquiry:
    """One question to several leaders: how many keys do you hold in these slots?"""

    waiting: dict[int, NodeId] = field(factory=dict)
    counted: dict[NodeId, Counted] = field(factory=dict)
    expires_at: float = 0.0
    on_end: Callable[[Mapping[NodeId, Counted] | None], None] = field(default=lambda counted: None)


class Inquiries:
    """Inquiries under way, by the token of each question."""

    def __init__(self) -> None:
        self._by_token: dict[int, Inquiry] = {}

    def add(self, inquiry: Inquiry) -> None:
        """Wait for the answers to an inquiry whose questions have been given tokens."""
        for token in inquiry.waiting:
            self._by_token[token] = inquiry

    def answered(self, token: int, node: NodeId, counted: Counted) -> None:
        """Take one answer; the inquiry ends with the last one."""
        inquiry = self._by_token.get(token)
        if inquiry is None or inquiry.waiting.get(token) != node:
            return
        del self._by_token[token], inquiry.waiting[token]
        inquiry.counted[node] = counted
        if not inquiry.waiting:
            inquiry.on_end(inquiry.counted)

    def deadline(self) -> float | None:
        """When the first of them runs out."""
        return min((i.expires_at for i in self._by_token.values()), default=None)

    def on_deadline(self, now: float) -> None:
        """End those that ran out, without a result."""
        over = {id(i): i for i in self._by_token.values() if i.expires_at <= now}
        for inquiry in over.values():
            for token in inquiry.waiting:
                del self._by_token[token]
            inquiry.waiting.clear()
            inquiry.on_end(None)
