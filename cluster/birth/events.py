"""What goes into the birth core and what comes out of it.

Outputs are duties, in order. The core holds back by itself what must wait for the disk: whoever
gets a `Send`, an `Answer`, a `Hold` or an `Adopt` may act at once. `Release` alone comes before
its record is durable, because stopping early is harmless and stopping late is not.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Union

from attrs import frozen

from cluster.control.requests import Done, RequestRefused
from cluster.identity import ClusterId, Endpoint, NodeId
from cluster.journal.records import Record
from cluster.map.commands import Dissolve, Freeze, Unfreeze
from cluster.map.values import Genesis
from cluster.membership.events import MemberView
from cluster.slots import SlotSet
from cluster.wire.messages import PeerMessage

# Inputs.


@frozen
class BirthMessage:
    """A message of tags 9 to 19 came from this node, which announced this gossip endpoint."""

    node: NodeId
    endpoint: Endpoint
    message: PeerMessage


@frozen
class MembersChanged:
    """What membership holds now about everybody, this node included; unformed: no cluster."""

    members: tuple[MemberView, ...]


@frozen
class Saved:
    """Every `Save` up to this number is durable."""

    number: int


@frozen
class ClaimSlots:
    """CLUSTER ADDSLOTS on an unformed node."""

    token: int
    slots: SlotSet


@frozen
class UnclaimSlots:
    """CLUSTER DELSLOTS on an unformed node; None gives up all claims (FLUSHSLOTS)."""

    token: int
    slots: SlotSet | None


@frozen
class SetClaimEpoch:
    """CLUSTER SET-CONFIG-EPOCH on an unformed node."""

    token: int
    config_epoch: int


@frozen
class FormNow:
    """Propose a genesis now, of the nodes in contact or of this one alone."""

    token: int


@frozen
class ClusterFormed:
    """The metadata log of a cluster has committed a map with these members.

    Told when this node's own group commits its first entry, and whenever a map that names this
    node was fetched and saved while it is not formed.
    """

    cluster: ClusterId
    map_members: Collection[NodeId]


@frozen
class ClusterLost:
    """This node is no longer in the cluster: removed, reset, or dissolved `into` another one."""

    cluster: ClusterId
    into: ClusterId | None = None


@frozen
class DataChanged:
    """Whether keys are held: by this node, or by some member of its cluster."""

    has_data: bool
    is_cluster_wide: bool = False


@frozen
class ForeignSeen:
    """Membership heard a member of another formed cluster at this endpoint."""

    endpoint: Endpoint
    cluster: ClusterId


@frozen
class MapNews:
    """The map that this node has applied, and who leads the metadata log as far as known."""

    epoch: int
    is_frozen: bool
    members: tuple[tuple[NodeId, Endpoint], ...]
    leader: NodeId | None


Request = Union[ClaimSlots, UnclaimSlots, SetClaimEpoch, FormNow]
Input = Union[
    BirthMessage,
    MembersChanged,
    Saved,
    Request,
    ClusterFormed,
    ClusterLost,
    DataChanged,
    ForeignSeen,
    MapNews,
]

# Outputs.


@frozen
class Send:
    """Send over the link to this endpoint; may get lost."""

    endpoint: Endpoint
    message: PeerMessage


@frozen
class Save:
    """Append these records to the journal, make them durable, then report `Saved(number)`."""

    number: int
    records: tuple[Record, ...]


@frozen
class Answer:
    """The answer to the request of this token."""

    token: int
    answer: Done | RequestRefused


@frozen
class Hold:
    """Start the metadata group of this genesis with this node as a voter.

    Repeated at every start. It does nothing when the journal has anything of a group of this
    cluster, be it that the group was dropped: a voter never begins twice.
    """

    genesis: Genesis


@frozen
class Release:
    """Stop taking part in the metadata group of this cluster now, and forget it."""

    cluster: ClusterId


@frozen
class Adopt:
    """This node belongs to this cluster, durably."""

    cluster: ClusterId


@frozen
class Contact:
    """Let membership make contact with these endpoints."""

    endpoints: tuple[Endpoint, ...]


@frozen
class DissolveWanted:
    """This cluster never held a key and should give way to that one; told on every node."""

    into: ClusterId


@frozen
class ProposeMerge:
    """Propose this command to the metadata log; the core asks again by itself."""

    command: Freeze | Unfreeze | Dissolve


@frozen
class Notice:
    """Something to be logged; `level` is a level of the logging module."""

    level: int
    text: str


Output = Union[
    Send,
    Save,
    Answer,
    Hold,
    Release,
    Adopt,
    Contact,
    DissolveWanted,
    ProposeMerge,
    Notice,
]
