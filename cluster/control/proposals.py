"""Changes of the map that somebody asked for: questions first, then a proposal, then the answer.

Whoever asks is answered once, by what the metadata log made of the command, or by a refusal that
says that nobody knows: a proposal that got lost may still come to be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from attrs import evolve

from cluster.control import requests as r
from cluster.control.asking import (
    MANY_KEYS_TEXT,
    Counted,
    Inquiries,
    Inquiry,
    Wanted,
    leaders_of,
    wanted_by,
)
from cluster.control.holds import Holds
from cluster.control.parts import Parts
from cluster.identity import Endpoint, NodeId
from cluster.map.commands import MapCommand, MoveSlots, RemoveMember, UnassignSlots
from cluster.map.values import CommandResult
from cluster.metadata.events import Propose, Result
from cluster.slots import SlotSet
from cluster.wire.messages import SlotKeysReply, SlotKeysRequest

#: In the place of a count: the node that was asked does not lead all of these slots.
NOT_LED = -1

OnResult = Callable[[CommandResult | None, str], None]
OnKeys = Callable[[Mapping[NodeId, Counted] | None], None]

UNKNOWN_TEXT = "ERR nobody knows whether that was done ({reason})"
STILL_LIVES_TEXT = (
    "ERR {node} is alive; only a node that is dead for good is written off, with its keys "
    "(meridian-ctl decommission takes a live one away and loses nothing)"
)
NOT_LED_TEXT = "ERR {node} does not lead these slots any more; look at the map and try again"
NO_ANSWER_TEXT = "ERR a node that leads these slots did not say whether it holds keys in them"


class Proposals:
    """Proposals and inquiries of one node, and its answers to those of others."""

    def __init__(self, parts: Parts, holds: Holds) -> None:
        self._parts = parts
        self._holds = holds
        self._inquiries = Inquiries()
        self._waiting: dict[int, OnResult] = {}
        self._token = 0

    def ask(self, token: int, request: r.Request) -> None:
        """Do what is asked of a member of a formed cluster."""
        parts = self._parts
        assert parts.map is not None and parts.view is not None
        match request:
            case r.Form():
                text = "ERR this node is in a cluster already"
                parts.answer(token, r.RequestRefused(text))
            case r.Reset():
                self._reset(token)
            case r.WriteOff(node) if any(m.node == node for m in parts.live_members()):
                parts.answer(token, r.RequestRefused(STILL_LIVES_TEXT.format(node=node)))
            case _:
                wanted = wanted_by(request, parts.own_id, parts.map, parts.view)
                if isinstance(wanted, Wanted):
                    self._fulfil(token, wanted)
                else:
                    parts.answer(token, wanted)

    def propose(self, command: MapCommand, on_result: OnResult) -> None:
        """Propose a command; `on_result` gets its result, or None and why nobody knows."""
        self._token += 1
        self._waiting[self._token] = on_result
        self._parts.log.handle(Propose(self._token, command), self._parts.now)

    def result(self, result: Result) -> None:
        """Take the outcome of a proposal."""
        on_result = self._waiting.pop(result.token)
        on_result(result.result, result.reason)

    def count_keys(self, slots: SlotSet, on_keys: OnKeys, *, is_hold: bool = False) -> None:
        """Ask whoever leads these slots how many keys are in them; None: not all answered.

        `is_hold`: leaders that hold none take no new ones until the matter is settled (`holds`).
        """
        parts = self._parts
        assert parts.view is not None and parts.map is not None
        inquiry = Inquiry(on_end=on_keys)
        inquiry.expires_at = parts.now + parts.options.inquiry_timeout_s
        leaders = leaders_of(slots, parts.view)
        endpoints = {node: parts.endpoint_of(node) for node in leaders}
        if None in endpoints.values():
            on_keys(None)
            return
        for node, part in leaders.items():
            self._token += 1
            inquiry.waiting[self._token] = node
            endpoint = endpoints[node]
            if node != parts.own_id and endpoint is not None:
                parts.send(endpoint, SlotKeysRequest(self._token, list(part.ranges), is_hold))
        if not inquiry.waiting:
            on_keys({})
            return
        self._inquiries.add(inquiry)
        for token, node in list(inquiry.waiting.items()):
            if node == parts.own_id:
                answered = partial(self._inquiries.answered, token, node)
                self._count_own(leaders[node], answered, is_hold=is_hold)

    def receive(
        self, node: NodeId, endpoint: Endpoint, message: SlotKeysRequest | SlotKeysReply
    ) -> None:
        """Answer a question about this node's keys, or take the answer of another one."""
        parts = self._parts
        if isinstance(message, SlotKeysReply):
            counted = Counted(message.keys, message.epoch)
            self._inquiries.answered(message.token, node, counted)
            return
        slots = SlotSet.told(message.ranges)
        if parts.map is None or node not in parts.map.members or slots is None:
            return

        def reply(counted: Counted) -> None:
            parts.send(endpoint, SlotKeysReply(message.token, counted.keys, counted.epoch))

        self._count_own(slots, reply, is_hold=message.is_hold)

    def deadline(self) -> float | None:
        """When `on_deadline` wants to be called."""
        return self._inquiries.deadline()

    def on_deadline(self, now: float) -> None:
        """Let time pass."""
        self._inquiries.on_deadline(now)

    def _fulfil(self, token: int, wanted: Wanted) -> None:
        answer = partial(self._answer, token)
        command = wanted.command
        if not isinstance(command, MoveSlots | UnassignSlots) or not len(wanted.taken):
            self.propose(command, answer)
            return
        own_epoch = 0 if self._parts.map is None else self._parts.map.epoch

        def on_keys(counted: Mapping[NodeId, Counted] | None) -> None:
            refusal = _refusal(counted)
            if refusal is not None or counted is None:
                self._parts.answer(token, r.RequestRefused(refusal or NO_ANSWER_TEXT))
                return
            # What has changed since the oldest count was not counted.
            at_epoch = min((found.epoch for found in counted.values()), default=own_epoch)
            self.propose(evolve(command, at_epoch=at_epoch), answer)

        self.count_keys(wanted.taken, on_keys, is_hold=True)

    def _answer(self, token: int, result: CommandResult | None, reason: str) -> None:
        answer: r.Answer
        if result is None:
            answer = r.RequestRefused(UNKNOWN_TEXT.format(reason=reason), is_unknown=True)
        elif result.is_applied:
            answer = r.Done(result.text, result.epoch)
        else:
            answer = r.RequestRefused(f"ERR {result.text}")
        self._parts.answer(token, answer)

    def _reset(self, token: int) -> None:
        """Leave the cluster: a member that holds nothing asks to be removed."""
        parts = self._parts
        assert parts.map is not None
        held = parts.map.partitions_with(parts.own_id)
        if held:
            text = (
                f"ERR this node still has places in {len(held)} partitions; decommission it "
                "(meridian-ctl decommission), and it is removed when it has none"
            )
            parts.answer(token, r.RequestRefused(text))
        else:
            self._fulfil(token, Wanted(RemoveMember(parts.own_id)))

    def _count_own(
        self, slots: SlotSet, then: Callable[[Counted], None], *, is_hold: bool
    ) -> None:
        """Count this node's keys, if it leads all of these slots, and hold them if so asked."""
        parts = self._parts
        assert parts.map is not None and parts.view is not None
        if any(parts.view.leaders[slot] != parts.own_id for slot in slots):
            then(Counted(NOT_LED, parts.map.epoch))
            return
        counted = Counted(parts.data.count_keys(slots), parts.map.epoch)
        if is_hold and not counted.keys:
            self._holds.hold(slots, partial(then, counted))
        else:
            then(counted)


def _refusal(counted: Mapping[NodeId, Counted] | None) -> str | None:
    if counted is None:
        return NO_ANSWER_TEXT
    for node, found in sorted(counted.items()):
        if found.keys == NOT_LED:
            return NOT_LED_TEXT.format(node=node)
        if found.keys:
            return "ERR " + MANY_KEYS_TEXT.format(keys=found.keys, node=node)
    return None
