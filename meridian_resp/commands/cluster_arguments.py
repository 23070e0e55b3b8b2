"""What the CLUSTER commands share: the port, slots, nodes, and how a request is answered."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from cluster.control.requests import ClusterRequestRefused
from cluster.redis_ids import from_redis_id
from cluster.slots import SLOT_COUNT, SlotSet
from meridian_resp.commands.arguments import shown
from meridian_resp.commands.cluster_picture import picture
from meridian_resp.commands.outcomes import Later
from meridian_resp.errors import NOT_IN_MULTI, CommandError
from meridian_resp.protocol.numbers import parse_int64
from meridian_resp.protocol.replies import OK, Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cluster.control.requests import Done, Request
    from cluster.identity import NodeId
    from meridian_resp.commands.cluster_picture import ClusterPicture, PicturedNode
    from meridian_resp.commands.cluster_port import ClusterPort
    from meridian_resp.commands.context import Context

DISABLED: Final = "ERR This instance has cluster support disabled"
BAD_SLOT: Final = "ERR Invalid or out of range slot"
_HAS_CODE: Final = re.compile(r"[A-Z]{2,} ")
_MAYBE: Final = "; it may still be carried out, look before you repeat it"


def cluster_of(context: Context) -> ClusterPort:
    """The node's cluster.

    Raises:
        CommandError: this server is not one of a cluster.
    """
    port = context.server.cluster
    if port is None:
        raise CommandError(DISABLED)
    return port


def picture_of(context: Context) -> ClusterPicture:
    """The cluster as it is now.

    Raises:
        CommandError: this server is not one of a cluster.
    """
    return picture(cluster_of(context), context.now_ms)


def slot_argument(text: bytes, refusal: str = BAD_SLOT) -> int:
    """A slot's number.

    Raises:
        CommandError: it is none.
    """
    slot = parse_int64(text)
    if slot is None or not 0 <= slot < SLOT_COUNT:
        raise CommandError(refusal)
    return slot


def node_argument(
    context: Context, text: bytes, refusal: Callable[[str], str] = "ERR Unknown node {}".format
) -> PicturedNode:
    """A node that this one knows.

    Raises:
        CommandError: it knows none of that id; the text is made by `refusal`.
    """
    found = None
    try:
        found = picture_of(context).find(from_redis_id(shown(text)))
    except ValueError:
        pass  # an id of another form is of no node
    if found is None:
        raise CommandError(refusal(shown(text)))
    return found


def wanted_slots(
    spans: Iterable[tuple[int, int]], owners: list[NodeId | None], *, must_be_free: bool
) -> SlotSet:
    """The slots of these spans, each of which must be free, or must not.

    Raises:
        CommandError: one is in the wrong state, or was named twice.
    """
    named: set[int] = set()
    for first, last in spans:
        for slot in range(first, last + 1):
            if must_be_free and owners[slot] is not None:
                raise CommandError(f"ERR Slot {slot} is already busy")
            if not must_be_free and owners[slot] is None:
                raise CommandError(f"ERR Slot {slot} is already unassigned")
            if slot in named:
                raise CommandError(f"ERR Slot {slot} specified multiple times")
            named.add(slot)
    return SlotSet.of(named)


def slot_owners(port: ClusterPort) -> list[NodeId | None]:
    """For each slot whose it is, by the map or, without one, by this node's claims."""
    view = port.slot_view()
    if view is not None:
        return view.leaders
    owners: list[NodeId | None] = [None] * SLOT_COUNT
    for slot in port.claims().slots:
        owners[slot] = port.own_id
    return owners


def ask(
    context: Context, request: Request, answer: Callable[[Done], Reply] = lambda done: OK
) -> Later:
    """Hand a request to the control plane; the reply is made when it is done.

    Raises:
        CommandError: this server is not one of a cluster, or a transaction runs, which can't wait.
    """
    port = cluster_of(context)
    if context.server.is_in_transaction:
        raise CommandError(NOT_IN_MULTI)

    async def work() -> Reply:
        try:
            done = await port.request(request)
        except ClusterRequestRefused as refusal:
            raise CommandError(refusal_text(refusal)) from None
        return answer(done)

    return Later(work)


def refusal_text(refusal: ClusterRequestRefused) -> str:
    """The refusal as an error: with a code, and saying so when the outcome is open."""
    text = refusal.text if _HAS_CODE.match(refusal.text) else f"ERR {refusal.text}"
    return text + _MAYBE if refusal.is_unknown else text
