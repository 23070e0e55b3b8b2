"""The one output of a group: what to save, send and apply, and in which order.

The safety of Raft hangs on that order, so it stands at each field. In short, for each `Ready`:

1. send `messages` at any time, also while saving: a leader writes to its own disk while the
   followers write to theirs (thesis 10.2.1);
2. save `snapshot`, then `entries`, then `hard_state`, as one unit if the disk can; make them
   visible in the `StableLog`, then report `Saved(number)`;
3. only then send `messages_after_save`;
4. apply `committed` in order, any time after taking it, then report `Applied`.

Several may be under way: they are saved in the order of their numbers, and `Saved` speaks for all
numbers up to its own.
"""

from __future__ import annotations

import enum

import attrs

from cluster.raft.configuration import NodeId
from cluster.raft.entries import Entry, HardState, Snapshot
from cluster.raft.messages import Message


class Role(enum.Enum):
    """What a node is in its group at the moment."""

    FOLLOWER = "follower"
    PRE_CANDIDATE = "pre-candidate"
    CANDIDATE = "candidate"
    LEADER = "leader"


class Refusal(enum.Enum):
    """Why a request was not taken. None of these left a trace in the log."""

    NO_LEADER = "no leader is known"
    NOT_LEADER = "another node leads"
    TRANSFERRING = "leadership is being handed over"
    OVERLOADED = "too much is under way"
    CHANGE_IN_PROGRESS = "the last change of members is not committed yet"
    NOT_READY = "the leader has committed nothing in its term yet"
    INVALID_CHANGE = "the change makes no sense from here"
    LEADERSHIP_LOST = "leadership was lost before a majority confirmed it"


@attrs.frozen
class Accepted:
    """A proposal stands in this leader's log. It is *not* committed: another leader may drop it.

    It has happened when an entry of this index and term is in `Ready.committed`.
    """

    token: int
    index: int
    term: int


@attrs.frozen
class Refused:
    """A request was refused, with the leader to turn to where one is known."""

    token: int
    reason: Refusal
    leader: NodeId | None = None
    detail: str = ""


@attrs.frozen
class ReadState:
    """A read may be answered from this node's state once `index` is applied there."""

    token: int
    index: int


@attrs.frozen
class Leadership:
    """Who leads, as this node sees it. A promise to nobody: another may lead already."""

    term: int
    leader: NodeId | None
    role: Role


@attrs.frozen(kw_only=True)
class Ready:
    """What a group wants done now. The order of duties is in the module's docstring."""

    number: int
    """Counts up by one; what `Saved` reports."""
    messages: tuple[Message, ...] = ()
    """May be sent at once. None of them promises anything that a crash could take back."""
    snapshot: Snapshot | None = None
    """To be installed in place of the whole log and state, and durable, before `entries` are
    saved. Until `Saved`, nothing is handed out to be applied."""
    entries: tuple[Entry, ...] = ()
    """To be appended. An entry replaces the saved one of its index *and all behind it*. Durable
    before `messages_after_save` are sent and before `Saved` is reported."""
    hard_state: HardState | None = None
    """To be saved, not before the entries: `commit` may speak of them. Durable before
    `messages_after_save` are sent: a vote or a term that was used is never forgotten."""
    messages_after_save: tuple[Message, ...] = ()
    """May be sent when this and every earlier `Ready` is durable. Votes, requests for votes
    (they count the log that was saved) and acceptances of entries are here."""
    committed: tuple[Entry, ...] = ()
    """To be applied in order. They are committed and durable on this node already, whatever else
    this `Ready` asks to save. Entries that are not commands are among them, so that whoever
    counts indexes has no gap."""
    accepted: tuple[Accepted, ...] = ()
    """Places of proposals made here. Nothing to wait for, and nothing to rely on yet."""
    refused: tuple[Refused, ...] = ()
    """Requests made here that were refused. Nothing to wait for."""
    reads: tuple[ReadState, ...] = ()
    """Reads asked for here that are confirmed. To be answered once their index is applied; that
    includes `committed` of this very `Ready`."""
    leadership: Leadership | None = None
    """Set when term, leader or role changed. Nothing to wait for. Work done for the leadership
    alone may start; its effects must go through the log."""

    @property
    def is_saving(self) -> bool:
        """Whether there is anything to save; if not, no `Saved` is expected."""
        return bool(self.entries) or self.hard_state is not None or self.snapshot is not None
