from __future__ import annotations

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from cluster.identity import Endpoint
from cluster.membership.claims import NOBODY_WAITS
from cluster.membership.codec import COUNTER_MAX
from cluster.membership.events import (
    IdentityConflict,
    MemberChanged,
    MemberForgotten,
    SelfRemoved,
)
from cluster.membership.messages import (
    Ack,
    Alive,
    Claim,
    Dead,
    Left,
    MemberStatus,
    Ping,
    Removed,
    Suspect,
    SyncEntry,
    SyncStates,
)
from tests.cluster.membership.lone_node import (
    MINE,
    OWN,
    PEERS,
    THEIRS,
    LoneNode,
    alive,
    at,
    elsewhere,
    endpoint_of,
)

A, B, C = PEERS[:3]
ALIVE, SUSPECTED, DEAD, LEFT = MemberStatus


def judged(first: Claim, second: Claim) -> MemberStatus | None:
    """What A is held to be after two claims about incarnation 5."""
    node = LoneNode(3)
    node.hear(A, alive(A, 5))
    node.hear(B, first)
    node.hear(C, second)
    return node.status(A)


def suspect(incarnation: int, accuser: str = "b") -> Suspect:
    """An accusation of A."""
    return Suspect(A, at(1, incarnation), B if accuser == "b" else C)


def dead(incarnation: int) -> Dead:
    """A verdict about A."""
    return Dead(A, at(1, incarnation), B)


def left(incarnation: int) -> Left:
    """A's own farewell."""
    return Left(A, at(1, incarnation))


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (suspect(5), alive(A, 5), SUSPECTED),
        (suspect(5), alive(A, 6), ALIVE),
        (suspect(6), alive(A, 6), SUSPECTED),
        (suspect(4), alive(A, 4), ALIVE),
        (dead(5), alive(A, 5), DEAD),
        (dead(5), suspect(9), DEAD),
        (dead(4), suspect(4), ALIVE),
        (dead(5), alive(A, 6), ALIVE),
        (dead(5), alive(A, 0, generation=2), ALIVE),
        (left(5), dead(5), LEFT),
        (left(5), alive(A, 5), LEFT),
        (left(4), suspect(4), ALIVE),
        (dead(5), left(5), LEFT),
        (suspect(5), dead(5), DEAD),
        (alive(A, 0, generation=2), dead(9), ALIVE),
        (alive(A, 0, generation=2), suspect(9), ALIVE),
    ],
)
def test_precedence_decides(first: Claim, second: Claim, expected: MemberStatus) -> None:
    """SWIM section 4.2: each claim holds over what is older or, at the same age, weaker."""
    assert judged(first, second) is expected


@given(st.permutations([alive(A, 5), suspect(5), dead(5), alive(A, 6), suspect(6), left(6)]))
def test_the_order_of_arrival_does_not_matter_in_the_end(claims: list[Claim]) -> None:
    """Whatever order claims come in, twice over, the strongest of the newest holds."""
    node = LoneNode(3)
    for claim in (*claims, *claims):
        node.hear(B, claim)
    assert node.status(A) is LEFT


def test_claims_about_strangers_are_dropped() -> None:
    """Without an Alive nothing is known to hold a claim against."""
    node = LoneNode(0)
    node.hear(B, suspect(1), dead(1), left(1))
    assert node.status(A) is None


def test_a_suspicion_ends_in_death_unless_refuted() -> None:
    """Three nodes cannot confirm: the least timeout of 4 s counts; a refutation stops it."""
    for is_refuted in (False, True):
        node = LoneNode(2)
        node.hear(B, suspect(0))
        node.pass_time(3.9)
        assert node.status(A) is SUSPECTED
        if is_refuted:
            node.hear(A, alive(A, 1))
        began = len(node.changes(A))
        node.hear(B, alive(B, 1))
        node.pass_time(0.2)
        assert node.changes(A)[began:] == ([] if is_refuted else [DEAD])


def test_others_are_asked_before_a_suspect_is_held_dead() -> None:
    """At half and three quarters of 24 s, in the name of an accuser, and the suspect too."""
    node = LoneNode(6)
    node.hear(B, suspect(0))
    asked: dict[float, set[Endpoint]] = {}
    for _ in range(235):
        node.forget()
        node.pass_time(0.1)
        for endpoint, ping, _ in list(node.sent(Ping)):
            if ping.sequence == NOBODY_WAITS:
                asked.setdefault(round(node.now - 1000.0, 1), set()).add(endpoint)
                accusers = {m.accuser for e, m, _ in node.sent(Suspect) if e == endpoint}
                assert accusers == {B}
            else:
                node.hear(ping.target, Ack(ping.sequence))
    assert [pytest.approx(when, abs=0.11) for when in asked] == [12.0, 18.0]
    assert all(len(those) == 4 and endpoint_of(A) in those for those in asked.values())


def test_confirmations_hasten_the_end() -> None:
    """With six others known, two more accusers bring 24 s down to 4 s."""
    node = LoneNode(6)
    node.hear(B, suspect(0))
    for accuser in (PEERS[2], PEERS[3]):
        node.hear(accuser, Suspect(A, at(1, 0), accuser))
    member = node.core._local.table.get(A)
    assert member is not None
    assert member.suspicion is not None
    assert member.suspicion.deadline() == pytest.approx(1004.0)


@pytest.mark.parametrize("claim", [Suspect(OWN, at(2, 3), B), Dead(OWN, at(2, 3), B)])
def test_a_claim_against_oneself_is_refuted(claim: Claim) -> None:
    """By an Alive of the next incarnation, which costs local health; old claims are ignored."""
    node = LoneNode(2)
    node.hear(B, claim)
    assert node.core.member(OWN) is not None
    assert node.core.statistics().awareness == 1
    node.pass_time(0.3)
    assert {m.incarnation for _, m, _ in node.sent(Alive) if m.node == OWN} == {4}
    node.hear(B, claim)
    assert node.core.statistics().counts["refutations"] == 1


def test_two_processes_with_one_id_are_noticed() -> None:
    """Another nonce, or a newer life elsewhere while this one lives, is refused and reported."""
    for claim in (alive(A, 9, nonce=8), elsewhere(alive(A, 0, generation=2))):
        node = LoneNode(2)
        node.hear(B, claim)
        (conflict,) = node.told(IdentityConflict)
        assert (conflict.node, conflict.claimed_boot) == (A, claim.boot)
        member = node.core.member(A)
        assert member is not None
        assert member.boot == alive(A).boot
        node.hear(B, claim)
        assert len(node.told(IdentityConflict)) == 1  # once a minute


def test_a_copy_is_told_who_has_its_id() -> None:
    """It formed a cluster with others before it heard of the original; now it hears at once.

    A later life at another address is not told: its former life is dead soon.
    """
    node = LoneNode(2)
    node.hear(B, elsewhere(alive(A, 0, generation=2)))
    assert list(node.sent(Alive)) == []
    copy = elsewhere(alive(A, nonce=8))
    node.hear(B, copy)
    assert (copy.endpoint, alive(A), False) in list(node.sent(Alive))


def test_a_newcomer_is_taken_when_the_holder_is_dead() -> None:
    """A restart at another address is refused only while the old life seems to live."""
    node = LoneNode(2)
    newcomer = elsewhere(alive(A, 0, generation=2))
    node.hear(B, dead(0), newcomer)
    member = node.core.member(A)
    assert member is not None
    assert (member.status, member.endpoint) == (ALIVE, newcomer.endpoint)


def test_the_burial_of_an_earlier_life_makes_a_node_speak_up() -> None:
    """Those who refused this life, because the earlier one seemed alive, hear of it again."""
    node = LoneNode(2)
    node.pass_time(10.0)
    node.forget()
    node.hear(B, Dead(OWN, at(1, 0), B))
    node.pass_time(0.3)
    assert {m.boot.generation for _, m, _ in node.sent(Alive)} == {2}
    assert "refutations" not in node.core.statistics().counts


def test_a_clone_of_oneself_is_noticed() -> None:
    """The same generation with another nonce, about the own id: one of the two has to stop."""
    node = LoneNode(1)
    own = node.core.member(OWN)
    assert own is not None
    clone = evolve(alive(A), node=OWN, boot=evolve(own.boot, nonce=1))
    node.hear(A, clone)
    assert [c.node for c in node.told(IdentityConflict)] == [OWN]


def test_removed_ids_are_refused_until_the_end_of_quarantine() -> None:
    """Forgotten at once, refused in any life, told on, and welcome again afterwards."""
    node = LoneNode(3)
    node.hear(B, Removed(A, 60))
    assert [f.node for f in node.told(MemberForgotten)] == [A]
    node.hear(B, alive(A, 5, generation=9))
    assert node.status(A) is None
    node.pass_time(0.3)
    assert {m.node for _, m, _ in node.sent(Removed)} == {A}
    node.forget()
    node.hear(A, alive(A))
    assert {m.node for _, m, _ in node.sent(Removed)} == {A}, "the removed one must hear of it"
    node.pass_time(60.0)
    node.hear(B, alive(A))
    assert node.status(A) is ALIVE


def test_a_removed_node_stops_taking_part() -> None:
    """It reports it and refutes nothing."""
    node = LoneNode(2)
    node.hear(B, Removed(OWN, 60), Dead(OWN, at(2, 0), B))
    assert node.told(SelfRemoved) == [SelfRemoved()]
    assert "refutations" not in node.core.statistics().counts


def test_members_of_another_cluster_are_refused() -> None:
    """Also when an unformed node passes them on; one that turns out to be such is forgotten."""
    node = LoneNode(1, cluster=MINE)
    node.hear(A, evolve(alive(B), cluster=THEIRS), evolve(alive(C), cluster=MINE))
    assert (node.status(B), node.status(C)) == (None, ALIVE)
    node.hear(C, evolve(alive(A, 1), cluster=THEIRS), cluster=MINE)
    assert node.status(A) is None


def test_rows_of_other_tables() -> None:
    """Dead rows are suspected when the node seems alive here, and kept when it is unknown."""
    node = LoneNode(2)
    rows = (SyncEntry(alive(A), DEAD, 5), SyncEntry(alive(C), DEAD, 5))
    node.hear(B, SyncStates(rows), is_stream=True)
    assert (node.status(A), node.status(C)) == (SUSPECTED, DEAD)
    view = node.core.member(C)
    assert view is not None
    assert view.changed_at == pytest.approx(node.now - 5)
    old = SyncEntry(alive(PEERS[4]), DEAD, 10**6)
    gone = SyncEntry(alive(PEERS[5]), SUSPECTED, 0)
    node.hear(B, SyncStates((old, gone)), is_stream=True)
    assert (node.status(PEERS[4]), node.status(PEERS[5])) == (None, SUSPECTED)


def test_changes_are_reported_once() -> None:
    """The caller sees each change with what was before, and no repeats."""
    node = LoneNode(0)
    for _ in range(2):
        node.hear(B, alive(A), suspect(0), dead(0))
    reported = [(c.previous, c.member.status) for c in node.told(MemberChanged)]
    assert reported == [(None, ALIVE), (ALIVE, SUSPECTED), (SUSPECTED, DEAD)]


def test_a_node_made_to_climb_to_the_bound_could_not_be_read_any_more() -> None:
    """Its own word stays one that others accept, even where it cannot refute."""
    node = LoneNode(1)
    node.hear(A, Suspect(OWN, at(2, COUNTER_MAX - 1), A))
    node.pass_time(0.3)
    assert {m.incarnation for _, m, _ in node.sent(Alive) if m.node == OWN} == {COUNTER_MAX - 1}
