"""Steps: which commands carry out the moves that stand in the map.

State is only the map. Whoever leads the metadata log calls `next_steps` after each change of the
map and each count of keys, proposes the commands it gives, and asks for the counts it wants; after
a crash the next leader does the same and goes on where the map stands.

At most `transitions_max` moves are beyond ALLOW_BOTH at a time; the others of a committed plan
wait in that step, where nothing has been done yet. A move that changes the leader needs the old
leader's count of its keys to be 0 twice, as long as keys are not copied:

* before WRITE_BOTH, counted under a map in which the move stands. So a partition with keys waits
  where it holds nobody up, and its writes are not held;
* before READ_NEW, counted under the map of the STREAM step, in which the old leader refuses writes
  that add keys. A key that came in between ends the move: it is aborted, and planned again.

Moves that leave the leader where it is copy nothing and wait for nothing. Nor do those away from a
leader that is LOST: it can't be asked, and somebody has accepted that its keys are gone.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen
from attrs.validators import ge

from cluster.identity import NodeId
from cluster.map.commands import AbortTransition, AdvanceTransition, MapCommand, RemoveMember
from cluster.map.values import ClusterMap, MapPartition, MemberState, TransitionStep
from cluster.slots import SlotSet

TRANSITIONS_MAX = 8


@frozen
class KeyReport:
    """How many keys a node counted in the slots of a partition.

    `epoch` is that of the map which the counting node held, as it told itself. The epoch of who
    asked proves nothing: a node that lags behind does not hold writes yet.
    """

    keys: int
    epoch: int
    node: NodeId


@frozen
class StepLimits:
    """Bounds on what is done at a time; `transitions_max` moves are beyond ALLOW_BOTH."""

    transitions_max: int = field(default=TRANSITIONS_MAX, validator=ge(1))


@frozen
class CountWanted:
    """A question: how many keys `node` holds in `slots`, under a map of at least `epoch`."""

    partition: int
    node: NodeId
    slots: SlotSet
    epoch: int


@frozen
class NextSteps:
    """What can be done now.

    Attributes:
        commands: to be proposed, in any order; none depends on another one.
        counts: questions whose answers let moves go on, or go on waiting.
        waits: by partition why its move does not go on now.
    """

    commands: tuple[MapCommand, ...]
    counts: tuple[CountWanted, ...]
    waits: Mapping[int, str]


def next_commands(
    current: ClusterMap,
    reports: Mapping[int, KeyReport],
    limits: StepLimits | None = None,
) -> list[MapCommand]:
    """Return the commands of `next_steps`."""
    return list(next_steps(current, reports, limits).commands)


def next_steps(
    current: ClusterMap,
    reports: Mapping[int, KeyReport],
    limits: StepLimits | None = None,
) -> NextSteps:
    """Return what carries the map's moves on, and removes members that have left.

    `reports` are the newest counts by number of partition; those that are too old, or of another
    node, are not believed.
    """
    if current.is_frozen:
        return NextSteps((), (), {})
    walk = _Walk(current, reports, limits or StepLimits())
    for number in sorted(current.partitions):
        if current.partitions[number].transition is not None:
            walk.visit(current.partitions[number])
    return NextSteps((*walk.commands, *_removals(current)), tuple(walk.counts), dict(walk.waits))


class _Walk:
    """Visits the moving partitions in order of numbers and gathers what can be done."""

    def __init__(
        self, current: ClusterMap, reports: Mapping[int, KeyReport], limits: StepLimits
    ) -> None:
        self.commands: list[MapCommand] = []
        self.counts: list[CountWanted] = []
        self.waits: dict[int, str] = {}
        self._map = current
        self._reports = reports
        self._limits = limits
        is_open = (
            partition.transition is not None
            and partition.transition.step > TransitionStep.ALLOW_BOTH
            for partition in current.partitions.values()
        )
        self._room = limits.transitions_max - sum(is_open)

    def visit(self, partition: MapPartition) -> None:
        """Advance the partition by one step, abort its move, or note why it waits."""
        transition = partition.transition
        assert transition is not None, partition
        number, step = partition.number, transition.step
        is_start = step == TransitionStep.ALLOW_BOTH
        if is_start and self._room <= 0:
            most = self._limits.transitions_max
            self.waits[number] = f"{most} moves are under way, which is the limit"
            return
        is_counted = is_start or step == TransitionStep.STREAM
        if is_counted and transition.is_leader_change(self._map.home_datacenter):
            keys = self._keys_of(partition)
            if keys is None:
                return
            if keys and not is_start:
                self.commands.append(AbortTransition(number))
                self.waits[number] = f"{keys} keys came in during the move, which is given up"
                return
            if keys:
                return
        self._room -= is_start
        self.commands.append(AdvanceTransition(number, step))

    def _keys_of(self, partition: MapPartition) -> int | None:
        """Return the old leader's count, None when there is none to be believed.

        A count that is missing or not 0 is wanted again, and is why the move waits.
        """
        leader = partition.leader(self._map.home_datacenter)
        assert leader is not None, partition
        if self._map.members[leader].state == MemberState.LOST:
            return 0  # an operator has accepted that its keys are gone
        report = self._reports.get(partition.number)
        is_good = report is not None and report.node == leader and report.epoch >= partition.epoch
        keys = report.keys if report is not None and is_good else None
        if keys == 0:
            return 0
        self.counts.append(CountWanted(partition.number, leader, partition.slots, partition.epoch))
        self.waits[partition.number] = (
            f"{leader} has not told yet how many keys it holds in it"
            if keys is None
            else f"{leader} holds {keys} keys in it, and moving keys needs replication"
        )
        return keys


def _removals(current: ClusterMap) -> list[MapCommand]:
    """Return removals of leaving members that hold nothing; one member always stays."""
    gone = [
        node
        for node, member in sorted(current.members.items())
        if member.state in (MemberState.LEAVING, MemberState.LOST)
        and not current.partitions_with(node)
    ]
    return [RemoveMember(node) for node in gone[: len(current.members) - 1]]
