"""Arithmetic of majorities, plain and joint. Nothing here knows what is counted.

One question covers commits, read confirmations and leases: which value has a majority reached?
The other covers elections: is the vote won, lost or open? In a joint configuration both sets must
agree: the smaller of the two values, the worse of the two results (section 6).
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Collection, Mapping

from cluster.raft.configuration import Configuration, NodeId

#: What an empty set of voters has reached: it never holds the other set back.
UNBOUNDED = (1 << 63) - 1


class VoteResult(enum.Enum):
    """How an election stands."""

    OPEN = "open"
    WON = "won"
    LOST = "lost"


def majority_of(count: int) -> int:
    """Return how many of `count` voters are a majority."""
    return count // 2 + 1


def reached_by_majority(voters: Collection[NodeId], value_of: Callable[[NodeId], int]) -> int:
    """Return the largest value that a majority has reached; `UNBOUNDED` without voters."""
    if not voters:
        return UNBOUNDED
    values = sorted(map(value_of, voters))
    return values[len(values) - majority_of(len(values))]


def reached(configuration: Configuration, value_of: Callable[[NodeId], int]) -> int:
    """Return the largest value that every set of voters has reached by majority."""
    value = reached_by_majority(configuration.voters, value_of)
    if configuration.outgoing:
        value = min(value, reached_by_majority(configuration.outgoing, value_of))
    return value


def majority_result(voters: Collection[NodeId], votes: Mapping[NodeId, bool]) -> VoteResult:
    """Say how these voters have decided so far; without voters the vote is won."""
    if not voters:
        return VoteResult.WON
    granted = sum(votes.get(node, False) for node in voters)
    rejected = sum(not votes.get(node, True) for node in voters)
    needed = majority_of(len(voters))
    if granted >= needed:
        return VoteResult.WON
    return VoteResult.LOST if len(voters) - rejected < needed else VoteResult.OPEN


def vote_result(configuration: Configuration, votes: Mapping[NodeId, bool]) -> VoteResult:
    """Say how the election stands: won when all sets have, lost when one is."""
    results = {
        majority_result(configuration.voters, votes),
        majority_result(configuration.outgoing, votes),
    }
    if VoteResult.LOST in results:
        return VoteResult.LOST
    return VoteResult.OPEN if VoteResult.OPEN in results else VoteResult.WON
