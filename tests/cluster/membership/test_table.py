from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from cluster.identity import Boot, Endpoint, NodeId, new_id
from cluster.membership.facts import NodeFacts
from cluster.membership.messages import MemberStatus, Removed
from cluster.membership.suspicion import Suspicion
from cluster.membership.table import BUCKETS, Member, MemberTable, bucket_of

IDS = [NodeId(new_id(Random(i))) for i in range(40)]


def member(number: int, status: MemberStatus = MemberStatus.ALIVE) -> Member:
    """A member of the first life."""
    endpoint = Endpoint("10.0.0.1", 1 + number)
    return Member(IDS[number], endpoint, Boot(1, 0), 0, None, NodeFacts(), status, changed_at=0.0)


def table(count: int, seed: int = 1) -> MemberTable:
    """A table of so many members."""
    made = MemberTable(Random(seed))
    for number in range(count):
        made.insert(member(number))
    return made


@given(st.integers(2, 40), st.integers(0, 999))
def test_every_member_is_probed_once_per_turn(count: int, seed: int) -> None:
    """Two turns name everybody twice, never oneself: the time to detection is bounded."""
    made = table(count, seed)
    own = IDS[0]
    probed = [made.next_to_probe(own) for _ in range(2 * (count - 1))]
    names = [m.node for m in probed if m is not None]
    assert sorted(names) == sorted(IDS[1:count] * 2)
    made.check_invariants()


def test_only_live_members_are_probed() -> None:
    """The dead are not asked, and alone there is nobody to ask."""
    made = table(3)
    for number in (1, 2):
        found = made.get(IDS[number])
        assert found is not None
        made.set_status(found, MemberStatus.DEAD, 5.0)
    assert made.next_to_probe(IDS[0]) is None
    assert made.live_count == 1


@given(st.integers(0, 40), st.integers(0, 10), st.integers(0, 999))
def test_picks_are_different_and_wanted(size: int, count: int, seed: int) -> None:
    """As many as asked for, or as there are."""
    made = table(size, seed)
    wanted = set(IDS[:size:2])
    picked = [m.node for m in made.pick(count, lambda m: m.node in wanted)]
    assert len(picked) == len(set(picked)) == min(count, len(wanted))
    assert set(picked) <= wanted


@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from(MemberStatus), st.booleans())))
def test_views_stay_in_step(steps: list[tuple[int, MemberStatus, bool]]) -> None:
    """Whatever comes and goes, ring, index and counts agree."""
    made = MemberTable(Random(3))
    for number, status, is_going in steps:
        found = made.get(IDS[number])
        if found is None:
            made.insert(member(number))
        elif is_going:
            made.forget(found.node)
        else:
            made.set_status(found, status, 1.0)
            if status is MemberStatus.SUSPECTED:
                found.suspicion = Suspicion(IDS[0], 1.0, confirmations=0, min_s=1.0, max_s=1.0)
        made.check_invariants()


def test_digests_tell_where_tables_differ() -> None:
    """Equal tables, in any order of coming, have equal sums; a change shows in one bucket."""
    one, other = table(20, seed=1), MemberTable(Random(2))
    for number in reversed(range(20)):
        other.insert(member(number))
    assert one.digests(0.0) == other.digests(0.0)
    changed = other.get(IDS[7])
    assert changed is not None
    changed.incarnation += 1
    pairs = zip(one.digests(0.0), other.digests(0.0), strict=True)
    differing = [bucket for bucket, (a, b) in enumerate(pairs) if a != b]
    assert differing == [bucket_of(IDS[7])]
    assert IDS[7] in {e.alive.node for e in other.entries(differing, 0.0)}
    assert len(other.entries(range(BUCKETS), 0.0)) == 20


def test_a_suspicion_is_no_difference() -> None:
    """Suspicions come and go, and must not make tables look different."""
    one, other = table(3), table(3)
    found = other.get(IDS[1])
    assert found is not None
    other.set_status(found, MemberStatus.SUSPECTED, 1.0)
    assert one.digests(0.0) == other.digests(0.0)
    other.set_status(found, MemberStatus.DEAD, 1.0)
    assert one.digests(0.0) != other.digests(0.0)


def test_quarantine_ends_by_itself() -> None:
    """A removed id is refused until then, is told with its rest, and shows in the last digest."""
    made = table(1)
    before = made.digests(0.0)
    made.quarantine(IDS[5], 100.0)
    made.quarantine(IDS[5], 50.0)
    assert made.removed(40.0) == (Removed(IDS[5], 60),)
    assert made.digests(40.0)[:BUCKETS] == before[:BUCKETS]
    assert made.digests(40.0) != before
    assert made.is_quarantined(IDS[5], 99.9)
    assert not made.is_quarantined(IDS[5], 100.0)
    assert made.digests(100.0) == before


def test_old_dead_are_forgettable() -> None:
    """Only the dead and the left, and only when their status is old."""
    made = table(4)
    for number, status in ((1, MemberStatus.DEAD), (2, MemberStatus.LEFT)):
        found = made.get(IDS[number])
        assert found is not None
        made.set_status(found, status, 10.0 * number)
    assert made.forgettable(15.0) == [IDS[1]]
    assert sorted(made.forgettable(25.0)) == sorted(IDS[1:3])


def test_equal_changes_of_two_members_do_not_cancel() -> None:
    """Checksums of rows are not linear: the same change twice in a bucket still shows."""
    one, other = table(0), table(0)
    twins = [NodeId(f"00000000-0000-4000-8000-00000000000{i}") for i in range(2)]
    for made, dead in ((one, twins[0]), (other, twins[1])):
        for node in twins:
            status = MemberStatus.DEAD if node == dead else MemberStatus.ALIVE
            place = Endpoint("10.0.0.1", 1)
            made.insert(Member(node, place, Boot(1, 0), 0, None, NodeFacts(), status, 0.0))
    assert one.digests(0.0) != other.digests(0.0)
