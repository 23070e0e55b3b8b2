"""Changes of the map that somebody asked for: questions first, then a proposal, then the answer.

Whoever asks is answered once, by what the metadata log made of the command, or by a refusal that
says that nobody knows: a proposal that got lost may still come to be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

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
from cluster.control.parts import Parts
from cluster.identity import Endpoint, NodeId
from cluster.map.commands import MapCommand, RemoveMember
from cluster.map.values import CommandResult
from cluster.metadata.events import Propose, Result
from cluster.slots import SLOT_COUNT, SlotSet
from cluster.wire.messages import SlotKeysReply, SlotKeysRequest

OnResult = Callable[[CommandResult | None, str], None]
OnKeys = Callable[[Mapping[NodeId, Counted] | None], None]

UNKNOWN_TEXT = "ERR nobody knows whether that was done ({reason}); look at the map before a repeat"
STILL_LIVES_TEXT = (
    "ERR {node} is alive; only a node that is dead for good is written off, with its keys "
    "(meridian-ctl decommission takes a live one away and loses nothing)"
)
NO_ANSWER_TEXT = "ERR a node that leads these slots did not say whether it holds keys in them"


class Proposals:
    """Proposals and inquiries of one node, and its answers to those of others."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
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

    def count_keys(self, slots: SlotSet, on_keys: OnKeys) -> None:
        """Ask whoever leads these slots how many keys are in them; None: not all answered.

        Leaders that hold none refuse new ones for `write_hold_s`.
        """
        parts = self._parts
        assert parts.view is not None and parts.map is not None
        inquiry = Inquiry(on_end=on_keys)
        inquiry.expires_at = parts.now + parts.options.inquiry_timeout_s
        counted: dict[NodeId, Counted] = {}
        for node, part in leaders_of(slots, parts.view).items():
            if node == parts.own_id:
                counted[node] = Counted(self._count_own(part), parts.map.epoch)
                continue
            endpoint = parts.endpoint_of(node)
            if endpoint is None:
                on_keys(None)
                return
            self._token += 1
            inquiry.waiting[self._token] = node
            parts.send(endpoint, SlotKeysRequest(self._token, list(part.ranges)))
        inquiry.counted.update(counted)
        if inquiry.waiting:
            self._inquiries.add(inquiry)
        else:
            on_keys(counted)

    def receive(
        self, node: NodeId, endpoint: Endpoint, message: SlotKeysRequest | SlotKeysReply
    ) -> None:
        """Answer a question about this node's keys, or take the answer of another one."""
        parts = self._parts
        if isinstance(message, SlotKeysReply):
            counted = Counted(message.keys, message.epoch)
            self._inquiries.answered(message.token, node, counted)
            return
        slots = _slots_of(message.ranges)
        if parts.map is None or node not in parts.map.members or slots is None:
            return
        reply = SlotKeysReply(message.token, self._count_own(slots), parts.map.epoch)
        parts.send(endpoint, reply)

    def deadline(self) -> float | None:
        """When `on_deadline` wants to be called."""
        return self._inquiries.deadline()

    def on_deadline(self, now: float) -> None:
        """Let time pass."""
        self._inquiries.on_deadline(now)

    def _fulfil(self, token: int, wanted: Wanted) -> None:
        propose = partial(self.propose, wanted.command, partial(self._answer, token))
        if not len(wanted.taken):
            propose()
            return

        def on_keys(counted: Mapping[NodeId, Counted] | None) -> None:
            refusal = _refusal(counted)
            if refusal is None:
                propose()
            else:
                self._parts.answer(token, r.RequestRefused(refusal))

        self.count_keys(wanted.taken, on_keys)

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
                "first (meridian-ctl decommission), or give up its slots (CLUSTER FLUSHSLOTS)"
            )
            parts.answer(token, r.RequestRefused(text))
        else:
            self._fulfil(token, Wanted(RemoveMember(parts.own_id)))

    def _count_own(self, slots: SlotSet) -> int:
        data = self._parts.data
        keys = data.count_keys(slots)
        if not keys:
            data.hold_writes(slots, self._parts.options.write_hold_s)
        return keys


def _refusal(counted: Mapping[NodeId, Counted] | None) -> str | None:
    if counted is None:
        return NO_ANSWER_TEXT
    for node, found in sorted(counted.items()):
        if found.keys:
            return "ERR " + MANY_KEYS_TEXT.format(keys=found.keys, node=node)
    return None


def _slots_of(ranges: list[tuple[int, int]]) -> SlotSet | None:
    """Return the slots that another node asks about; None when there are no such slots."""
    if not all(0 <= first <= last < SLOT_COUNT for first, last in ranges):
        return None
    return SlotSet.of(slot for first, last in ranges for slot in range(first, last + 1))
