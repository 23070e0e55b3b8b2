"""What goes wrong in a simulated Raft group: cuts, crashes, changes, and pairs of them that hurt.

Single random faults seldom meet. The pairs are aimed at one rule each: at leases (a leader is cut
off while another campaigns), at joint configurations (old and new voters are cut apart in
mid-change), at what must be durable first (a crash while a save is under way), and at entries of
old terms (leaders that come and go quickly).
"""

from __future__ import annotations

from cluster.raft import (
    Campaign,
    ChangeMembership,
    NodeId,
    TransferLeadership,
    Transition,
    Unreachable,
)
from tests.sim.raft_world import World


class Faults:
    """Strikes again and again, at the pace and with the preferences of its seed."""

    def __init__(self, world: World, names: list[NodeId]) -> None:
        self.world = world
        self.names = names
        self.random = world.random
        self.is_on = True
        self.pause_max_s = self.random.choice((0.15, 0.5, 1.5))
        cuts = [self._partition, self._partition, self._unblock, self._unblock]
        crashes = [self._crash, self._crash_leader, self._crash_in_writing, self._crash_all]
        changes = [self._change, self._change, self._split_change]
        moves = [self._transfer, self._campaign, self._unreachable, self._unblock]
        leaders = [self._crash_leader, self._crash_in_writing, self._campaign, self._unblock]
        leases = [self._depose, self._transfer_and_cut, self._unblock]
        self.kinds = self.random.choice(
            (
                [*cuts, *crashes, *changes, *moves, *leases],
                [*cuts, *crashes, *moves],
                [*leaders, *leaders, *cuts],
                [*leases, *leases, self._crash],
                [*changes, self._unblock, self._crash_leader],
            )
        )

    def strike(self) -> None:
        """Do one thing, and come back after a pause."""
        if self.is_on:
            self.random.choice(self.kinds)()
            self.world.after(self.random.uniform(0.05, self.pause_max_s), self.strike)

    def stop(self) -> None:
        """No more faults; what is cut is joined again."""
        self.is_on = False
        self.world.blocked.clear()

    def _cut(self, left: list[NodeId], right: list[NodeId], *, is_one_way: bool) -> None:
        self.world.blocked = {(a, b) for a in left for b in right}
        if not is_one_way:
            self.world.blocked |= {(b, a) for a, b in self.world.blocked}

    def _cut_off(self, name: NodeId) -> None:
        if self.is_on:
            self._cut([name], [n for n in self.names if n != name], is_one_way=False)

    def _depose(self) -> None:
        """Cut the leader off, and let somebody else try to take over at once."""
        leader = self.world.leader()
        if leader is not None:
            self._cut_off(leader.name)
            others = [name for name in self.names if name != leader.name]
            self.world.tell(self.random.choice(others), Campaign())

    def _transfer_and_cut(self) -> None:
        """Hand over, and cut the old leader off when the message has just left."""
        leader = self.world.leader()
        if leader is not None:
            self._transfer()
            self.world.after(self.random.uniform(0.0, 0.1), lambda: self._cut_off(leader.name))

    def _split_change(self) -> None:
        """Replace voters, and cut those who leave from those who come in mid-change."""
        leader = self.world.leader()
        if leader is None or leader.group is None:
            return
        voters = leader.group.configuration.voters
        comers = [name for name in self.names if name not in voters]
        leavers = sorted(voters - {leader.name})[: self.random.randint(1, 3)]
        change = ChangeMembership(
            token=self.world.token(),
            voters=tuple(comers),
            removed=tuple(leavers),
            transition=Transition.JOINT_UNTIL_LEFT,
        )
        self.world.tell(leader.name, change)
        stayers = [name for name in self.names if name not in leavers]
        delay = self.random.uniform(0.0, 0.05)
        self.world.after(delay, lambda: self._split(stayers, leavers))

    def _split(self, left: list[NodeId], right: list[NodeId]) -> None:
        if self.is_on:
            self._cut(left, right, is_one_way=False)

    def _partition(self) -> None:
        names = list(self.names)
        self.random.shuffle(names)
        cut = self.random.randint(1, len(names) - 1)
        is_one_way = self.random.random() < 0.3
        self._cut(names[:cut], names[cut:], is_one_way=is_one_way)

    def _unblock(self) -> None:
        self.world.blocked.clear()

    def _crash(self, name: NodeId | None = None) -> None:
        name = name or self.random.choice(self.names)
        if self.world.nodes[name].group is None:
            return
        self.world.crash(name)
        self.world.after(self.random.choice((0.01, 0.5, 4.0)), lambda: self.restart(name))

    def restart(self, name: NodeId) -> None:
        if self.world.nodes[name].group is None:
            self.world.start(name)

    def _crash_leader(self) -> None:
        leader = self.world.leader()
        if leader is not None:
            self._crash(leader.name)

    def _crash_in_writing(self) -> None:
        """What must be durable first is only tested by those who crash before it is."""
        writing = [name for name in self.names if self.world.nodes[name].saving]
        if writing:
            self._crash(self.random.choice(writing))

    def _crash_all(self) -> None:
        for name in self.names:
            if self.random.random() < 0.8:
                self._crash(name)

    def _change(self) -> None:
        names = list(self.names)
        self.random.shuffle(names)
        ends = sorted(self.random.sample(range(len(names) + 1), 2))
        change = ChangeMembership(
            token=self.world.token(),
            voters=tuple(names[: ends[0]]),
            learners=tuple(names[ends[0] : ends[0] + self.random.randint(0, 1)]),
            removed=tuple(names[ends[1] : ends[1] + self.random.randint(0, 2)]),
            transition=self.random.choice(list(Transition)),
        )
        if self.random.random() < 0.3:
            change = ChangeMembership(token=change.token)
        self._tell_leader(change)

    def _tell_leader(self, event: ChangeMembership | TransferLeadership | Unreachable) -> None:
        leader = self.world.leader()
        if leader is not None:
            self.world.tell(leader.name, event)

    def _transfer(self) -> None:
        self._tell_leader(TransferLeadership(self.random.choice(self.names)))

    def _campaign(self) -> None:
        self.world.tell(self.random.choice(self.names), Campaign())

    def _unreachable(self) -> None:
        self._tell_leader(Unreachable(self.random.choice(self.names)))
