"""Whom to ask: the leader one was told of, then voters, then all who could be one."""

from __future__ import annotations

from cluster.identity import id_to_bytes
from cluster.map.genesis import genesis_map
from cluster.metadata.known_voters import VOTERS_MAX, KnownVoters
from cluster.raft import Configuration
from tests.sim.metadata_world import genesis_of, node_id

MAP = genesis_map(genesis_of(3, 5))
N1, N2, N3, N4, N5 = (node_id(number) for number in range(1, 6))


def test_without_hearsay_the_living_members_come_first() -> None:
    """Somebody among them knows more."""
    known = KnownVoters()
    assert known.candidates(MAP, {N4, N2}) == [N2, N4, N1, N3, N5]
    assert known.candidates(None, {N4}) == []


def test_the_leader_and_the_voters_come_before_others() -> None:
    """A message names the leader first."""
    known = KnownVoters()
    known.learn([id_to_bytes(N3), id_to_bytes(N5)])
    assert known.leader == N3
    assert known.candidates(MAP, set()) == [N3, N5, N1, N2, N4]


def test_what_is_told_can_be_passed_on() -> None:
    """Hearsay spreads with the maps."""
    first, second = KnownVoters(), KnownVoters()
    first.learn_group(Configuration.of(N1, N2, N3), N2)
    second.learn(first.packed())
    assert (second.leader, second.voters) == (N2, (N2, N1, N3))


def test_nothing_is_learnt_from_nothing() -> None:
    """A sender without a leader, or with bytes of another length, changes nothing."""
    known = KnownVoters()
    known.learn_leader(id_to_bytes(N2))
    known.learn([])
    known.learn([b"short"])
    known.learn_leader(b"")
    assert known.leader == N2
    known.clear()
    assert known.packed() == []


def test_a_long_list_is_cut() -> None:
    """A message does not decide how much is remembered."""
    known = KnownVoters()
    known.learn([bytes([number]) * 16 for number in range(100)])
    assert len(known.voters) == VOTERS_MAX
