"""Claims: what CLUSTER ADDSLOTS, DELSLOTS and SET-CONFIG-EPOCH mean before there is a cluster.

A claim is durable before it is answered and goes into the genesis. So it must not change between
the moment a genesis that shows it was accepted, or offered by this node, and the outcome: until
then changes are refused, and who asks tries again in a moment. Texts are those of Redis where
Redis has one.
"""

from __future__ import annotations

import attrs

from cluster.birth.events import Answer, ClaimSlots, SetClaimEpoch, UnclaimSlots
from cluster.birth.records import claims_record
from cluster.birth.state import BirthState
from cluster.control.requests import Done, RequestRefused
from cluster.map.values import COUNTER_MAX, Claim
from cluster.slots import SlotSet

BEING_FORMED = "ERR the cluster is being formed, try again"
IN_A_CLUSTER = "ERR this node is in a cluster, its map says who owns which slots"

ClaimRequest = ClaimSlots | UnclaimSlots | SetClaimEpoch


def change_claims(state: BirthState, request: ClaimRequest, *, is_offered: bool) -> None:
    """Do what is asked, or refuse it; `is_offered`: this node's own offer is out."""
    durable = state.durable
    if durable.cluster is not None:
        _refuse(state, request, IN_A_CLUSTER)
    elif state.is_bound or is_offered:
        _refuse(state, request, BEING_FORMED)
    else:
        changed = _changed(durable.claim, request)
        if isinstance(changed, str):
            _refuse(state, request, changed)
            return
        if changed != durable.claim:
            state.write(claims_record(changed))
        state.put(Answer(request.token, Done()))


def _changed(claim: Claim, request: ClaimRequest) -> Claim | str:
    """Return the claim after the request, or why it is refused."""
    slots = claim.slots
    match request:
        case ClaimSlots(_, wanted):
            busy = _first_common(slots, wanted)
            if busy is not None:
                return f"ERR Slot {busy} is already busy"
            return attrs.evolve(claim, slots=slots | wanted)
        case UnclaimSlots(_, None):
            return attrs.evolve(claim, slots=SlotSet())
        case UnclaimSlots(_, given_up):
            assert given_up is not None
            missing = (given_up - slots).ranges
            if missing:
                return f"ERR Slot {missing[0][0]} is already unassigned"
            return attrs.evolve(claim, slots=slots - given_up)
        case SetClaimEpoch(_, config_epoch):
            if not 0 <= config_epoch <= COUNTER_MAX:
                return f"ERR Invalid config epoch specified: {config_epoch}"
            if claim.config_epoch:
                return "ERR Node config epoch is already non-zero"
            return attrs.evolve(claim, config_epoch=config_epoch)


def _first_common(slots: SlotSet, wanted: SlotSet) -> int | None:
    held = set(slots)
    return next((slot for slot in wanted if slot in held), None)


def _refuse(state: BirthState, request: ClaimRequest, text: str) -> None:
    state.put(Answer(request.token, RequestRefused(text)))
