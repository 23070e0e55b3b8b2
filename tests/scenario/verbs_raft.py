"""The verbs of Raft scenarios: a few cores, their messages in a row, time by command.

Nothing happens by itself: messages wait until `deliver` or `stabilize`, time stands until `tick`,
and disks finish a save at once unless `hold-disk` says otherwise. Nodes are called 1, 2, 3...
"""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import Any

import attrs

from cluster.raft import (
    Applied,
    Campaign,
    ChangeMembership,
    Configuration,
    Entry,
    Event,
    HardState,
    MemoryStableLog,
    Propose,
    RaftGroup,
    RaftOptions,
    Read,
    Ready,
    Role,
    Saved,
    Snapshot,
    SnapshotReported,
    TransferLeadership,
    Transition,
    Wake,
)
from cluster.raft.messages import Message
from tests.scenario.runner import Command

_ROUNDS_MAX = 200
_SHOWN = ("term", "previous_index", "commit", "index", "hint_index", "hint_term", "last_index")


def show_entry(entry: Entry) -> str:
    """An entry as index/term:content."""
    content = str(entry.configuration) if entry.configuration else entry.data.decode()
    return f"{entry.index}/{entry.term}:{content or '-'}"


def show_message(message: Message) -> str:
    """A message in one line; flags only where they are set, rounds never."""
    parts = [f"{message.source}->{message.target} {type(message).__name__}"]
    for field in attrs.fields(type(message)):
        value = getattr(message, field.name)
        if field.name in _SHOWN:
            parts.append(f"{field.name}={value}")
        elif field.name == "entries" and value:
            parts.append("[" + " ".join(map(show_entry, value)) + "]")
        elif isinstance(value, Snapshot):
            parts.append(f"snapshot={value.index}/{value.term}")
        elif value is True:
            parts.append(field.name.removeprefix("is_"))
    return " ".join(parts)


@attrs.define(eq=False)
class Member:
    """One node of a scenario."""

    disk: MemoryStableLog
    group: RaftGroup | None = None
    hard_state: HardState = HardState()
    applied: int = 0
    is_disk_held: bool = False
    saving: list[Ready] = attrs.field(factory=list)


class RaftScenario:
    """The world of one scenario file."""

    def __init__(self) -> None:
        self.now = 0.0
        self.options = RaftOptions()
        self.members: dict[str, Member] = {}
        self.messages: list[Message] = []
        self.cut: set[tuple[str, str]] = set()
        self.lines: list[str] = []
        self.token = 0

    # Setting the scene.

    def do_nodes(self, command: Command) -> str:
        """`nodes 3 [learners=4] [empty=5] [pre_vote=no] [hibernate_after_s=1]`."""
        changes: dict[str, Any] = {}
        for name, value in command.options.items():
            if f"is_{name}" in {field.name for field in attrs.fields(RaftOptions)}:
                changes[f"is_{name}"] = value == "yes"
            elif name not in ("learners", "empty"):
                changes[name] = float(value) if name.endswith("_s") else int(value)
        self.options = attrs.evolve(self.options, **changes)
        voters = [str(number) for number in range(1, int(command.arguments[0]) + 1)]
        learners = _names(command, "learners")
        first = Configuration.of(*voters, learners=learners)
        for name in (*voters, *learners):
            self._add(name, first)
        for name in _names(command, "empty"):
            self._add(name, Configuration())
        return self._told()

    def do_load(self, command: Command) -> str:
        """`load 1 terms=1,1,4 [term=4]`: the node's saved log has entries of these terms."""
        member = self.members[command.arguments[0]]
        terms = [int(term) for term in command.options["terms"].split(",")]
        member.disk.append(
            [Entry(i, term, b"t%d" % term) for i, term in enumerate(terms, 1)],
        )
        member.hard_state = HardState(int(command.options.get("term", terms[-1])))
        self._start(command.arguments[0])
        return self.do_log(command)

    def _add(self, name: str, configuration: Configuration) -> None:
        self.members[name] = Member(MemoryStableLog(Snapshot(0, 0, configuration)))
        self._start(name)

    def _start(self, name: str) -> None:
        member = self.members[name]
        member.applied = member.disk.snapshot().index
        member.group = RaftGroup(
            name,
            self.options,
            member.disk,
            hard_state=member.hard_state,
            applied=member.applied,
            random=Random(int(name)),
            now=self.now,
        )
        self._settle(name)

    # Requests.

    def do_campaign(self, command: Command) -> str:
        """`campaign 1`."""
        return self._tell(command, Campaign())

    def do_propose(self, command: Command) -> str:
        """`propose 1 text`."""
        return self._tell(command, Propose(self._token(), command.arguments[1].encode()))

    def do_read(self, command: Command) -> str:
        """`read 1`."""
        return self._tell(command, Read(self._token()))

    def do_change(self, command: Command) -> str:
        """`change 1 [voters=..] [learners=..] [removed=..] [transition=joint]`."""
        change = ChangeMembership(
            token=self._token(),
            voters=_names(command, "voters"),
            learners=_names(command, "learners"),
            removed=_names(command, "removed"),
            transition=Transition[command.options.get("transition", "automatic").upper()],
        )
        return self._tell(command, change)

    def do_transfer(self, command: Command) -> str:
        """`transfer 1 2`: from 1 to 2."""
        return self._tell(command, TransferLeadership(command.arguments[1]))

    def do_wake(self, command: Command) -> str:
        """`wake 1`."""
        return self._tell(command, Wake())

    def do_report_snapshot(self, command: Command) -> str:
        """`report-snapshot 1 3 failed`: tell 1 what became of the snapshot for 3."""
        is_delivered = command.arguments[2] == "delivered"
        return self._tell(command, SnapshotReported(command.arguments[1], is_delivered))

    # Messages and time.

    def do_deliver(self, command: Command) -> str:
        """`deliver [from=1] [to=2]`: what waits now, once, and show it."""
        chosen, self.messages = self._choose(command)
        for message in chosen:
            self.lines.append(show_message(message))
            self._deliver(message)
        return self._told()

    def do_drop(self, command: Command) -> str:
        """`drop [from=1] [to=2]`: lose what waits now."""
        chosen, self.messages = self._choose(command)
        self.lines += [f"lost {show_message(message)}" for message in chosen]
        return self._told()

    def do_stabilize(self, command: Command) -> str:
        """`stabilize`: deliver until nothing is left; only what changed is shown."""
        del command
        for _ in range(_ROUNDS_MAX):
            chosen, self.messages = self.messages, []
            for message in chosen:
                self._deliver(message)
            if not self.messages:
                return self._told()
        raise AssertionError("the group never comes to rest")

    def do_cut(self, command: Command) -> str:
        """`cut 1 2,3`: nothing passes between 1 and the others; `one-way` only from 1."""
        left, right = (argument.split(",") for argument in command.arguments[:2])
        self.cut |= {(a, b) for a in left for b in right}
        if "one-way" not in command.arguments:
            self.cut |= {(b, a) for a in left for b in right}
        return ""

    def do_heal(self, command: Command) -> str:
        """`heal`: everything passes again."""
        del command
        self.cut.clear()
        return ""

    def do_tick(self, command: Command) -> str:
        """`tick 0.15 [only=1]`: time passes; deadlines come up on all nodes or on one."""
        self.now += float(command.arguments[0])
        for name in _names(command, "only") or tuple(self.members):
            group = self.members[name].group
            if group is not None:
                group.on_deadline(self.now)
                self._settle(name)
        return self._told()

    # Disks and processes.

    def do_hold_disk(self, command: Command) -> str:
        """`hold-disk 1`: saves do not finish until `finish-disk`."""
        self.members[command.arguments[0]].is_disk_held = True
        return ""

    def do_finish_disk(self, command: Command) -> str:
        """`finish-disk 1`: everything held is durable now."""
        member = self.members[command.arguments[0]]
        member.is_disk_held = False
        saving, member.saving = member.saving, []
        for ready in saving:
            self._save(command.arguments[0], ready)
        self._settle(command.arguments[0])
        return self._told()

    def do_crash(self, command: Command) -> str:
        """`crash 1`: the process ends; saves that are held are lost."""
        member = self.members[command.arguments[0]]
        member.group = None
        member.saving.clear()
        member.is_disk_held = False
        return ""

    def do_restart(self, command: Command) -> str:
        """`restart 1`: the process starts from its disk."""
        self._start(command.arguments[0])
        return self._told()

    def do_compact(self, command: Command) -> str:
        """`compact 1`: make a snapshot of what is applied and drop the entries."""
        member = self.members[command.arguments[0]]
        assert member.group is not None
        term = member.disk.term_at(member.applied)
        assert term is not None
        configuration = member.group.configuration_at(member.applied)
        member.disk.set_snapshot(Snapshot(member.applied, term, configuration))
        member.disk.compact(member.applied)
        return f"snapshot {member.applied}/{term} of {configuration}"

    # Looking.

    def do_log(self, command: Command) -> str:
        """`log 1`: the saved log."""
        disk = self.members[command.arguments[0]].disk
        entries = disk.entries(disk.first_index, disk.last_index + 1, 1 << 30)
        head = [] if disk.first_index == 1 else [f"...{disk.first_index - 1}"]
        return " ".join([*head, *map(show_entry, entries)])

    def do_status(self, command: Command) -> str:
        """`status [1]`: role, term, leader and indexes; on a leader its view of the members."""
        for name in command.arguments or tuple(self.members):
            group = self.members[name].group
            if group is None:
                self.lines.append(f"{name} is down")
                continue
            s = group.status()
            silent = " hibernating" if s.is_hibernating else ""
            self.lines.append(
                f"{name} {s.role.value} term={s.term} leader={s.leader} last={s.last_index} "
                f"commit={s.commit} voters={s.configuration}{silent}"
            )
            if command.arguments:
                self.lines += [
                    f"  {p.node} {p.state.value} match={p.match} next={p.next}" for p in s.progress
                ]
        return self._told()

    # The shell's duties.

    def _tell(self, command: Command, event: Event) -> str:
        self._handle(command.arguments[0], event)
        return self._told()

    def _handle(self, name: str, event: Event) -> None:
        group = self.members[name].group
        if group is not None:
            group.handle(event, self.now)
            self._settle(name)

    def _deliver(self, message: Message) -> None:
        if (message.source, message.target) not in self.cut and message.target in self.members:
            self._handle(message.target, message)

    def _settle(self, name: str) -> None:
        member = self.members[name]
        assert member.group is not None
        while readies := member.group.take():
            for ready in readies:
                self._act(name, member.group, ready)
        member.group.check_invariants()

    def _act(self, name: str, group: RaftGroup, ready: Ready) -> None:
        member = self.members[name]
        if ready.leadership:
            is_leader = ready.leadership.role is Role.LEADER
            known = "" if is_leader or not ready.leadership.leader else f" of {group.leader}"
            role = f"{ready.leadership.role.value}{known}"
            self.lines.append(f"{name}: {role} in term {ready.leadership.term}")
        self.lines += [f"{name}: accepted {a.index}/{a.term}" for a in ready.accepted]
        self.lines += [f"{name}: refused, {r.reason.value} {r.detail}" for r in ready.refused]
        self.lines += [f"{name}: read at {read.index}" for read in ready.reads]
        if ready.committed:
            applied = " ".join(map(show_entry, ready.committed))
            self.lines.append(f"{name}: applies {applied}")
            member.applied = ready.committed[-1].index
            group.handle(Applied(member.applied), self.now)
        self.messages += ready.messages
        if member.is_disk_held:
            member.saving.append(ready)
        else:
            self._save(name, ready)

    def _save(self, name: str, ready: Ready) -> None:
        member = self.members[name]
        if ready.snapshot:
            member.disk.install(ready.snapshot)
            member.applied = ready.snapshot.index
            self.lines.append(f"{name}: installs snapshot {ready.snapshot.index}")
        member.disk.append(ready.entries)
        member.hard_state = ready.hard_state or member.hard_state
        self.messages += ready.messages_after_save
        if ready.is_saving and member.group is not None:
            member.group.handle(Saved(ready.number), self.now)

    def _choose(self, command: Command) -> tuple[list[Message], list[Message]]:
        sources, targets = _names(command, "from"), _names(command, "to")
        chosen: list[Message] = []
        kept: list[Message] = []
        for message in self.messages:
            is_chosen = (not sources or message.source in sources) and (
                not targets or message.target in targets
            )
            (chosen if is_chosen else kept).append(message)
        return chosen, kept

    def _token(self) -> int:
        self.token += 1
        return self.token

    def _told(self) -> str:
        lines, self.lines = self.lines, []
        return "\n".join(line.rstrip() for line in lines)


def _names(command: Command, option: str) -> tuple[str, ...]:
    names: Iterable[str] = filter(None, command.options.get(option, "").split(","))
    return tuple(names)
