"""Answers to proposals that wait for the map that they speak of.

A command is committed before this node, or the one that asked, shows the map that came of it. An
answer that said "done" while `CLUSTER INFO` beside it still shows the map of before would be true
and of no use, so it waits; but only for a moment, since nothing is wrong without that map.
"""

from __future__ import annotations

from attrs import frozen

from cluster.identity import NodeId
from cluster.map.values import CommandResult


@frozen(kw_only=True)
class Answer:
    """What became of a command, and who is to know: a request of this node, other nodes."""

    identifier: int
    result: CommandResult
    token: int | None = None
    askers: frozenset[NodeId] = frozenset()


class Answers:
    """Answers in the order in which they came; each is given once."""

    def __init__(self, *, wait_s: float) -> None:
        self._wait_s = wait_s
        self._waiting: list[tuple[float, Answer]] = []

    def add(self, answer: Answer, now: float) -> None:
        """Take an answer; one that nobody wants is dropped."""
        if answer.token is not None or answer.askers:
            self._waiting.append((now + self._wait_s, answer))

    def due(self, epoch: int, now: float) -> list[Answer]:
        """Return what may be given when a map of `epoch` is shown."""
        waiting, self._waiting = self._waiting, []
        due: list[Answer] = []
        for until, answer in waiting:
            if answer.result.epoch <= epoch or now >= until:
                due.append(answer)
            else:
                self._waiting.append((until, answer))
        return due

    def deadline(self) -> float | None:
        """When the first one is given without its map."""
        return min((until for until, _ in self._waiting), default=None)
