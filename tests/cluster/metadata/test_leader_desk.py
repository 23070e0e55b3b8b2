"""Proposals that arrive: into the leader's log once, or away to who leads."""

from __future__ import annotations

from random import Random

from cluster.identity import NodeId, id_to_bytes
from cluster.map.codec import encode_command
from cluster.map.commands import SetSetting
from cluster.map.genesis import genesis_map
from cluster.map.values import CommandResult
from cluster.metadata.group import CommandApplied, MetadataGroup, first_durable
from cluster.metadata.leader_desk import NOT_LEADER, REJECTED, LeaderDesk, result_reply
from cluster.metadata.options import MetadataOptions
from cluster.metadata.saving import SaveQueue
from cluster.wire.messages import ProposalReply, ProposalRequest
from tests.sim.metadata_world import CLUSTER, genesis_of, node_id

N1, N2, N3 = (node_id(number) for number in range(1, 4))
COMMAND = encode_command(SetSetting("name", "value"))


class LoneDesk:
    """A desk over the group of one voter, or of one of three that does not lead."""

    def __init__(self, *, voters: int = 1) -> None:
        self.answers: list[tuple[NodeId, ProposalReply]] = []
        self.refused: list[int] = []
        self.saves = SaveQueue()
        genesis = genesis_of(voters, 3)
        self.group = MetadataGroup(
            N1,
            MetadataOptions(),
            first_durable(CLUSTER, genesis.voters, genesis_map(genesis)),
            saves=self.saves,
            send=lambda node, message: None,
            rng=Random(1),
            now=1.0,
        )
        self.desk = LeaderDesk(
            answer=lambda node, reply: self.answers.append((node, reply)),
            refuse=lambda identifier, now: self.refused.append(identifier),
        )
        self.settle()

    def settle(self) -> list[int]:
        """Let the group and its disk finish; return the ids of commands that were applied."""
        self.group.settle(1.0)
        while saves := self.saves.take():
            self.saves.saved(saves[-1].number, 1.0)
            self.group.settle(1.0)
        news, self.group.news = self.group.news, []
        return [item.identifier for item in news if isinstance(item, CommandApplied)]

    def request(self, asker: NodeId, identifier: int = 7, command: bytes = COMMAND) -> None:
        """A proposal of another node arrives."""
        request = ProposalRequest(id_to_bytes(CLUSTER), identifier, command)
        self.desk.take_request(self.group, asker, request, 1.0)


def test_a_repetition_is_not_put_into_the_log_again() -> None:
    """All who asked are told."""
    lone = LoneDesk()
    for asker in (N2, N2, N3):
        lone.request(asker)
    lone.desk.take(lone.group, 7, COMMAND, 1.0)
    assert lone.settle() == [7]
    assert lone.desk.applied(7) == {N2, N3}
    assert lone.desk.is_empty


def test_who_does_not_lead_sends_the_asker_away() -> None:
    """And puts nothing into its log."""
    lone = LoneDesk(voters=3)
    lone.request(N2)
    ((asker, reply),) = lone.answers
    assert (asker, reply.status, reply.leader) == (N2, NOT_LEADER, b"")


def test_a_command_that_cannot_be_read_is_rejected() -> None:
    """In the log it would stop every member that applies it."""
    lone = LoneDesk()
    lone.request(N2, command=b"garbage")
    lone.request(N2, identifier=0)
    lone.request(N2, identifier=1 << 63)
    assert [reply.status for _, reply in lone.answers] == [REJECTED] * 3
    assert lone.settle() == []


def test_lost_leadership_is_told_to_everybody_who_waits() -> None:
    """They turn to the next leader, this node's own proposer too."""
    lone = LoneDesk()
    lone.request(N3)
    lone.request(N2)
    lone.desk.take(lone.group, 8, COMMAND, 1.0)
    lone.desk.leadership_lost(N2, 1.0)
    assert [(asker, reply.leader) for asker, reply in lone.answers] == [
        (N2, id_to_bytes(N2)),
        (N3, id_to_bytes(N2)),
    ]
    assert lone.refused == [7, 8]
    assert lone.desk.is_empty


def test_an_answer_carries_the_result() -> None:
    """Status, text and epoch as the state machine gave them."""
    assert result_reply(7, CommandResult(True, "BUMPED 3", 9)) == ProposalReply(
        7, 0, "BUMPED 3", 9
    )
    assert result_reply(7, CommandResult(False, "no", 9)) == ProposalReply(7, 1, "no", 9)
