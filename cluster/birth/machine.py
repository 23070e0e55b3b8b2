"""The birth of a cluster, as one pure state machine per node.

    unformed -> proposing -> held -> formed          the proposer
    unformed -> accepted  -> held -> formed          another voter
    unformed -> accepted  -> formed                  a member that does not vote
    proposing, accepted, held, formed -> unformed    withdrawn, given up, left

What it promises: a node is in at most one cluster, and a voter in at most one metadata group, at
any time and across crashes; claims that were answered with OK are in the genesis that this node
becomes part of, or nobody's; when the network heals and nodes come back, all are formed. What it
does not promise: that only one cluster comes to be where nodes cannot reach each other. Clusters
that never held a key become one when they meet.

**Formed** means that the metadata log has committed its first entry, which only a majority of the
voters of one genesis can do. Nobody serves before, so all that precedes is about liveness and
about claims. Protocol, tables and proof in prose: docs/protocols/birth.md.

How it is composed:

* `MembersChanged` with the whole table at the start and after each change; messages of tags 9 to
  19 as `BirthMessage`; `Saved` by the numbers of this core; `MapNews` after each applied map and
  each change of the metadata leader; `DataChanged` when the first key appears or the last goes.
* `ClusterFormed` when the metadata group says so, and for each fetched map that names this node
  while it is not formed. It is ignored where it must not be followed; `Adopt` is the outcome.
* `Hold` starts the group. It may come before and again after a restart, see `events.Hold`.
* `ClusterLost` for removal and dissolution, and for a reset of a node that waits (`undecided`).
* `holds_entries()` tells whether this node's metadata group has any entry, saved or not. It is
  asked before a held genesis is given up; without it none is that might have formed.
* `compacted()` gives the records that are still needed, unsaved changes included.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from cluster.birth.accepting import Accepting
from cluster.birth.claims import change_claims
from cluster.birth.events import (
    Adopt,
    BirthMessage,
    ClaimSlots,
    ClusterFormed,
    ClusterLost,
    DataChanged,
    ForeignSeen,
    FormNow,
    Hold,
    Input,
    MapNews,
    MembersChanged,
    Output,
    Release,
    Saved,
    Send,
    SetClaimEpoch,
    UnclaimSlots,
)
from cluster.birth.merging import Merging
from cluster.birth.options import BirthOptions
from cluster.birth.proposing import Phase, Proposing
from cluster.birth.records import cluster_record, genesis_record
from cluster.birth.state import BirthState, Stage
from cluster.identity import ID_BYTES, ClusterId, Endpoint, NodeId, id_from_bytes
from cluster.journal.records import Record, RecordKind
from cluster.map.values import Claim
from cluster.wire.messages import (
    ClaimsReply,
    ClusterHello,
    GenesisAccepted,
    GenesisCall,
    GenesisDropped,
    GenesisHeld,
    GenesisOffer,
    GenesisQuery,
    GenesisRefused,
    HasDataReply,
    HasDataRequest,
)

DATA_STAYS_OUT = (
    "cluster {} wants to take this node in, but this node holds data: it stays outside. Empty it "
    "first, or start it with another directory"
)


class Birth:
    """The birth core of one node; a `Machine` of `events.Input` and `events.Output`."""

    def __init__(
        self,
        own: NodeId,
        endpoint: Endpoint,
        *,
        recovered: Sequence[Record],
        options: BirthOptions,
        rng: Random,
        now: float,
        has_data: bool = False,
        is_sent_away: bool = False,
        holds_entries: Callable[[], bool] = lambda: True,
    ) -> None:
        """Begin, or go on after a restart.

        Args:
            own: this node; endpoint: where it gossips.
            recovered: all records of the journal; those of other cores are skipped.
            options: checked here.
            rng: for ids of clusters and for pauses; no two nodes may share a seed.
            now: the time, in seconds.
            has_data: whether this node holds keys.
            is_sent_away: the node that was here was removed from its cluster; with its keys this
                one forms another only when it is asked to (FormNow).
            holds_entries: see the module.

        Raises:
            OptionError: the options do not fit together.
            MapFormatError, ClaimsRecordError: a record is of a later version.
        """
        options.validate()
        state = BirthState(own, endpoint, options=options, rng=rng, now=now)
        state.durable.apply(recovered)
        state.has_data, state.is_sent_away = has_data, is_sent_away
        self._state = state
        self._proposing = Proposing(state)
        self._accepting = Accepting(state, self._proposing, holds_entries=holds_entries, now=now)
        self._merging = Merging(state)
        if state.durable.held is not None:
            state.put(Hold(state.durable.held))
        self._accepting.watch(now)

    # The four calls of a machine.

    def handle(self, event: Input, now: float) -> None:
        """Take in news, a message or a request."""
        match event:
            case BirthMessage():
                self._receive(event, now)
            case MembersChanged(members):
                if self._state.contacts.update(members, now):
                    self._proposing.disturbed()
            case Saved(number):
                self._state.outbox.saved(number)
            case ClaimSlots() | UnclaimSlots() | SetClaimEpoch():
                is_offered = self._proposing.is_offering()
                change_claims(self._state, event, is_offered=is_offered)
            case FormNow(token):
                self._proposing.form(token, now)
            case ClusterFormed():
                self._formed(event, now)
            case ClusterLost():
                self._lost(event, now)
            case DataChanged(has_data, is_cluster_wide):
                self._data_changed(has_data, is_cluster_wide=is_cluster_wide)
            case ForeignSeen(endpoint, cluster):
                self._merging.seen(endpoint, cluster, now)
            case MapNews():
                if self._state.durable.cluster is not None:
                    self._merging.map_news(event, now)
        self._go_on(now)

    def deadline(self) -> float | None:
        """When `on_deadline` wants to be called."""
        times = (
            self._proposing.deadline(),
            self._accepting.deadline(),
            self._merging.dissolving.deadline(),
        )
        return min((time for time in times if time is not None), default=None)

    def on_deadline(self, now: float) -> None:
        """Do what is due."""
        self._proposing.on_time(now)
        self._accepting.on_time(now)
        self._merging.dissolving.on_time(now)
        self._go_on(now)

    def take(self) -> Sequence[Output]:
        """Return what is to be done now, in order, and forget it."""
        return self._state.outbox.take()

    # What others may read. It may be ahead of the disk; what was said is not.

    @property
    def stage(self) -> Stage:
        """Where this node stands."""
        durable = self._state.durable
        if durable.cluster is not None:
            return Stage.FORMED
        if durable.held is not None:
            return Stage.HELD
        if durable.accepted is not None:
            return Stage.ACCEPTED
        is_idle = self._proposing.phase is Phase.IDLE
        return Stage.UNFORMED if is_idle else Stage.PROPOSING

    @property
    def cluster(self) -> ClusterId | None:
        """The cluster that this node is in."""
        return self._state.durable.cluster

    @property
    def undecided(self) -> ClusterId | None:
        """The cluster that this node accepted or holds, while it is not formed."""
        genesis = self._accepting.undecided()
        return None if genesis is None else genesis.identifier

    @property
    def claim(self) -> Claim:
        """What this node claims."""
        return self._state.durable.claim

    @property
    def has_claims(self) -> bool:
        """Whether this node claims any slot."""
        return bool(self._state.durable.claim.slots.ranges)

    def compacted(self) -> list[Record]:
        """Return the records that are still needed."""
        return self._state.durable.compacted()

    def check_invariants(self) -> None:
        """Assert what always holds."""
        self._state.durable.check_invariants()
        if self._state.is_bound:
            assert self._proposing.phase is Phase.IDLE, "who is bound proposes nothing"

    # Events.

    def _go_on(self, now: float) -> None:
        self._accepting.watch(now)
        self._proposing.consider(now)
        self._accepting.watch(now)

    def _receive(self, event: BirthMessage, now: float) -> None:
        node, endpoint = event.node, event.endpoint
        packed = getattr(event.message, "cluster", None)
        if node == self._state.own or (packed is not None and len(packed) != ID_BYTES):
            return
        self._accepting.heard(node, now)
        match event.message:
            case GenesisCall(call):
                self._called(node, endpoint, call)
            case ClaimsReply():
                self._proposing.claims_reply(node, event.message, now)
            case GenesisOffer():
                self._accepting.offer(node, endpoint, message=event.message, now=now)
            case GenesisHeld(data):
                self._accepting.held(endpoint, data, now)
            case ClusterHello():
                self._merging.hello(node, endpoint, message=event.message, now=now)
            case HasDataRequest():
                self._merging.dissolving.data_requested(endpoint, event.message)
            case HasDataReply():
                self._merging.dissolving.data_reply(node, event.message, now)
            case _:
                self._outcome(event, now)

    def _outcome(self, event: BirthMessage, now: float) -> None:
        """Take a message about a genesis that is named by its cluster."""
        node = event.node
        match event.message:
            case GenesisAccepted(packed):
                self._proposing.accepted(node, _cluster(packed))
                self._accepting.accepted(node, _cluster(packed), now)
            case GenesisRefused(packed, reason, is_incomplete):
                if is_incomplete:
                    self._proposing.postponed(node, _cluster(packed), reason=reason, now=now)
                else:
                    self._proposing.refused(node, _cluster(packed), reason=reason, now=now)
                self._accepting.accepted(node, _cluster(packed), now)
            case GenesisDropped(packed):
                reason = "it has given it up"
                self._proposing.refused(node, _cluster(packed), reason=reason, now=now)
                self._accepting.dropped(node, _cluster(packed), now)
            case GenesisQuery(packed, is_proposer):
                cluster = _cluster(packed)
                self._accepting.query(event.endpoint, cluster, is_proposer=is_proposer)
            case _:
                pass  # of another core

    def _called(self, node: NodeId, endpoint: Endpoint, call: int) -> None:
        """Say what this node claims, and whether it is free."""
        state = self._state
        if node < state.own:
            self._proposing.give_way()
        is_bound = state.is_bound or self._proposing.is_offering()
        claim = state.durable.claim
        reply = ClaimsReply(
            call, list(claim.slots.ranges), claim.config_epoch, state.has_data, is_bound
        )
        state.put(Send(endpoint, reply))

    def _formed(self, event: ClusterFormed, now: float) -> None:
        state, durable = self._state, self._state.durable
        if durable.cluster is not None or state.own not in event.map_members:
            return
        if durable.held is not None and durable.held.identifier != event.cluster:
            # This node may be half of the majority of another cluster.
            return
        if state.has_data and durable.held is None:
            # The map would decide about keys that its cluster has never heard of.
            state.notice_rarely(DATA_STAYS_OUT.format(event.cluster), now)
            return
        unused = len(durable.claim.slots)
        accepted, records = durable.accepted, []
        if accepted is not None and accepted.identifier != event.cluster:
            records.append(cluster_record(RecordKind.GENESIS_DROPPED, accepted.identifier))
        elif accepted is not None and state.own in accepted.voters:
            records.append(genesis_record(RecordKind.GENESIS_HELD, accepted))
            unused = 0
        elif accepted is not None or durable.held is not None:
            unused = 0
        records.append(cluster_record(RecordKind.CLUSTER_ADOPTED, event.cluster))
        held_before = durable.held
        state.write(*records)
        if durable.held is not None and held_before is None:
            state.put(Hold(durable.held))
        state.put(Adopt(event.cluster))
        self._proposing.formed()
        state.notice(f"this node is part of cluster {event.cluster}")
        if unused:
            state.notice(f"its claims of {unused} slots were not needed: the cluster had a map")

    def _lost(self, event: ClusterLost, now: float) -> None:
        state = self._state
        if event.cluster not in (state.durable.cluster, self.undecided):
            return
        state.put(Release(event.cluster))
        state.write(cluster_record(RecordKind.CLUSTER_LEFT, event.cluster))
        self._merging.left(event.into)
        self._proposing.left(event.into, now)
        state.notice(f"this node is no longer part of cluster {event.cluster}")

    def _data_changed(self, has_data: bool, *, is_cluster_wide: bool) -> None:
        if is_cluster_wide:
            self._merging.set_cluster_data(has_data)
            return
        self._state.has_data = has_data
        if has_data and not self._state.is_bound:
            self._proposing.give_way()


def _cluster(packed: bytes) -> ClusterId:
    return ClusterId(id_from_bytes(packed))
