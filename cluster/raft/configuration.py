"""Who belongs to a group: voters, learners, and both sets of voters while a change is under way.

A configuration is a value. It travels whole inside a log entry, so that whoever holds the entry
knows the members without replaying earlier changes, and dropping the entry drops the change
(section 6 of the Raft paper: "a server always uses the latest configuration in its log,
regardless of whether the entry is committed").

While `outgoing` is not empty the configuration is *joint*: elections and commits need a majority
of `voters` and a majority of `outgoing`. `learners_next` are voters of `outgoing` that become
learners when the joint configuration is left; until then they still vote.

Rejected: entries that carry the difference only. They are smaller, and every reader must then
hold the configuration before them.
"""

from __future__ import annotations

import attrs

NodeId = str

_NOBODY: frozenset[NodeId] = frozenset()


@attrs.frozen
class Configuration:
    """The members of a group at one place of its log.

    Invariants (`check_invariants`): a learner is no voter of either set; `learners_next` is a
    part of `outgoing` and shares nothing with `voters`; only a joint configuration has
    `learners_next` or `is_auto_leave`.
    """

    voters: frozenset[NodeId] = _NOBODY
    outgoing: frozenset[NodeId] = _NOBODY
    learners: frozenset[NodeId] = _NOBODY
    learners_next: frozenset[NodeId] = _NOBODY
    is_auto_leave: bool = False

    @classmethod
    def of(cls, *voters: NodeId, learners: tuple[NodeId, ...] = ()) -> Configuration:
        """Build a plain configuration of these voters and learners."""
        return cls(voters=frozenset(voters), learners=frozenset(learners))

    @property
    def is_joint(self) -> bool:
        """Whether two sets of voters decide together."""
        return bool(self.outgoing)

    def is_voter(self, node: NodeId) -> bool:
        """Whether this node's vote counts, in either set."""
        return node in self.voters or node in self.outgoing

    def members(self) -> list[NodeId]:
        """Every node that takes part, in one order on all machines."""
        return sorted(self.voters | self.outgoing | self.learners | self.learners_next)

    def check_invariants(self) -> None:
        """Assert what every configuration promises."""
        assert not self.learners & (self.voters | self.outgoing), self
        assert self.learners_next <= self.outgoing, self
        assert not self.learners_next & self.voters, self
        assert self.is_joint or not (self.learners_next or self.is_auto_leave), self
        assert self.voters or not self.outgoing, self

    def __str__(self) -> str:
        text = ",".join(sorted(self.voters))
        if self.outgoing:
            text += f" & {','.join(sorted(self.outgoing))}"
        if self.learners:
            text += f" learners {','.join(sorted(self.learners))}"
        if self.learners_next:
            text += f" next {','.join(sorted(self.learners_next))}"
        return text + (" auto" if self.is_auto_leave else "")
