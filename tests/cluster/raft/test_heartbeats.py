from __future__ import annotations

import attrs

from cluster.raft import Propose, RaftOptions, Read, Refusal, Role, TransferLeadership, Wake
from cluster.raft.messages import Heartbeat, ReadReply, ReadRequest
from tests.sim.raft_member import PLAIN, LoneMember, only

CHECKED = RaftOptions(is_pre_vote=False)
LEASED = RaftOptions(is_pre_vote=False, is_lease_reads=True)


def leader(options: RaftOptions = PLAIN, voters: int = 3) -> LoneMember:
    """A leader whose first entry is committed and known everywhere."""
    member = LoneMember(options=options, voters=voters)
    member.win()
    for node in range(2, voters + 1):
        member.tell(member.accept(str(node), 1))
    return member


def reads_of(member: LoneMember) -> list[tuple[int, int]]:
    """Tokens and indexes of the reads that were confirmed."""
    return [(read.token, read.index) for ready in member.readies for read in ready.reads]


def round_of(member: LoneMember) -> int:
    """The last round of a leader."""
    return member.group._state.reads.round


def test_reads_of_one_tick_share_a_round() -> None:
    """One confirmation per tick and peer, however many reads wait for it."""
    member = leader()
    for token in range(10):
        member.group.handle(Read(token), member.now)
    before = len(member.sent)
    member.settle()
    assert len(only(member.sent[before:], Heartbeat)) == 2
    member.tell(member.beat_back("3", round_of(member)))
    assert reads_of(member) == [(token, 1) for token in range(10)]


def test_entries_carry_rounds_too() -> None:
    """A busy group confirms reads by the answers to its entries."""
    member = leader()
    member.group.handle(Read(1), member.now)
    before = len(member.sent)
    member.tell(Propose(1, b"x"))
    assert only(member.sent[before:], Heartbeat) == []
    member.tell(member.accept("2", 2, round_of(member)))
    assert reads_of(member) == [(1, 1)]


def test_answers_to_earlier_rounds_confirm_nothing() -> None:
    """They were asked before the read came."""
    member = leader()
    member.wait(0.2)
    old = round_of(member)
    member.tell(Read(1), member.beat_back("2", old), member.beat_back("3", old))
    assert reads_of(member) == []


def test_followers_reads_are_served() -> None:
    """The answer goes back to who asked, with his token."""
    member = leader()
    member.tell(ReadRequest(source="3", target="1", token=77))
    [reply] = only(member.tell(member.beat_back("2", round_of(member))), ReadReply)
    assert (reply.target, reply.token, reply.index) == ("3", 77, 1)


def test_waiting_reads_are_bounded() -> None:
    """Beyond the limit a read is refused by name."""
    member = leader(attrs.evolve(PLAIN, reads_max=2))
    member.tell(Read(1), Read(2), Read(3))
    assert [r.reason for r in member.readies[-1].refused] == [Refusal.OVERLOADED]


def test_a_lease_answers_without_a_round_until_it_ends() -> None:
    """Counted from when the confirmed round began, less the drift of clocks."""
    member = leader(LEASED)
    member.wait(0.2)
    begun = member.now
    member.now += 0.1
    member.tell(member.beat_back("2", round_of(member)))
    member.now = begun + 0.89
    member.tell(Read(1))
    assert reads_of(member) == [(1, 1)]
    member.now = begun + 0.91
    member.tell(Read(2))
    assert reads_of(member) == [(1, 1)]


def test_a_lease_is_void_once_another_was_told_to_campaign() -> None:
    """It campaigns against the leases, so they prove nothing any more in this term."""
    member = leader(LEASED)
    member.wait(0.2)
    member.tell(member.beat_back("2", round_of(member)))
    member.tell(TransferLeadership("2"), Read(1))
    assert reads_of(member) == []


def test_leader_without_a_majority_steps_down() -> None:
    """Check of the quorum: silence of most for an election timeout ends a leadership."""
    member = leader(CHECKED, voters=5)
    member.wait(1.1)
    member.tell(member.beat_back("2", 1))
    member.wait(1.1)
    assert member.group.role is Role.FOLLOWER
    steady = leader(CHECKED, voters=5)
    for _ in range(5):
        steady.wait(1.1)
        steady.tell(steady.beat_back("2", 1), steady.beat_back("3", 1))
    assert steady.group.role is Role.LEADER


def test_an_idle_group_falls_silent_and_wakes() -> None:
    """No deadline and no messages while everybody holds everything and nobody asks."""
    member = leader(attrs.evolve(CHECKED, hibernate_after_s=1.0))
    member.wait(0.5)
    assert member.group.deadline() is not None
    beats = only(member.wait(0.6), Heartbeat)
    assert [beat.is_hibernating for beat in beats] == [True, True]
    assert member.group.deadline() is None
    assert member.wait(1000.0) == []
    beats = only(member.tell(Wake()), Heartbeat)
    assert [beat.is_hibernating for beat in beats] == [False, False]
    assert member.group.role is Role.LEADER
    assert member.group.deadline() is not None


def test_a_group_with_someone_behind_stays_awake() -> None:
    """Silence is only agreed upon when nobody lacks anything."""
    member = LoneMember(options=attrs.evolve(PLAIN, hibernate_after_s=0.1))
    member.win()
    member.tell(member.accept("2", 1))
    beats = only(member.wait(5.0), Heartbeat)
    assert [beat.is_hibernating for beat in beats] == [False, False]


def test_a_follower_hibernates_only_when_it_holds_everything() -> None:
    """Otherwise it answers, and the answer wakes the leader."""
    member = LoneMember()
    member.tell(member.append(1, (0, 0), (1, 1)))
    asleep = attrs.evolve(member.heartbeat(1, commit=2), is_hibernating=True)
    assert len(member.tell(attrs.evolve(asleep, commit=1))) == 1
    assert member.tell(asleep) == []
    assert member.group.deadline() is None
    member.tell(Wake())
    assert member.group.deadline() is not None


def test_a_sleeping_follower_defends_its_leader_once() -> None:
    """Asked for a vote it refuses, for the leader may be well, and is awake from then on."""
    member = LoneMember(options=CHECKED)
    member.tell(attrs.evolve(member.heartbeat(1), is_hibernating=True))
    member.now += 100
    assert member.tell(member.vote_request("3", 2, (0, 0))) == []
    assert member.group.deadline() is not None
