from __future__ import annotations

from cluster.raft import Entry, HardState, Propose, Ready, Snapshot
from cluster.raft.messages import AppendReply, AppendRequest, VoteReply, VoteRequest
from tests.sim.raft_member import LoneMember, only


def test_is_saving_tells_whether_saved_is_expected() -> None:
    """Entries, hard state and snapshot are saved; all else is not."""
    assert not Ready(number=1, committed=(Entry(1, 1),)).is_saving
    assert Ready(number=1, entries=(Entry(1, 1),)).is_saving
    assert Ready(number=1, hard_state=HardState(1)).is_saving
    assert Ready(number=1, snapshot=Snapshot(1, 1)).is_saving


def test_promises_wait_for_the_disk_and_work_does_not() -> None:
    """Votes, requests for votes and acceptances are never among the messages sent at once; a
    leader's entries always are.
    """
    voter, candidate = LoneMember(), LoneMember()
    voter.tell(voter.vote_request("2", 1, (0, 0)), voter.append(1, (0, 0), (1,)))
    candidate.win()
    candidate.tell(Propose(1, b"x"))
    readies = voter.readies + candidate.readies
    at_once = [message for ready in readies for message in ready.messages]
    waiting = [message for ready in readies for message in ready.messages_after_save]
    assert not any(only(at_once, kind) for kind in (VoteReply, VoteRequest, AppendReply))
    assert all(only(waiting, kind) for kind in (VoteReply, VoteRequest, AppendReply))
    assert only(at_once, AppendRequest)
    assert not only(waiting, AppendRequest)


def test_numbers_count_up() -> None:
    """Outputs are numbered without gaps, so that `Saved` can speak for all before it."""
    member = LoneMember()
    member.win()
    member.tell(Propose(1, b"x"), member.accept("2", 2))
    numbers = [ready.number for ready in member.readies]
    assert numbers == list(range(1, len(numbers) + 1))
