"""Everything that members of a group say to each other, as frozen values.

Each message names its `source` and `target`; which group it belongs to is added by whoever
carries it. Requests and replies between a leader or candidate and the rest carry the sender's
`term`, with one exception that pre-votes need: a pre-vote request, and the reply that grants it,
carry the term that the candidate *would* take (thesis 9.6).

The last three carry no term: what they ask for is right or wrong whoever the leader is.

`round` numbers the leader's confirmations of its own leadership within its term. It travels with
everything a leader says and comes back with every answer, so a busy group confirms reads and
leases without a single extra message.
"""

from __future__ import annotations

from typing import Union

import attrs

from cluster.raft.configuration import NodeId
from cluster.raft.entries import Entry, Snapshot


@attrs.frozen(kw_only=True)
class VoteRequest:
    """A candidate asks for a vote (figure 2, RequestVote).

    `is_pre`: only whether the vote would be given; nothing is recorded by either side.
    `is_transfer`: the leader itself asked for this election, so leases do not stand against it.
    """

    source: NodeId
    target: NodeId
    term: int
    last_index: int
    last_term: int
    is_pre: bool = False
    is_transfer: bool = False


@attrs.frozen(kw_only=True)
class VoteReply:
    """The answer to a vote request; a granted one must be durable before it is sent."""

    source: NodeId
    target: NodeId
    term: int
    is_granted: bool
    is_pre: bool = False


@attrs.frozen(kw_only=True)
class AppendRequest:
    """Entries that follow (`previous_index`, `previous_term`) (figure 2, AppendEntries)."""

    source: NodeId
    target: NodeId
    term: int
    previous_index: int
    previous_term: int
    entries: tuple[Entry, ...]
    commit: int
    round: int


@attrs.frozen(kw_only=True)
class AppendReply:
    """The answer to entries or to a snapshot; what it accepts must be durable before it is sent.

    Accepted: `index` is the last entry known to equal the leader's. Rejected: `index` is the
    request's `previous_index`, and (`hint_index`, `hint_term`) is the last entry of the follower
    that could match, so that the leader skips a whole term per exchange (end of 5.3).
    """

    source: NodeId
    target: NodeId
    term: int
    index: int
    round: int
    is_rejected: bool = False
    hint_index: int = 0
    hint_term: int = 0


@attrs.frozen(kw_only=True)
class Heartbeat:
    """The leader shows itself. `commit` never exceeds what it knows the target to hold.

    `is_hibernating`: the last one for now; a follower that holds everything falls silent too.
    """

    source: NodeId
    target: NodeId
    term: int
    commit: int
    round: int
    is_hibernating: bool = False


@attrs.frozen(kw_only=True)
class HeartbeatReply:
    """The target takes the source of `round` for its leader; with a higher term: it does not."""

    source: NodeId
    target: NodeId
    term: int
    round: int


@attrs.frozen(kw_only=True)
class SnapshotRequest:
    """Entries the target needs are gone: it is to install this snapshot (section 7).

    To be given to the target's core when the data has arrived; the data travels beside it.
    """

    source: NodeId
    target: NodeId
    term: int
    snapshot: Snapshot
    round: int


@attrs.frozen(kw_only=True)
class TimeoutNow:
    """The leader hands over: the target campaigns at once (thesis 3.10)."""

    source: NodeId
    target: NodeId
    term: int


@attrs.frozen(kw_only=True)
class ForwardedProposal:
    """A command for whoever leads. It may get lost or arrive twice: retries are the proposer's."""

    source: NodeId
    target: NodeId
    data: bytes


@attrs.frozen(kw_only=True)
class ReadRequest:
    """A follower asks the leader from which index on its state answers a read (thesis 6.4)."""

    source: NodeId
    target: NodeId
    token: int


@attrs.frozen(kw_only=True)
class ReadReply:
    """The answer: a state that holds `index` has everything that was committed when asked."""

    source: NodeId
    target: NodeId
    token: int
    index: int


TermMessage = Union[
    VoteRequest,
    VoteReply,
    AppendRequest,
    AppendReply,
    Heartbeat,
    HeartbeatReply,
    SnapshotRequest,
    TimeoutNow,
]
Message = Union[TermMessage, ForwardedProposal, ReadRequest, ReadReply]
