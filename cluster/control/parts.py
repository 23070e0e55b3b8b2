"""What the parts of the control plane share: the cores, the order of saves, the outputs.

As in the membership core: the plane is cut by subject (`incoming` sorts what arrives, `belonging`
knows what a new map means, `proposals` and `rebalancing` change it), all of them look at the same
cores and leave outputs in the same list. That is all this class holds.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from random import Random

from attrs import define, field

from cluster.birth.machine import Birth
from cluster.control import outputs as out
from cluster.control.data_port import DataPort
from cluster.control.heartbeats import Heartbeats
from cluster.control.options import ControlOptions
from cluster.control.requests import Answer
from cluster.control.saves import Saves
from cluster.identity import Endpoint, NodeId
from cluster.identity_store import Identity
from cluster.journal.records import Record, RecordKind
from cluster.map.values import ClusterMap
from cluster.map.views import SlotView
from cluster.membership.events import MemberView
from cluster.membership.facts import NodeFacts
from cluster.membership.swim import Swim
from cluster.metadata.group import GENESIS_INDEX
from cluster.metadata.metadata_log import MetadataLog
from cluster.metadata.records import recover
from cluster.wire.messages import PeerMessage

#: Its cluster removed the node that was here: do not look for anybody unasked.
SENT_AWAY = Record(RecordKind.SENT_AWAY, b"")
KEYS_OF_NOBODY = (
    "The node that was here was removed from its cluster, and its keys are still in this "
    "directory; nobody is served them. To have them, let this node form a cluster of its own "
    "(meridian-ctl form) and copy them; to be taken in, start with an empty directory"
)


@define(eq=False, kw_only=True)
class Parts:
    """The cores of one node and what they say together. `now` is the time of the event at hand."""

    own_id: NodeId
    endpoint: Endpoint
    facts: NodeFacts
    options: ControlOptions
    data: DataPort
    rng: Random
    now: float
    swim: Swim
    birth: Birth
    log: MetadataLog
    heartbeats: Heartbeats
    saves: Saves
    outputs: list[out.Output] = field(factory=list)
    counts: dict[str, int] = field(factory=dict)
    #: The map that this node routes by, and who leads what by it.
    map: ClusterMap | None = None
    view: SlotView | None = None
    is_retired: bool = False
    #: Another process may have this node's id: it serves nothing (see `duplicates`).
    is_disputed: bool = False
    #: Its cluster removed the node that was here: it keeps to itself until somebody invites it.
    is_sent_away: bool = False

    def put(self, output: out.Output) -> None:
        """Say something to the shell."""
        self.outputs.append(output)

    def send(self, endpoint: Endpoint, message: PeerMessage) -> None:
        """Send over a link."""
        self.outputs.append(out.SendMessage(endpoint, message))

    def answer(self, token: int, answer: Answer) -> None:
        """Answer a request."""
        self.outputs.append(out.Answered(token, answer))

    def notice(self, level: int, text: str) -> None:
        """Say something to people."""
        self.outputs.append(out.Notice(level, text))

    def count(self, what: str) -> None:
        """Count something for the statistics."""
        self.counts[what] = self.counts.get(what, 0) + 1

    def endpoint_of(self, node: NodeId) -> Endpoint | None:
        """Where a node is: as membership says, or else as the map does."""
        member = self.swim.member(node)
        if member is not None:
            return member.endpoint
        held = None if self.map is None else self.map.members.get(node)
        return None if held is None else held.endpoint

    def live_members(self) -> list[MemberView]:
        """Everybody whom membership holds for alive or suspected, this node too."""
        return [member for member in self.swim.members() if member.status.is_live]


def make_parts(
    identity: Identity,
    endpoint: Endpoint,
    *,
    facts: NodeFacts,
    recovered: Sequence[Record],
    options: ControlOptions,
    data: DataPort,
    rng: Random,
    now: float,
) -> Parts:
    """Return the cores of a life that begins, as the journal left them."""
    own = identity.node
    is_sent_away = was_sent_away(recovered)
    log = MetadataLog(own, options.metadata, recover(recovered), rng=rng, now=now)
    birth = Birth(
        own,
        endpoint,
        recovered=recovered,
        options=options.birth,
        rng=rng,
        now=now,
        has_data=data.holds_keys(),
        is_sent_away=is_sent_away,
        holds_entries=lambda: log.status.last_index > GENESIS_INDEX,
    )
    swim = Swim(
        own,
        endpoint,
        boot=identity.boot,
        facts=facts,
        cluster=birth.cluster,
        options=options.swim,
        rng=rng,
        now=now,
    )
    parts = Parts(
        own_id=own,
        endpoint=endpoint,
        facts=facts,
        options=options,
        data=data,
        rng=rng,
        now=now,
        swim=swim,
        birth=birth,
        log=log,
        heartbeats=Heartbeats(own, options.phi, now),
        saves=Saves(options.journal_rewrite_bytes),
    )
    if is_sent_away and birth.cluster is None:
        parts.is_sent_away = True
        if data.holds_keys():
            parts.notice(logging.WARNING, KEYS_OF_NOBODY)
    return parts


def was_sent_away(recovered: Sequence[Record]) -> bool:
    """Say whether the journal ends with a removal that nothing has made good since."""
    is_sent_away = False
    for record in recovered:
        if record.kind in (RecordKind.GENESIS_ACCEPTED, RecordKind.CLUSTER_ADOPTED):
            is_sent_away = False  # somebody has invited it since
        elif record == SENT_AWAY:
            is_sent_away = True
    return is_sent_away
