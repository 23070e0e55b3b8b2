"""Where proposals of other nodes arrive: into the log if this node leads, else sent away.

A leader remembers who asked for which command until the command is applied, then answers. A
repetition of a command that is in its log already only adds the asker. When leadership is lost
everybody who waits is told so; they turn to the next leader with the same id. Nothing here is
durable or needs to be.
"""

from __future__ import annotations

from collections.abc import Callable

from cluster.errors import ClusterError
from cluster.identity import NodeId, id_to_bytes
from cluster.map.codec import decode_command
from cluster.map.values import CommandResult
from cluster.metadata.group import MetadataGroup
from cluster.metadata.log_entries import ID_BITS
from cluster.wire.messages import ProposalReply, ProposalRequest

APPLIED, REJECTED, NOT_LEADER = 0, 1, 2


class LeaderDesk:
    """Commands in this leader's log that are not applied yet, and who waits for each.

    Args (of the constructor):
        answer: tells a node what became of its command.
        refuse: tells this node's own proposer that the command is not in this log.
    """

    def __init__(
        self,
        *,
        answer: Callable[[NodeId, ProposalReply], None],
        refuse: Callable[[int, float], None],
    ) -> None:
        self._answer = answer
        self._refuse = refuse
        self._askers: dict[int, set[NodeId]] = {}

    @property
    def is_empty(self) -> bool:
        """Whether everything that was taken is applied."""
        return not self._askers

    def take(self, group: MetadataGroup, identifier: int, command: bytes, now: float) -> None:
        """Put a command of this node into the log, unless it stands there already."""
        self._append(group, identifier, command, now)

    def take_request(
        self, group: MetadataGroup, asker: NodeId, request: ProposalRequest, now: float
    ) -> None:
        """Put a command of another node into the log; one that cannot be read is rejected."""
        try:
            decode_command(request.command)
            is_readable = 0 < request.identifier < 1 << ID_BITS
        except ClusterError:
            is_readable = False
        if not is_readable:
            text = "the leader of the metadata log cannot read this command"
            self._answer(asker, ProposalReply(request.identifier, REJECTED, text, 0))
        elif not group.is_leader:
            self._answer(asker, not_leader_reply(request.identifier, group.leader))
        else:
            self._append(group, request.identifier, request.command, now).add(asker)

    def applied(self, identifier: int) -> frozenset[NodeId]:
        """Take in that a command was applied; return who is to be told."""
        return frozenset(self._askers.pop(identifier, ()))

    def refused(self, identifier: int, leader: NodeId | None, now: float) -> None:
        """Take in that a command did not get into the log."""
        for asker in sorted(self._askers.pop(identifier, ())):
            self._answer(asker, not_leader_reply(identifier, leader))
        self._refuse(identifier, now)

    def leadership_lost(self, leader: NodeId | None, now: float) -> None:
        """Send everybody away who waits."""
        for identifier in sorted(self._askers):
            self.refused(identifier, leader, now)

    def _append(
        self, group: MetadataGroup, identifier: int, command: bytes, now: float
    ) -> set[NodeId]:
        if identifier not in self._askers:
            self._askers[identifier] = set()
            group.propose(identifier, command, now)
        return self._askers[identifier]


def result_reply(identifier: int, result: CommandResult) -> ProposalReply:
    """Return the answer to who proposed a command that was applied or rejected."""
    status = APPLIED if result.is_applied else REJECTED
    return ProposalReply(identifier, status, result.text, result.epoch)


def not_leader_reply(identifier: int, leader: NodeId | None) -> ProposalReply:
    """Return the answer of who does not lead, with who does, if that is known."""
    packed = id_to_bytes(leader) if leader is not None else b""
    return ProposalReply(identifier, NOT_LEADER, "this node does not lead", 0, packed)
