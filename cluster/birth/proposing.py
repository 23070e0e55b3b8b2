"""Proposing a genesis: wait for quiet, call, offer, decide.

Nothing of a proposal is written before it is decided. A proposer that crashes has therefore
dropped what it had offered, and says so when it is asked (presumed abort); acceptors ask. Its own
acceptance comes last and is the decision: one record, and from then on the genesis holds.

Who proposes, and when:

* Only nodes with the rebalancer role propose, because the proposer is a voter. Membership must
  have been quiet for `quiet_s`; the lowest id goes first, and each further one waits `patience_s`
  longer, so that a first one which is busy with something else stops nobody for ever.
* Nobody proposes while a formed cluster is in contact: that one takes unformed nodes in.
* A node with data forms at once and alone, since nobody else may decide what becomes of its keys.
  Its claims do not count: it must own all slots to serve all its keys.
* A node without data forms alone only when told to: by claims of all slots, by the bootstrap
  option, or by a request.

Who does not answer a call in time is left out, and taken in later. Who answers the call and not
the offer is not asked for a while. Two proposers at once: the higher id gives way.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence

from cluster.birth.composing import compose_genesis
from cluster.birth.events import Answer, Hold
from cluster.birth.records import genesis_record
from cluster.birth.state import BirthState
from cluster.control.requests import Done, RequestRefused
from cluster.identity import ClusterId, NodeId, id_to_bytes, new_id
from cluster.journal.records import RecordKind
from cluster.map.codec import encode_genesis
from cluster.map.values import COUNTER_MAX, Claim, Genesis
from cluster.membership.events import MemberView
from cluster.membership.facts import Role
from cluster.slots import SLOT_COUNT, SlotSet
from cluster.wire.messages import (
    ClaimsReply,
    GenesisCall,
    GenesisDropped,
    GenesisHeld,
    GenesisOffer,
)

_BACKOFFS_MAX = 4

NOBODY_PROPOSES = (
    "no node in contact has the rebalancer role: without one no cluster can be formed"
)
DATA_CANNOT_FORM = (
    "this node holds data and has no rebalancer role: it cannot form a cluster of its own, and "
    "nobody takes it into one"
)


class Phase(enum.Enum):
    """Where this node's own proposal stands."""

    IDLE = 0
    CALLING = 1
    OFFERING = 2


class Proposing:
    """The proposals of one node."""

    def __init__(self, state: BirthState) -> None:
        self._state = state
        self.phase = Phase.IDLE
        self._call = 0
        self._asked: dict[NodeId, MemberView] = {}
        self._replies: dict[NodeId, ClaimsReply] = {}
        self._genesis: Genesis | None = None
        self._awaited: set[NodeId] = set()
        self._ends_at = 0.0
        self._resend_at = 0.0
        self._failures = 0
        self._retry_at = float("-inf")
        self._waits_until = float("-inf")
        self._has_left = False
        self._skipped: dict[NodeId, float] = {}
        self._requests: dict[int, float] = {}

    # When to begin.

    def consider(self, now: float) -> None:
        """Begin a proposal if it is time to."""
        start, state = self._start_at(), self._state
        if start is None or now < start:
            return
        own = state.contacts.own()
        assert own is not None
        if Role.REBALANCER not in own.facts.roles:
            self._retry_at = now + state.options.notice_s
            state.notice_rarely(DATA_CANNOT_FORM if state.has_data else NOBODY_PROPOSES, now)
        elif state.has_data or not state.contacts.unformed():
            self._decide(self._compose((), {}))
        else:
            self._begin_call(now)

    def deadline(self) -> float | None:
        """Return when `on_time` or `consider` has something to do."""
        times = list(self._requests.values())
        if self.phase is not Phase.IDLE:
            times += [self._ends_at, self._resend_at]
        elif (start := self._start_at()) is not None:
            times.append(start)
        return min(times, default=None)

    def on_time(self, now: float) -> None:
        """Repeat, go on or give up."""
        for token in [token for token, until in self._requests.items() if now >= until]:
            del self._requests[token]
            text = "ERR the cluster is not formed yet; it may still be"
            self._state.put(Answer(token, RequestRefused(text, is_unknown=True)))
        if self.phase is Phase.IDLE:
            return
        if now >= self._ends_at:
            self._end_phase(now)
        elif now >= self._resend_at:
            self._send_again(now)

    def _start_at(self) -> float | None:
        state, contacts = self._state, self._state.contacts
        own = contacts.own()
        if own is None or state.is_bound or self.phase is not Phase.IDLE:
            return None
        quiet_at = contacts.changed_at + state.options.quiet_s
        is_able = Role.REBALANCER in own.facts.roles
        if state.has_data and state.is_sent_away and not self._requests:
            return None
        if state.has_data:
            return contacts.changed_at if is_able else max(quiet_at, self._retry_at)
        if contacts.has_formed():
            return None
        is_alone = not contacts.unformed()
        if is_alone and not self._may_be_alone():
            return None
        candidates = contacts.candidates()
        if not is_able:
            return None if candidates else max(quiet_at, self._retry_at)
        if self._requests:
            return max(contacts.changed_at, self._retry_at)
        if is_alone:
            return max(contacts.changed_at, self._waits_until)
        patience_s = candidates.index(state.own) * state.options.patience_s
        return max(quiet_at + patience_s, self._retry_at, self._waits_until)

    def _may_be_alone(self) -> bool:
        claims_all = len(self._state.durable.claim.slots) == SLOT_COUNT
        is_bootstrap = self._state.options.is_bootstrap and not self._has_left
        return claims_all or is_bootstrap or bool(self._requests)

    # Requests and news.

    def form(self, token: int, now: float) -> None:
        """Answer FormNow, now or when there is a cluster."""
        state = self._state
        own = state.contacts.own()
        refusal = None
        if state.durable.cluster is not None:
            refusal = "ERR this node is in a cluster already"
        elif own is None or Role.REBALANCER not in own.facts.roles:
            refusal = "ERR this node does not have the rebalancer role, ask one that has it"
        elif state.contacts.has_formed() and not state.has_data:
            refusal = "ERR a formed cluster is in contact and takes this node in"
        if refusal is not None:
            state.put(Answer(token, RequestRefused(refusal)))
            return
        self._requests[token] = now + state.options.form_timeout_s
        self._retry_at = now

    def formed(self) -> None:
        """This node is in a cluster now."""
        self._give_way()
        for token in self._requests:
            self._state.put(Answer(token, Done()))
        self._requests.clear()
        self._failures = 0

    def left(self, into: ClusterId | None, now: float) -> None:
        """This node has left its cluster; it waits for the one that it should become part of."""
        self._has_left = True
        if into is not None:
            self._waits_until = now + self._state.options.abandon_s

    def give_way(self) -> None:
        """Withdraw what is not decided: somebody else's proposal goes first."""
        self._give_way()

    def disturbed(self) -> None:
        """Membership changed: a call begins again after the next quiet."""
        if self.phase is Phase.CALLING:
            self.phase = Phase.IDLE

    def is_offering(self, cluster: ClusterId | None = None) -> bool:
        """Whether an offer is out: this one, or any."""
        if self.phase is not Phase.OFFERING:
            return False
        assert self._genesis is not None
        return cluster is None or self._genesis.identifier == cluster

    # Answers of others.

    def claims_reply(self, node: NodeId, reply: ClaimsReply, now: float) -> None:
        """Take what an unformed node claims."""
        if self.phase is not Phase.CALLING or reply.call != self._call or node not in self._asked:
            return
        if _claim_of(node, reply) is None:
            return
        self._replies[node] = reply
        if len(self._replies) == len(self._asked):
            self._end_phase(now)

    def accepted(self, node: NodeId, cluster: ClusterId) -> None:
        """It is durable there that our genesis may hold."""
        if self.is_offering(cluster):
            self._awaited.discard(node)
            if not self._awaited:
                assert self._genesis is not None
                self._decide(self._genesis)

    def refused(self, node: NodeId, cluster: ClusterId, *, reason: str, now: float) -> None:
        """Our genesis will not be accepted there."""
        if self.is_offering(cluster) and node in self._asked:
            self._fail(f"node {node} refuses: {reason}", now)

    def postponed(self, node: NodeId, cluster: ClusterId, *, reason: str, now: float) -> None:
        """A node knows of others that this one has not heard of; it has told them by now."""
        if self.is_offering(cluster) and node in self._asked:
            self._give_way()
            # No failure: whoever asked for a cluster waits on, and so do we, but not for longer.
            self._retry_at = now + self._state.options.resend_s
            self._state.notice(f"a cluster is formed in a moment: node {node} says that {reason}")

    # Phases.

    def _begin_call(self, now: float) -> None:
        state = self._state
        self._skipped = {node: until for node, until in self._skipped.items() if until > now}
        others = [m for m in state.contacts.unformed() if m.node not in self._skipped]
        self.phase = Phase.CALLING
        self._call = state.rng.getrandbits(63)
        self._asked = {member.node: member for member in others}
        self._replies = {}
        self._ends_at = now + state.options.call_timeout_s
        self._send_again(now)
        if not others:
            self._end_phase(now)

    def _send_again(self, now: float) -> None:
        state = self._state
        self._resend_at = now + state.options.resend_s
        if self.phase is Phase.CALLING:
            for member in self._asked.values():
                if member.node not in self._replies:
                    state.send(member.node, member.endpoint, GenesisCall(self._call))
        else:
            assert self._genesis is not None
            members = {member.node for member in self._genesis.members}
            unformed = [member.node for member in self._state.contacts.unformed()]
            left_out = [id_to_bytes(node) for node in unformed if node not in members]
            offer = GenesisOffer(encode_genesis(self._genesis), left_out)
            for member in self._asked.values():
                if member.node in self._awaited:
                    state.send(member.node, member.endpoint, offer)

    def _end_phase(self, now: float) -> None:
        if self.phase is Phase.CALLING:
            self._begin_offer(now)
            return
        for node in self._awaited:
            self._skipped[node] = now + self._state.options.abandon_s
        silent = ", ".join(sorted(self._awaited))
        self._fail(f"no answer to the offer from {silent}", now)

    def _begin_offer(self, now: float) -> None:
        joining = [
            self._state.contacts.get(node) or self._asked[node]
            for node, reply in self._replies.items()
            if not reply.has_data and not reply.is_bound
        ]
        if not joining and not self._may_be_alone():
            self._fail("nobody in contact can take part", now)
            return
        claims = {}
        for member in joining:
            claim = _claim_of(member.node, self._replies[member.node])
            assert claim is not None
            claims[member.node] = claim
        self._genesis = self._compose(joining, claims)
        self._awaited = {member.node for member in joining}
        if not joining:
            self._decide(self._genesis)
            return
        self.phase = Phase.OFFERING
        self._asked = {member.node: member for member in joining}
        self._ends_at = now + self._state.options.offer_timeout_s
        self._send_again(now)

    def _compose(self, others: Sequence[MemberView], claims: dict[NodeId, Claim]) -> Genesis:
        state = self._state
        own = state.contacts.own()
        assert own is not None
        if not state.has_data:
            claims[state.own] = state.durable.claim
        return compose_genesis(
            ClusterId(new_id(state.rng)),
            own,
            others=others,
            claims=claims,
            replicas=state.options.replicas,
        )

    def _decide(self, genesis: Genesis) -> None:
        state = self._state
        assert not state.is_bound, "the proposer's own acceptance comes last"
        self.phase, self._genesis = Phase.IDLE, None
        state.write(genesis_record(RecordKind.GENESIS_HELD, genesis))
        state.send_to_members(genesis, GenesisHeld(encode_genesis(genesis)))
        state.put(Hold(genesis))
        count = len(genesis.members)
        nodes = "1 node" if count == 1 else f"{count} nodes"
        state.notice(f"genesis of cluster {genesis.identifier} with {nodes} is decided")

    def _give_way(self) -> None:
        if self.phase is Phase.OFFERING:
            assert self._genesis is not None
            dropped = GenesisDropped(id_to_bytes(self._genesis.identifier))
            self._state.send_to_members(self._genesis, dropped)
        self.phase, self._genesis = Phase.IDLE, None

    def _fail(self, reason: str, now: float) -> None:
        state = self._state
        self._give_way()
        self._failures += 1
        # Chance keeps two proposers from meeting again and again.
        doubled = 2 ** min(self._failures - 1, _BACKOFFS_MAX)
        self._retry_at = now + state.options.quiet_s * (1 + state.rng.random()) * doubled
        state.notice(f"no cluster is formed this time: {reason}")
        for token in self._requests:
            state.put(Answer(token, RequestRefused(f"ERR no cluster is formed: {reason}")))
        self._requests.clear()


def _claim_of(node: NodeId, reply: ClaimsReply) -> Claim | None:
    """Return what a reply claims; None when it is no set of slots."""
    slots = SlotSet.told(reply.ranges)
    if slots is None or not 0 <= reply.config_epoch <= COUNTER_MAX:
        return None
    return Claim(node, slots, reply.config_epoch)
