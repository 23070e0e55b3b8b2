"""One Raft core alone, fed with messages by a test that plays all the others.

The member's disk is instant unless a test holds it; everything it says is kept in lists.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TypeVar

from cluster.raft import (
    Applied,
    Configuration,
    Entry,
    Event,
    HardState,
    MemoryStableLog,
    RaftGroup,
    RaftOptions,
    Ready,
    Saved,
    Snapshot,
)
from cluster.raft.messages import (
    AppendReply,
    AppendRequest,
    Heartbeat,
    HeartbeatReply,
    Message,
    VoteReply,
    VoteRequest,
)

M = TypeVar("M")
PLAIN = RaftOptions(is_pre_vote=False, is_check_quorum=False)


class LoneMember:
    """Node "1" of a group of `voters`, with a saved log of entries of the given terms."""

    def __init__(
        self,
        *,
        voters: int = 3,
        terms: Sequence[int] = (),
        term: int = 0,
        options: RaftOptions = PLAIN,
    ) -> None:
        names = [str(number) for number in range(1, voters + 1)]
        self.now = 100.0
        self.disk = MemoryStableLog(Snapshot(0, 0, Configuration.of(*names)))
        self.disk.append([Entry(i, t, b"e%d" % i) for i, t in enumerate(terms, 1)])
        self.hard_state = HardState(term or max(terms, default=0))
        self.options = options
        self.is_disk_held = False
        self.readies: list[Ready] = []
        self.held: list[Ready] = []
        self.sent: list[Message] = []
        self.applied: list[Entry] = []
        self.start()

    def start(self) -> None:
        """Start, or start again after a crash, from what is on the disk."""
        self.held.clear()
        self.group = RaftGroup(
            "1",
            self.options,
            self.disk,
            hard_state=self.hard_state,
            applied=self.disk.snapshot().index,
            random=Random(1),
            now=self.now,
        )

    def tell(self, *events: Event) -> list[Message]:
        """Hand events over and return what is sent because of them."""
        before = len(self.sent)
        for event in events:
            self.group.handle(event, self.now)
            self.settle()
        return self.sent[before:]

    def wait(self, seconds: float) -> list[Message]:
        """Let time pass and return what is sent because of it."""
        before = len(self.sent)
        self.now += seconds
        self.group.on_deadline(self.now)
        self.settle()
        return self.sent[before:]

    def settle(self) -> None:
        """Do the shell's duties until the core wants no more."""
        while readies := self.group.take():
            for ready in readies:
                self.readies.append(ready)
                self.sent += ready.messages
                if self.is_disk_held:
                    self.held.append(ready)
                else:
                    self.save(ready)
                self.applied += ready.committed
                if ready.committed:
                    self.group.handle(Applied(ready.committed[-1].index), self.now)
        self.group.check_invariants()

    def save(self, ready: Ready) -> None:
        """Make one output durable, and send what waited for it."""
        if ready.snapshot:
            self.disk.install(ready.snapshot)
        self.disk.append(ready.entries)
        self.hard_state = ready.hard_state or self.hard_state
        self.disk.check_invariants()
        self.sent += ready.messages_after_save
        if ready.is_saving:
            self.group.handle(Saved(ready.number), self.now)

    def finish_disk(self) -> list[Message]:
        """Make everything held durable, and return what is sent because of it."""
        before = len(self.sent)
        self.is_disk_held = False
        while self.held:
            self.save(self.held.pop(0))
        self.settle()
        return self.sent[before:]

    def terms(self) -> list[int]:
        """The terms of the saved log, from index 1 or the first one left."""
        disk = self.disk
        entries = disk.entries(disk.first_index, disk.last_index + 1, 1 << 30)
        return [entry.term for entry in entries]

    # What the others say.

    def vote_request(self, source: str, term: int, last: tuple[int, int]) -> VoteRequest:
        """A candidate whose log ends with (index, term)."""
        return VoteRequest(
            source=source, target="1", term=term, last_index=last[0], last_term=last[1]
        )

    def vote(self, source: str, *, granted: bool = True) -> VoteReply:
        """A vote in the member's current term."""
        return VoteReply(source=source, target="1", term=self.group.term, is_granted=granted)

    def append(
        self, term: int, previous: tuple[int, int], terms: Sequence[int] = (), commit: int = 0
    ) -> AppendRequest:
        """Entries of these terms behind (index, term), from the leader "2"."""
        first = previous[0] + 1
        entries = tuple(Entry(i, t, b"e%d" % i) for i, t in enumerate(terms, first))
        return AppendRequest(
            source="2",
            target="1",
            term=term,
            previous_index=previous[0],
            previous_term=previous[1],
            entries=entries,
            commit=commit,
            round=1,
        )

    def heartbeat(self, term: int, commit: int = 0) -> Heartbeat:
        """A sign of life of the leader "2"."""
        return Heartbeat(source="2", target="1", term=term, commit=commit, round=1)

    def accept(self, source: str, index: int, round_number: int = 0) -> AppendReply:
        """A follower holds everything up to an index."""
        return AppendReply(
            source=source, target="1", term=self.group.term, index=index, round=round_number
        )

    def beat_back(self, source: str, round_number: int) -> HeartbeatReply:
        """A follower answers a heartbeat."""
        return HeartbeatReply(source=source, target="1", term=self.group.term, round=round_number)

    def win(self) -> None:
        """Campaign and be elected by as many others as it takes."""
        self.wait(2.1)
        for node in self.group.configuration.members()[1:]:
            if self.group.leader is None:
                self.tell(self.vote(node))
        assert self.group.leader == "1"


def only(messages: Sequence[object], kind: type[M]) -> list[M]:
    """The messages of one class."""
    return [message for message in messages if isinstance(message, kind)]


def last(messages: Sequence[object], kind: type[M]) -> M:
    """The last message of one class."""
    return only(messages, kind)[-1]
