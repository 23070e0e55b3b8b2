"""The state of one member of a group, and the few steps that every role takes.

The modules `election`, `following`, `leading` and `replication` hold what a node does in a role,
as functions over this state; `core` dispatches to them. Term, leader and role are assigned here
and nowhere else (a vote for another in `election`), so the transitions of figure 4 can be read in
the `become_x` methods.

Outgoing messages and outcomes gather in plain lists until the core takes them. An idle group holds
no more than this object, its log and, on a leader, one `Progress` per member: nothing is allocated
until an event arrives, and a hibernating group has no deadline at all.
"""

from __future__ import annotations

from random import Random

import attrs

from cluster.raft import quorum
from cluster.raft.configuration import Configuration, NodeId
from cluster.raft.entries import HardState
from cluster.raft.inflights import Inflights
from cluster.raft.log import RaftLog
from cluster.raft.membership_change import ConfigurationHistory
from cluster.raft.messages import Message
from cluster.raft.options import RaftOptions
from cluster.raft.progress import Progress
from cluster.raft.read_index import PendingRead, ReadQueue
from cluster.raft.ready import Accepted, ReadState, Refusal, Refused, Role


@attrs.define(eq=False)
class GroupState:
    """Everything one node knows about one group.

    Invariants (`check_invariants`): a leader leads its own term; only a leader has progress; a
    node votes at most once per term (`vote` changes only together with a higher term, or from
    nobody).
    """

    node: NodeId
    options: RaftOptions
    random: Random
    log: RaftLog
    history: ConfigurationHistory
    now: float
    term: int = 0
    vote: NodeId | None = None
    leader: NodeId | None = None
    role: Role = Role.FOLLOWER
    saved: HardState = HardState()
    """Term and vote that are known to be durable."""
    votes: dict[NodeId, bool] = attrs.field(factory=dict)
    progress: dict[NodeId, Progress] = attrs.field(factory=dict)
    """Every member in sorted order, this node included; empty unless leader."""
    reads: ReadQueue = attrs.field(factory=ReadQueue)
    timer: float = 0.0
    """When silence ends a follower's patience or a candidate's hope; a leader's next heartbeat."""
    lease_until: float = 0.0
    """Until when a leader was heard of: votes are refused before."""
    check_quorum_at: float = 0.0
    active_at: float = 0.0
    """The last time a leader had anything to do; hibernation counts from here."""
    is_hibernating: bool = False
    is_broadcast_wanted: bool = False
    """A leader has news for its followers; they leave together with the next `take`."""
    transfer_to: NodeId | None = None
    transfer_until: float = 0.0
    is_lease_void: bool = False
    """Another node was told to campaign in spite of leases: they prove nothing in this term."""
    uncommitted_bytes: int = 0
    """What this leader appended and did not yet hand out as committed."""
    messages: list[Message] = attrs.field(factory=list)
    messages_after_save: list[Message] = attrs.field(factory=list)
    accepted: list[Accepted] = attrs.field(factory=list)
    refused: list[Refused] = attrs.field(factory=list)
    confirmed: list[ReadState] = attrs.field(factory=list)

    @property
    def configuration(self) -> Configuration:
        """The members in force: the newest in the log (6)."""
        return self.history.current

    @property
    def may_campaign(self) -> bool:
        """Whether this node could lead: a voter whose log is its own.

        A node that is leaving still counts until the change is known to be committed: it may be
        the only one whose log is good enough (thesis 4.2.2). Its own vote does not count.
        """
        return self.log.snapshot is None and self.history.may_need(self.node, self.log.commit)

    def has_heard_leader(self) -> bool:
        """Whether a leader may count on this node not to vote for another (6, thesis 6.2)."""
        if self.is_hibernating or self.role is Role.LEADER:
            return True
        return self.now < self.lease_until

    def become_follower(self, term: int, leader: NodeId | None) -> None:
        """Follow a leader, or wait for one; a higher term forgets the vote (5.1).

        A follower that only learns of a term keeps its timer: whoever cannot win an election must
        not be able to keep those who can from starting one.
        """
        assert term >= self.term, (term, self.term)
        if term > self.term:
            self.term, self.vote = term, None
        if self.role is not Role.FOLLOWER or leader is not None:
            self.restart_election_timer()
        self._leave_role(Role.FOLLOWER)
        self.leader = leader

    def become_pre_candidate(self) -> None:
        """Ask for votes without touching term or vote."""
        assert self.role is not Role.LEADER
        self._leave_role(Role.PRE_CANDIDATE)
        self.leader = None
        self.restart_election_timer()

    def become_candidate(self) -> None:
        """Begin a term and vote for oneself (5.2)."""
        assert self.role is not Role.LEADER
        self.term, self.vote = self.term + 1, self.node
        self._leave_role(Role.CANDIDATE)
        self.leader = None
        self.restart_election_timer()

    def become_leader(self) -> None:
        """Lead the term that this node campaigned for."""
        assert self.role is Role.CANDIDATE
        self._leave_role(Role.LEADER)
        self.leader = self.node
        self.configure_progress()
        self.check_quorum_at = self.now + self.options.election_timeout_s
        self.active_at = self.now
        self.timer = self.now + self.options.heartbeat_interval_s

    def _leave_role(self, role: Role) -> None:
        if self.role is Role.LEADER:
            for read in self.reads.drain():
                if read.source is None:
                    self.refuse(read.token, Refusal.LEADERSHIP_LOST)
            self.progress = {}
            self.transfer_to = None
            self.is_lease_void = self.is_broadcast_wanted = False
            self.uncommitted_bytes = 0
        self.votes.clear()
        self.is_hibernating = False
        self.role = role

    def restart_election_timer(self) -> None:
        """Wait a new random time, so that split votes do not repeat (5.2)."""
        timeout = self.options.election_timeout_s
        self.timer = self.now + timeout * (1.0 + self.random.random())

    def hear_leader(self) -> None:
        """Note a sign of life of the leader of this term."""
        self.is_hibernating = False
        self.lease_until = self.now + self.options.election_timeout_s
        self.restart_election_timer()

    def configure_progress(self) -> None:
        """Make the leader's view of its members fit the configuration in force."""
        old = self.progress
        self.progress = {
            node: old.get(node) or self._new_progress() for node in self.configuration.members()
        }
        if self.node in self.progress:
            own = self.progress[self.node]
            own.acknowledge(self.log.saved_index)
        if self.transfer_to is not None and not self.configuration.is_voter(self.transfer_to):
            self.transfer_to = None

    def _new_progress(self) -> Progress:
        window = Inflights(self.options.inflight_messages_max, self.options.inflight_bytes_max)
        return Progress(self.log.last_index + 1, window)

    def others(self) -> list[NodeId]:
        """Every other member, in one order on all machines."""
        return [node for node in self.configuration.members() if node != self.node]

    def matched(self) -> int:
        """The last entry that a majority holds durably, as the leader knows it."""
        progress = self.progress
        return quorum.reached(
            self.configuration, lambda node: progress[node].match if node in progress else 0
        )

    def is_own_term_committed(self) -> bool:
        """Whether the leader knows all that was ever committed (section 8)."""
        return self.log.term_at(self.log.commit) == self.term

    def send(self, message: Message) -> None:
        """Send something that promises nothing."""
        self.messages.append(message)

    def send_after_save(self, message: Message) -> None:
        """Send something that stands on what this `Ready`, or an earlier one, saves."""
        self.messages_after_save.append(message)

    def refuse(self, token: int, reason: Refusal, detail: str = "") -> None:
        """Answer a local request with a refusal."""
        self.refused.append(Refused(token, reason, self.leader, detail))

    def confirm(self, read: PendingRead, index: int) -> None:
        """Answer a local read."""
        assert read.source is None
        self.confirmed.append(ReadState(read.token, index))

    def check_invariants(self) -> None:
        """Assert what the class promises."""
        self.log.check_invariants()
        self.history.check_invariants()
        assert self.saved.term <= self.term
        if self.role is Role.LEADER:
            assert self.leader == self.node
            assert list(self.progress) == self.configuration.members()
            for progress in self.progress.values():
                progress.check_invariants()
        else:
            assert not self.progress
            assert not len(self.reads)
