"""Requests to a node that is in no cluster yet: claims, contacts, and beginning anew."""

from __future__ import annotations

from collections.abc import Callable

from cluster.birth import events as birth_events
from cluster.control import requests as r
from cluster.control.parts import Parts
from cluster.identity import NodeId
from cluster.membership.events import Remove

#: For so long a contact that was forgotten by hand is not taken up again, as in Redis.
FORGOTTEN_CONTACT_S = 60.0
NO_CLUSTER_TEXT = "ERR this node is in no cluster yet; CLUSTER MEET it with another node first"
RESET_WITH_KEYS_TEXT = "ERR CLUSTER RESET can't be called with master nodes containing keys"


def ask_unformed(
    parts: Parts, token: int, request: r.Request, *, retire: Callable[[str], None]
) -> None:
    """Do what a request asks of an unformed node, or refuse it."""
    birth, now = parts.birth, parts.now
    match request:
        case r.AddSlots(slots):
            birth.handle(birth_events.ClaimSlots(token, slots), now)
        case r.DelSlots(slots):
            birth.handle(birth_events.UnclaimSlots(token, slots), now)
        case r.FlushSlots():
            birth.handle(birth_events.UnclaimSlots(token, None), now)
        case r.SetConfigEpoch(config_epoch):
            birth.handle(birth_events.SetClaimEpoch(token, config_epoch), now)
        case r.Form():
            birth.handle(birth_events.FormNow(token), now)
        case r.Forget(node):
            _forget(parts, token, node)
        case r.Reset():
            _reset(parts, token, retire)
        case _:
            parts.answer(token, r.RequestRefused(NO_CLUSTER_TEXT))


def _forget(parts: Parts, token: int, node: NodeId) -> None:
    if parts.swim.member(node) is None:
        parts.answer(token, r.RequestRefused(f"ERR Unknown node {node}"))
        return
    parts.swim.handle(Remove(node, FORGOTTEN_CONTACT_S), parts.now)
    parts.answer(token, r.Done())


def _reset(parts: Parts, token: int, retire: Callable[[str], None]) -> None:
    if parts.data.holds_keys():
        parts.answer(token, r.RequestRefused(RESET_WITH_KEYS_TEXT))
        return
    parts.answer(token, r.Done("it begins anew, under another id"))
    retire("it was reset")
