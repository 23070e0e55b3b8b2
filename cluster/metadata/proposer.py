"""Proposals of this node, from wherever it stands, until it is known what became of them.

A command gets a random id and goes to the leader; on the leader itself, straight into the log. As
long as nobody answers it goes out again under the same id, to the leader of the moment or, when
none is known, to one possible voter after the other. The state machine carries an id out once and
gives its first answer to every repetition, so nothing here needs to know what was lost.

When the deadline comes nobody knows: the command may be in the log of a leader out of reach, and
happen later. The outcome says so, and never "it did not happen".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

import attrs
from attrs import frozen

from cluster.identity import NodeId
from cluster.map.values import CommandResult
from cluster.metadata.log_entries import ID_BITS
from cluster.metadata.options import MetadataOptions


@frozen
class Outcome:
    """What became of a proposal; None: it is unknown, for this reason."""

    token: int
    result: CommandResult | None
    reason: str = ""


@attrs.define(eq=False)
class PendingProposal:
    """One command under way. `sent_to` is None while it waits to be sent."""

    token: int
    identifier: int
    command: bytes
    deadline: float
    send_at: float
    sent_to: NodeId | None = None
    tried: set[NodeId] = attrs.field(factory=set)


class Proposer:
    """The proposals of this node.

    Args (of the constructor):
        targets: who may lead, best first; this node itself stands first when it leads.
        send: brings a command (id, bytes) to a node, or into this node's own log; may lose it.
    """

    def __init__(
        self,
        options: MetadataOptions,
        *,
        targets: Callable[[], Sequence[NodeId]],
        send: Callable[[NodeId, int, bytes], None],
        rng: Random,
    ) -> None:
        self.outcomes: list[Outcome] = []
        self._options = options
        self._targets = targets
        self._send = send
        self._rng = rng
        self._pending: dict[int, PendingProposal] = {}

    def propose(self, token: int, command: bytes, *, deadline_s: float | None, now: float) -> None:
        """Begin with a command; its `Outcome` comes once."""
        if len(self._pending) >= self._options.proposals_max:
            reason = f"{len(self._pending)} proposals are under way already"
            self.outcomes.append(Outcome(token, CommandResult(False, reason, 0)))
            return
        seconds = self._options.proposal_deadline_s if deadline_s is None else deadline_s
        identifier = self._rng.getrandbits(ID_BITS)
        while identifier == 0 or identifier in self._pending:
            identifier = self._rng.getrandbits(ID_BITS)
        pending = PendingProposal(token, identifier, command, now + seconds, now)
        self._pending[identifier] = pending
        self._dispatch(pending, now)

    def resolve(self, identifier: int) -> int | None:
        """Take in that it is known what became of a command; return the token, if it is ours."""
        pending = self._pending.pop(identifier, None)
        return pending.token if pending is not None else None

    def not_leader(self, node: NodeId, identifier: int, now: float) -> None:
        """Take in that a node does not lead; whom it named instead is among the targets."""
        pending = self._pending.get(identifier)
        if pending is None or pending.sent_to != node:
            return
        pending.tried.add(node)
        self._try_next(pending, now)

    def link_failed(self, node: NodeId, now: float) -> None:
        """Take in that what was sent to a node may be lost."""
        for pending in list(self._pending.values()):
            if pending.sent_to == node:
                pending.tried.add(node)
                self._try_next(pending, now)

    def leader_changed(self, leader: NodeId | None, now: float) -> None:
        """Turn to a new leader with everything that was sent to somebody else."""
        for pending in list(self._pending.values()):
            if leader is not None and pending.sent_to != leader:
                pending.tried.clear()
                self._dispatch(pending, now)

    def give_up(self, reason: str) -> None:
        """End everything without knowing what becomes of it."""
        for pending in self._pending.values():
            self.outcomes.append(Outcome(pending.token, None, reason))
        self._pending.clear()

    def deadline(self) -> float | None:
        """When `on_deadline` wants to be called."""
        times = (min(p.deadline, p.send_at) for p in self._pending.values())
        return min(times, default=None)

    def on_deadline(self, now: float) -> None:
        """Let time pass: send again, or give up."""
        for pending in list(self._pending.values()):
            if now >= pending.deadline:
                del self._pending[pending.identifier]
                reason = "no leader of the metadata log answered in time"
                self.outcomes.append(Outcome(pending.token, None, reason))
            elif now >= pending.send_at:
                if pending.sent_to is not None:
                    pending.tried.add(pending.sent_to)
                self._dispatch(pending, now)

    def _try_next(self, pending: PendingProposal, now: float) -> None:
        """Go on to somebody who was not asked yet, or begin anew after a pause."""
        if any(node not in pending.tried for node in self._targets()):
            self._dispatch(pending, now)
        else:
            pending.tried.clear()
            pending.sent_to = None
            pending.send_at = now + self._options.proposal_pause_s

    def _dispatch(self, pending: PendingProposal, now: float) -> None:
        targets = self._targets()
        target = next((node for node in targets if node not in pending.tried), None)
        if target is None and targets:
            pending.tried.clear()
            target = targets[0]
        pending.sent_to = target
        if target is None:
            pending.send_at = now + self._options.proposal_pause_s
            return
        pending.send_at = now + self._options.proposal_retry_s
        self._send(target, pending.identifier, pending.command)
