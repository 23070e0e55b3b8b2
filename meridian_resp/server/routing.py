"""Where a request belongs: on this node, on another one, or nowhere.

Pure: maps come in, decisions go out. The plain path of dispatch asks one list, `here`: whether
everything about this slot is served at once. Whatever else there is to know, slots of others or of
nobody, slots that are about to be given away, a cluster that dissolves, makes `here` false, and
`decide` finds out which it is. So a request for a key of this node pays one slot computation and
one look-up.

The order of questions is that of Redis Cluster: whether all keys have one slot, whether it is
somebody's, whether the cluster serves anything at all, and only then whose it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final, Union

from attrs import frozen

from cluster.map.values import ClusterMap, is_write_held
from cluster.slots import SLOT_COUNT, SlotSet, slot_of
from meridian_resp.errors import CommandError

if TYPE_CHECKING:
    from cluster.identity import Endpoint, NodeId
    from cluster.map.views import SlotView

CROSS_SLOT: Final = "CROSSSLOT Keys in request don't hash to the same slot"
NOT_SERVED: Final = "CLUSTERDOWN Hash slot not served"
CLUSTER_DOWN: Final = "CLUSTERDOWN The cluster is down"


def slot_held(slot: int) -> str:
    """The slot is about to be another node's, so no key may be added."""
    return f"TRYAGAIN Slot {slot} is about to be given to another node"


def slot_frozen(slot: int) -> str:
    """The cluster is about to become part of another one."""
    return f"TRYAGAIN Slot {slot} takes no writes: the cluster is joining another one"


@frozen
class Here:
    """This node serves it."""


@frozen
class Elsewhere:
    """Another node serves it: where other nodes and where clients reach it."""

    slot: int
    node: NodeId
    endpoint: Endpoint
    client_port: int

    @property
    def moved(self) -> str:
        """The error with which Redis Cluster sends clients there."""
        return f"MOVED {self.slot} {self.endpoint.host}:{self.client_port}"

    @property
    def named(self) -> str:
        """The node and its slot, for error texts."""
        return f"The node that serves slot {self.slot} ({self.endpoint.host}:{self.client_port})"


@frozen
class Nowhere:
    """It can't be served now, and why: an error for the client."""

    text: str


Decision = Union[Here, Elsewhere, Nowhere]
HERE: Final = Here()


def common_slot(keys: Sequence[bytes]) -> int | None:
    """Return the slot of all keys, None if there are no keys.

    Raises:
        CommandError: CROSSSLOT, they have several.
    """
    slot: int | None = None
    for key in keys:
        found = slot_of(key)
        if slot is None:
            slot = found
        elif found != slot:
            raise CommandError(CROSS_SLOT)
    return slot


class Routing:
    """What the newest map says about slots, as one node sees it.

    Attributes:
        here: for each slot whether this node serves all requests for it without a question. The
            list stays the same object.
        epoch: of the map, 0 without one.
    """

    def __init__(self) -> None:
        self.here = [False] * SLOT_COUNT
        self.epoch = 0
        self._own: NodeId | None = None
        self._map: ClusterMap | None = None
        self._view: SlotView | None = None
        self._needs_coverage = False
        #: Decisions about slots of others, as far as somebody asked since the map changed.
        self._elsewhere: dict[int, Elsewhere] = {}
        #: Slots whose step of a transition forbids new keys.
        self._held: frozenset[int] = frozenset()
        #: Slots of this node's held back by `hold`, and the epoch of the map at which they were.
        self._held_at: dict[int, int] = {}

    # --- what is known ---

    def change_map(
        self, own: NodeId, cluster_map: ClusterMap | None, view: SlotView | None
    ) -> None:
        """Go by this map from now on, or by none."""
        self._own, self._map, self._view = own, cluster_map, view
        self.epoch = 0 if cluster_map is None else cluster_map.epoch
        self._keep_holds()
        self._elsewhere.clear()
        self._held = frozenset() if cluster_map is None else _held_slots(cluster_map, own)
        self._derive()

    def require_coverage(self, needs_coverage: bool) -> None:
        """Whether nothing is served while some slots are nobody's."""
        self._needs_coverage = needs_coverage
        self._elsewhere.clear()
        self._derive()

    def hold(self, slots: Iterable[int], epoch: int) -> None:
        """Refuse to add keys to these slots until their partitions have a newer epoch than this.

        A newer map alone does not end it: it may be about something else, and the command that
        takes the slots away may come next. Nor does a time: that command may be late.
        """
        for slot in slots:
            self._held_at[slot] = max(epoch, self._held_at.get(slot, epoch))
            self.here[slot] = False

    def _keep_holds(self) -> None:
        cluster_map, view = self._map, self._view
        if cluster_map is None or view is None:
            self._held_at = {}
            return
        kept = {}
        for slot, epoch in self._held_at.items():
            number = view.partition_of[slot]
            if number is None or view.leaders[slot] != self._own:
                continue
            if cluster_map.partitions[number].epoch <= epoch:
                kept[slot] = epoch
        self._held_at = kept

    def _derive(self) -> None:
        self.here[:] = [False] * SLOT_COUNT
        if self._map is None or self._view is None or self._own is None or self._map.is_frozen:
            return
        if self._is_down(self._view):
            return
        for first, last in self._view.ranges_of(self._own).ranges:
            self.here[first : last + 1] = [True] * (last - first + 1)
        for slot in (*self._held, *self._held_at):
            self.here[slot] = False

    def _is_down(self, view: SlotView) -> bool:
        return self._needs_coverage and not view.is_covered

    # --- decisions ---

    def decide(self, slot: int, *, adds_keys: bool) -> Decision:
        """Return where a request for keys of a slot belongs."""
        if self.here[slot]:
            return HERE
        known = self._elsewhere.get(slot)
        if known is not None:
            return known
        if self._map is None or self._view is None:
            return Nowhere(NOT_SERVED)
        leader = self._view.leaders[slot]
        if leader is None:
            return Nowhere(NOT_SERVED)
        if self._is_down(self._view):
            return Nowhere(CLUSTER_DOWN)
        if leader != self._own:
            member = self._map.members[leader]
            made = Elsewhere(slot, leader, member.endpoint, member.client_port)
            self._elsewhere[slot] = made
            return made
        return self._decide_own(slot, adds_keys=adds_keys, is_frozen=self._map.is_frozen)

    def _decide_own(self, slot: int, *, adds_keys: bool, is_frozen: bool) -> Decision:
        """A slot of this node's, about which there is something to say."""
        if not adds_keys:
            return HERE
        if is_frozen:
            return Nowhere(slot_frozen(slot))
        if slot in self._held_at or slot in self._held:
            return Nowhere(slot_held(slot))
        return HERE

    @property
    def own_slots(self) -> SlotSet:
        """The slots that this node leads by the map."""
        if self._view is None or self._own is None:
            return SlotSet()
        return self._view.ranges_of(self._own)


def _held_slots(cluster_map: ClusterMap, own: NodeId) -> frozenset[int]:
    home = cluster_map.home_datacenter
    return frozenset(
        slot
        for partition in cluster_map.partitions.values()
        if partition.leader(home) == own and is_write_held(partition, home)
        for slot in partition.slots
    )
