"""Proposals go to whoever leads, again and again under one id, until an answer or a deadline."""

from __future__ import annotations

from random import Random

from cluster.identity import NodeId
from cluster.metadata.options import MetadataOptions
from cluster.metadata.proposer import Outcome, Proposer
from tests.sim.metadata_world import node_id

N1, N2, N3 = (node_id(number) for number in range(1, 4))
OPTIONS = MetadataOptions(proposals_max=2)


class LoneProposer:
    """A proposer among nodes that a test plays."""

    def __init__(self, *targets: NodeId) -> None:
        self.now = 10.0
        self.targets = list(targets)
        self.sent: list[tuple[NodeId, int, bytes]] = []
        self.proposer = Proposer(
            OPTIONS,
            targets=lambda: self.targets,
            send=lambda node, identifier, command: self.sent.append((node, identifier, command)),
            rng=Random(1),
        )

    def propose(self, token: int = 1, deadline_s: float | None = None) -> int:
        """Begin; return the id, if it was sent."""
        self.proposer.propose(token, b"command", deadline_s=deadline_s, now=self.now)
        return self.sent[-1][1] if self.sent else 0

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds
        self.proposer.on_deadline(self.now)

    def asked(self) -> list[NodeId]:
        """Who was asked since the last look; every time under the same id."""
        assert len({identifier for _, identifier, _ in self.sent}) <= 1
        asked = [node for node, _, _ in self.sent]
        self.sent.clear()
        return asked


def test_the_first_target_is_asked_and_its_answer_ends_it() -> None:
    """The token comes back once."""
    lone = LoneProposer(N1, N2)
    identifier = lone.propose(7)
    assert lone.asked() == [N1]
    assert lone.proposer.resolve(identifier) == 7
    assert lone.proposer.resolve(identifier) is None
    assert lone.proposer.deadline() is None


def test_silence_leads_to_the_next_and_round_again() -> None:
    """The same command under the same id, to one after the other."""
    lone = LoneProposer(N1, N2)
    lone.propose()
    for _ in range(3):
        lone.wait(OPTIONS.proposal_retry_s)
    assert lone.asked() == [N1, N2, N1, N2]


def test_who_does_not_lead_says_so_and_the_next_is_asked_at_once() -> None:
    """When all have said so there is a pause before the next round."""
    lone = LoneProposer(N1, N2)
    identifier = lone.propose()
    lone.proposer.not_leader(N1, identifier, lone.now)
    assert lone.asked() == [N1, N2]
    lone.proposer.not_leader(N2, identifier, lone.now)
    assert lone.asked() == []
    lone.wait(OPTIONS.proposal_pause_s)
    assert lone.asked() == [N1]


def test_a_late_refusal_of_somebody_asked_before_changes_nothing() -> None:
    """Only who was asked last is heard."""
    lone = LoneProposer(N1, N2, N3)
    identifier = lone.propose()
    lone.wait(OPTIONS.proposal_retry_s)
    lone.proposer.not_leader(N1, identifier, lone.now)
    assert lone.asked() == [N1, N2]


def test_a_broken_link_is_like_a_refusal() -> None:
    """Nobody waits for an answer that cannot come."""
    lone = LoneProposer(N1, N2)
    lone.propose()
    lone.proposer.link_failed(N2, lone.now)
    lone.proposer.link_failed(N1, lone.now)
    assert lone.asked() == [N1, N2]


def test_a_new_leader_is_asked_at_once() -> None:
    """What the old one had may be lost."""
    lone = LoneProposer(N1)
    lone.propose()
    lone.targets = [N2]
    lone.proposer.leader_changed(None, lone.now)
    lone.proposer.leader_changed(N2, lone.now)
    lone.proposer.leader_changed(N2, lone.now)
    assert lone.asked() == [N1, N2]


def test_at_the_deadline_nobody_knows() -> None:
    """The outcome never says that it did not happen."""
    lone = LoneProposer(N1)
    identifier = lone.propose(7, deadline_s=3.0)
    lone.wait(3.0)
    (outcome,) = lone.proposer.outcomes
    assert (outcome.token, outcome.result) == (7, None)
    assert "no leader" in outcome.reason
    assert lone.proposer.resolve(identifier) is None, "answered twice"


def test_nobody_to_ask_is_asked_again_soon() -> None:
    """A node that is only just told of others has not lost its proposal."""
    lone = LoneProposer()
    lone.propose()
    assert lone.asked() == []
    lone.targets = [N3]
    lone.wait(OPTIONS.proposal_pause_s)
    assert lone.asked() == [N3]


def test_too_many_are_refused() -> None:
    """Refused is known: it will not happen."""
    lone = LoneProposer(N1)
    for token in range(3):
        lone.propose(token)
    (outcome,) = lone.proposer.outcomes
    assert outcome.token == 2
    assert outcome.result is not None and not outcome.result.is_applied


def test_leaving_the_cluster_ends_everything() -> None:
    """Each outcome says why it is unknown."""
    lone = LoneProposer(N1)
    lone.propose(5)
    lone.proposer.give_up("left")
    assert lone.proposer.outcomes == [Outcome(5, None, "left")]
    assert lone.proposer.deadline() is None
