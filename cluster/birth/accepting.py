"""Accepting, holding and giving up: what a node does with the genesis of another one.

A node accepts at most one genesis at a time, durably, and asks every `query_s` what became of it,
until it knows. Answers are given by state: who holds it hands the genesis out again, who dropped
it says so, the proposer that knows nothing of it has dropped it (see `proposing`).

**Missing nodes.** A proposer may not have heard yet of nodes that an acceptor is in contact with;
a cluster of the few that it knows would come to be beside a second one of the others. So an offer
says whom the proposer knows and leaves out (for silence, data, another genesis), and one that has
not heard of a node which is alive here is refused, and the tables of both are compared. Not for
longer than `complete_s`, because the proposer might be unable to learn of that node.

**Giving up.** An acceptance ends when its proposer says that it dropped the genesis, or when the
proposer has been dead for `abandon_s`; before that the other voters are asked, because one of them
may hold it and bring it to life. A dropped genesis is never accepted again.

**Holding.** A voter that holds the genesis runs the metadata group, and whether that group has
committed something can be unknown to it. So it gives up in two cases only:

* so many other voters have dropped the genesis that no majority can ever form. A voter drops only
  while it has acknowledged nothing, or by this very rule; of a majority that acknowledged an
  entry, nobody is ever the first to drop.
* it has no entry itself, and for `abandon_s` too few voters were alive to be a majority. It has
  acknowledged nothing, so it is to the group what a voter is that never came.

Rejected: giving up a held genesis after any time. A voter with an entry may be half of the
majority that formed the cluster; if all others of it are gone for ever, an operator must say so
(CLUSTER RESET).
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from cluster.birth.composing import is_claim_shown
from cluster.birth.events import Contact, Hold, Release, Send
from cluster.birth.proposing import Phase, Proposing
from cluster.birth.records import cluster_record, genesis_record
from cluster.birth.state import BirthState
from cluster.identity import ClusterId, Endpoint, NodeId, id_to_bytes
from cluster.journal.records import RecordKind
from cluster.map.codec import MapFormatError, decode_genesis, encode_genesis
from cluster.map.values import Genesis
from cluster.membership.messages import MemberStatus
from cluster.wire.messages import (
    GenesisAccepted,
    GenesisDropped,
    GenesisHeld,
    GenesisOffer,
    GenesisQuery,
    GenesisRefused,
    PeerMessage,
)

INCOMPLETE = "it is in contact with nodes that the proposer has not heard of"
#: An answer is worth something for so many pauses between questions.
_FRESH_QUERIES = 3
#: After so many times `abandon_s` live voters that never answer are not waited for any more.
_SILENT_ABANDONS = 3


class Accepting:
    """What one node accepted or holds, until its cluster is formed."""

    def __init__(
        self,
        state: BirthState,
        proposing: Proposing,
        *,
        holds_entries: Callable[[], bool],
        now: float,
    ) -> None:
        self._state = state
        self._proposing = proposing
        self._holds_entries = holds_entries
        self._watched: ClusterId | None = None
        self._query_at = now
        self._proposer_heard_at = now
        self._majority_at = now
        self._not_held: dict[NodeId, float] = {}
        self._dropped_by: set[NodeId] = set()
        #: Since when offers are refused for nodes that their proposers have not heard of.
        self._incomplete_since = float("-inf")

    def undecided(self) -> Genesis | None:
        """Return the genesis whose outcome this node does not know."""
        durable = self._state.durable
        return (durable.accepted or durable.held) if durable.cluster is None else None

    # Time.

    def deadline(self) -> float | None:
        """Return when `on_time` wants to be called."""
        return None if self.undecided() is None else self._query_at

    def on_time(self, now: float) -> None:
        """Ask what became of the genesis, and judge what is known."""
        genesis = self._watch(now)
        if genesis is None or now < self._query_at:
            return
        self._query_at = now + self._state.options.query_s
        self._judge(genesis, now)
        if self.undecided() is genesis:
            self._ask(genesis)

    def watch(self, now: float) -> None:
        """Begin to wait for the outcome, if there is something new to wait for."""
        self._watch(now)

    def _watch(self, now: float) -> Genesis | None:
        genesis = self.undecided()
        watched = None if genesis is None else genesis.identifier
        if watched != self._watched:
            self._watched = watched
            self._proposer_heard_at = self._majority_at = now
            self._query_at = now + self._state.options.query_s
            self._not_held.clear()
            self._dropped_by.clear()
        return genesis

    def _ask(self, genesis: Genesis) -> None:
        state = self._state
        query = id_to_bytes(genesis.identifier)
        for member in genesis.members:
            is_asked = member.node in genesis.voters or member.node == genesis.proposer
            if is_asked and member.node != state.own:
                is_proposer = member.node == genesis.proposer
                message = GenesisQuery(query, is_proposer=is_proposer)
                state.send(member.node, member.endpoint, message)

    # Judging.

    def _judge(self, genesis: Genesis, now: float) -> None:
        if self._state.durable.accepted is not None:
            self._judge_accepted(genesis, now)
        else:
            self._judge_held(genesis, now)

    def _judge_accepted(self, genesis: Genesis, now: float) -> None:
        state, options = self._state, self._state.options
        if state.contacts.is_live(genesis.proposer):
            self._proposer_heard_at = now
            return
        waited_s = now - self._proposer_heard_at
        fresh_s = _FRESH_QUERIES * options.query_s
        may_hold = [
            node
            for node in genesis.voters
            if node not in (state.own, genesis.proposer)
            and state.contacts.is_live(node)
            and now - self._not_held.get(node, float("-inf")) > fresh_s
        ]
        is_silence = waited_s >= _SILENT_ABANDONS * options.abandon_s
        if waited_s >= options.abandon_s and (not may_hold or is_silence):
            self._drop(genesis, "its proposer is gone")

    def _judge_held(self, genesis: Genesis, now: float) -> None:
        state = self._state
        majority = len(genesis.voters) // 2 + 1
        remaining = [node for node in genesis.voters if node not in self._dropped_by]
        if len(remaining) < majority:
            self._drop(genesis, "too many voters have given it up")
            return
        live = [n for n in remaining if n == state.own or state.contacts.is_live(n)]
        if len(live) >= majority:
            self._majority_at = now
        elif now - self._majority_at >= state.options.abandon_s and not self._holds_entries():
            self._drop(genesis, "too few voters are alive to begin")

    def _drop(self, genesis: Genesis, reason: str) -> None:
        state = self._state
        if state.durable.held is not None:
            # The group stops before the record is written: it must acknowledge nothing any more.
            state.put(Release(genesis.identifier))
        state.write(cluster_record(RecordKind.GENESIS_DROPPED, genesis.identifier))
        state.send_to_members(genesis, GenesisDropped(id_to_bytes(genesis.identifier)))
        text = f"genesis of cluster {genesis.identifier} is given up: {reason}"
        state.notice(text, logging.WARNING)

    # Messages.

    def offer(
        self, node: NodeId, endpoint: Endpoint, *, message: GenesisOffer, now: float
    ) -> None:
        """Accept a genesis, or say why not."""
        genesis = _decoded(message.genesis)
        if genesis is None or genesis.proposer != node or node == self._state.own:
            return
        durable = self._state.durable
        packed = id_to_bytes(genesis.identifier)
        known = (durable.held and durable.held.identifier, durable.cluster)
        if genesis.identifier in known:
            return  # an old copy of the offer: the proposer has decided
        if durable.accepted != genesis:
            if genesis.identifier in durable.dropped:
                self._reply(endpoint, GenesisDropped(packed))
                return
            refusal = self._refusal(genesis)
            if refusal is not None:
                self._reply(endpoint, GenesisRefused(packed, refusal, is_incomplete=False))
                return
            if self._is_incomplete(genesis, message.left_out, now):
                self._reply(endpoint, GenesisRefused(packed, INCOMPLETE, is_incomplete=True))
                proposer = self._state.contacts.get(node)
                if proposer is not None:
                    self._state.put(Contact((proposer.endpoint,)))
                return
            self._proposing.give_way()
            self._state.write(genesis_record(RecordKind.GENESIS_ACCEPTED, genesis))
            self._watch(now)
        self._reply(endpoint, GenesisAccepted(packed))

    def _refusal(self, genesis: Genesis) -> str | None:
        state = self._state
        if state.durable.cluster is not None:
            return "it is in a cluster"
        if state.is_bound:
            return "it takes part in another genesis"
        if state.has_data:
            return "it holds data and forms a cluster of its own"
        if state.own not in [member.node for member in genesis.members]:
            return "it is no member of this genesis"
        if not is_claim_shown(genesis, state.durable.claim):
            return "its claims have changed"
        if self._proposing.phase is not Phase.IDLE and state.own < genesis.proposer:
            return "it proposes a genesis itself, and its id is lower"
        return None

    def _is_incomplete(self, genesis: Genesis, left_out: list[bytes], now: float) -> bool:
        """Say whether the proposer has not heard of a node and should be told first."""
        known = {id_to_bytes(member.node) for member in genesis.members}.union(left_out)
        contacts, options = self._state.contacts, self._state.options
        if all(
            id_to_bytes(member.node) in known
            for member in contacts.unformed()
            if member.status is MemberStatus.ALIVE
        ):
            return False
        if now - self._incomplete_since >= options.abandon_s:
            self._incomplete_since = now
        return now - self._incomplete_since < options.complete_s

    def held(self, endpoint: Endpoint, data: bytes, now: float) -> None:
        """Learn that a genesis holds."""
        genesis, state = _decoded(data), self._state
        if genesis is None:
            return
        if genesis.identifier in state.durable.dropped:
            self._reply(endpoint, GenesisDropped(id_to_bytes(genesis.identifier)))
        elif genesis == state.durable.accepted and state.own in genesis.voters:
            state.write(genesis_record(RecordKind.GENESIS_HELD, genesis))
            state.put(Hold(genesis))
            self._proposer_heard_at = self._majority_at = now

    def accepted(self, node: NodeId, cluster: ClusterId, now: float) -> None:
        """Another acceptor waits as well."""
        if self._watched == cluster:
            self._not_held[node] = now

    def dropped(self, node: NodeId, cluster: ClusterId, now: float) -> None:
        """A node will never hold this genesis."""
        genesis = self.undecided()
        if genesis is None or genesis.identifier != cluster:
            return
        if self._state.durable.held is not None:
            if node in genesis.voters:
                self._dropped_by.add(node)
                self._judge_held(genesis, now)
        elif node == genesis.proposer:
            self._drop(genesis, "its proposer withdrew it")
        else:
            self._not_held[node] = now

    def query(self, endpoint: Endpoint, cluster: ClusterId, *, is_proposer: bool) -> None:
        """Tell what became of a genesis."""
        durable = self._state.durable
        packed = id_to_bytes(cluster)
        if durable.held is not None and durable.held.identifier == cluster:
            self._reply(endpoint, GenesisHeld(encode_genesis(durable.held)))
        elif durable.accepted is not None and durable.accepted.identifier == cluster:
            self._reply(endpoint, GenesisAccepted(packed))
        elif cluster == durable.cluster or self._proposing.is_offering(cluster):
            return  # the map tells, or the outcome is open
        elif cluster in durable.dropped or is_proposer:
            self._reply(endpoint, GenesisDropped(packed))
        else:
            reason = "it is not known here"
            self._reply(endpoint, GenesisRefused(packed, reason, is_incomplete=False))

    def heard(self, node: NodeId, now: float) -> None:
        """A message came from this node."""
        genesis = self.undecided()
        if genesis is not None and genesis.proposer == node:
            self._proposer_heard_at = now

    def _reply(self, endpoint: Endpoint, message: PeerMessage) -> None:
        self._state.put(Send(endpoint, message))


def _decoded(data: bytes) -> Genesis | None:
    try:
        genesis = decode_genesis(data)
    except MapFormatError:
        return None  # from a stranger, or of a version that we do not speak
    return genesis if genesis.proposer in genesis.voters else None
