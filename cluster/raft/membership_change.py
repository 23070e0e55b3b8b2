"""How a group's members change: which configuration follows, and which one is in force.

A change of one voter keeps old and new majorities overlapping and takes one step. Anything larger
goes through a joint configuration, in which both sets decide (section 6 of the paper). Learners
take part in no majority, so they come and go in one step.

`ConfigurationHistory` holds the configurations that are in the log: the newest one is in force
from the moment it is appended, committed or not, and a truncated log takes its changes back. The
alternative, to switch when the entry is applied as etcd does, needs the commit index to be durable
before later entries are, or two disjoint majorities can elect leaders of one term after a crash.
"""

from __future__ import annotations

from cluster.errors import MembershipChangeError
from cluster.raft.configuration import Configuration, NodeId
from cluster.raft.events import ChangeMembership, Transition


def next_configuration(current: Configuration, change: ChangeMembership) -> Configuration:
    """Return the configuration that a change leads to, possibly a joint one.

    Raises:
        MembershipChangeError: the change contradicts itself, changes nothing, would leave no
            voter, or the group is joint and the change is not the leaving of it.
    """
    voters, learners = frozenset(change.voters), frozenset(change.learners)
    removed = frozenset(change.removed)
    named = voters | learners | removed
    if current.is_joint:
        if named:
            raise MembershipChangeError("the group is in a joint configuration")
        return leave_joint(current)
    if not named:
        raise MembershipChangeError("the group is not in a joint configuration")
    if voters & learners or voters & removed or learners & removed:
        raise MembershipChangeError("a node is named twice")
    new_voters = (current.voters | voters) - learners - removed
    new_learners = (current.learners | learners) - voters - removed
    if not new_voters:
        raise MembershipChangeError("no voter would be left")
    is_small = len(new_voters ^ current.voters) <= 1
    if is_small and change.transition is Transition.AUTOMATIC:
        target = Configuration(voters=new_voters, learners=new_learners)
        if target == current:
            raise MembershipChangeError("nothing would change")
        return target
    demoted = new_learners & current.voters
    return Configuration(
        voters=new_voters,
        outgoing=current.voters,
        learners=new_learners - demoted,
        learners_next=demoted,
        is_auto_leave=change.transition is not Transition.JOINT_UNTIL_LEFT,
    )


def leave_joint(current: Configuration) -> Configuration:
    """Return the configuration after a joint one."""
    assert current.is_joint, current
    return Configuration(voters=current.voters, learners=current.learners | current.learners_next)


class ConfigurationHistory:
    """The configurations of the log, oldest first.

    Invariants (`check_invariants`): never empty; indexes rise strictly; `forget_before` leaves
    the newest of the committed ones, which is what a truncation can fall back on.
    """

    __slots__ = ("_history", "current", "index")

    def __init__(self, index: int, base: Configuration) -> None:
        self._history = [(index, base)]
        self.index = index
        """Where in the log the configuration in force stands."""
        self.current = base
        """The configuration in force."""

    def append(self, index: int, configuration: Configuration) -> None:
        """Put a configuration in force that was appended to the log."""
        assert index > self.index, (index, self.index)
        configuration.check_invariants()
        self._history.append((index, configuration))
        self._use_last()

    def truncate(self, from_index: int) -> bool:
        """Take back what stood at `from_index` and behind; True if that changed who is in."""
        if from_index > self.index:
            return False
        while self._history[-1][0] >= from_index:
            self._history.pop()
            assert self._history, "a committed configuration was truncated"
        self._use_last()
        return True

    def restart(self, index: int, base: Configuration) -> None:
        """Begin anew from a snapshot."""
        self._history = [(index, base)]
        self._use_last()

    def forget_before(self, commit: int) -> None:
        """Drop what no truncation can fall back on any more."""
        while len(self._history) > 1 and self._history[1][0] <= commit:
            del self._history[0]

    def at(self, index: int) -> Configuration:
        """Return the configuration that was in force at a place of the log still known here."""
        found = self._history[0][1]
        for position, configuration in self._history:
            if position <= index:
                found = configuration
        return found

    def may_need(self, node: NodeId, commit: int) -> bool:
        """Whether a node votes now, or did in a configuration that may yet come back."""
        for index, configuration in reversed(self._history):
            if configuration.is_voter(node):
                return True
            if index <= commit:
                return False
        return False

    def check_invariants(self) -> None:
        """Assert what the class promises."""
        indexes = [index for index, _ in self._history]
        assert indexes, "no configuration"
        assert indexes == sorted(set(indexes)), indexes
        assert self._history[-1] == (self.index, self.current)

    def _use_last(self) -> None:
        self.index, self.current = self._history[-1]
