"""The verbs of birth scenarios: a few cores, their messages in a row, time by command.

Nothing happens by itself: messages wait until `deliver`, `stabilize` or `run`, time stands until
`tick` or `run`, membership says what `meet`, `dead` and `alive` say, and disks finish at once
unless `hold-disk` says otherwise. Nodes are called 1, 2, 3..., clusters A, B, C... in the order in
which they come up.
"""

from __future__ import annotations

import re
from random import Random

import attrs

from cluster.birth.events import (
    Adopt,
    Answer,
    BirthMessage,
    ClaimSlots,
    ClusterFormed,
    ClusterLost,
    Contact,
    DataChanged,
    DissolveWanted,
    ForeignSeen,
    FormNow,
    Hold,
    Input,
    MapNews,
    MembersChanged,
    Notice,
    Output,
    ProposeMerge,
    Release,
    Save,
    Saved,
    Send,
    SetClaimEpoch,
    UnclaimSlots,
)
from cluster.birth.machine import Birth
from cluster.birth.options import BirthOptions
from cluster.control.requests import Done
from cluster.identity import ClusterId, id_from_bytes
from cluster.journal.records import Record
from cluster.map.codec import decode_genesis
from cluster.map.values import Claim, Genesis
from cluster.membership.facts import ALL_ROLES, Role
from cluster.slots import SlotSet
from cluster.wire.messages import ClaimsReply, GenesisHeld, GenesisOffer, PeerMessage
from tests.scenario.runner import Command
from tests.sim.birth_nodes import endpoint, node_id, view

_ROUNDS_MAX = 100
_STEP_S = 0.1
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")


@attrs.define(eq=False)
class Node:
    """One node of a scenario."""

    roles: Role = ALL_ROLES
    has_data: bool = False
    core: Birth | None = None
    adopted: ClusterId | None = None
    journal: list[Record] = attrs.field(factory=list)
    saving: list[Save] = attrs.field(factory=list)
    is_disk_held: bool = False
    holds_entries: bool = False
    contacts: set[int] = attrs.field(factory=set)


class BirthScenario:
    """The world of one scenario file."""

    def __init__(self) -> None:
        self.now = 0.0
        self.options = BirthOptions()
        self.nodes: dict[int, Node] = {}
        self.messages: list[tuple[int, int, PeerMessage]] = []
        self.geneses: dict[ClusterId, Genesis] = {}
        self.names: dict[str, str] = {}
        self.cut: set[tuple[int, int]] = set()
        self.lines: list[str] = []
        self.token = 0

    # Setting the scene.

    def do_nodes(self, command: Command) -> str:
        """`nodes 3 [idle=2] [data=1] [bootstrap=yes]`: idle ones have no rebalancer role."""
        is_bootstrap = command.options.get("bootstrap") == "yes"
        self.options = attrs.evolve(self.options, is_bootstrap=is_bootstrap)
        for number in range(1, int(command.arguments[0]) + 1):
            node = self.nodes[number] = Node(contacts={number})
            node.has_data = number in _numbers(command.options.get("data", ""))
            if number in _numbers(command.options.get("idle", "")):
                node.roles = Role.COORDINATOR | Role.STORAGE
            self._start(number)
        return self._told()

    def do_meet(self, command: Command) -> str:
        """`meet 1 2 3`: these nodes, and whom they know, are in contact from now on."""
        met: set[int] = set()
        for argument in command.arguments:
            met |= self.nodes[int(argument)].contacts
        for number in met:
            self.nodes[number].contacts = set(met)
        self._see()
        return self._told()

    def do_dead(self, command: Command) -> str:
        """`dead 1 [for=2]`: the others, or those, hold it for dead."""
        gone = int(command.arguments[0])
        for number in _numbers(command.options.get("for", "")) or set(self.nodes) - {gone}:
            self.nodes[number].contacts.discard(gone)
        self._see()
        return self._told()

    def do_alive(self, command: Command) -> str:
        """`alive 1`: everybody holds it for alive, and it everybody."""
        number = int(command.arguments[0])
        for other, node in self.nodes.items():
            node.contacts.add(number)
            self.nodes[number].contacts.add(other)
        self._see()
        return self._told()

    # Requests and news.

    def do_claim(self, command: Command) -> str:
        """`claim 1 0-99 200`: CLUSTER ADDSLOTS."""
        slots = SlotSet.parse(" ".join(command.arguments[1:]))
        return self._tell(command, ClaimSlots(self._token(), slots))

    def do_unclaim(self, command: Command) -> str:
        """`unclaim 1 0-99`: CLUSTER DELSLOTS; `unclaim 1`: all."""
        text = " ".join(command.arguments[1:])
        slots = SlotSet.parse(text) if text else None
        return self._tell(command, UnclaimSlots(self._token(), slots))

    def do_set_epoch(self, command: Command) -> str:
        """`set-epoch 1 3`: CLUSTER SET-CONFIG-EPOCH."""
        return self._tell(command, SetClaimEpoch(self._token(), int(command.arguments[1])))

    def do_form(self, command: Command) -> str:
        """`form 1`: meridian-ctl form."""
        return self._tell(command, FormNow(self._token()))

    def do_committed(self, command: Command) -> str:
        """`committed A 1,2,3 [and=4]`: these nodes learn that its map names its founders and 4."""
        genesis = self._genesis(command.arguments[0])
        members = {member.node for member in genesis.members}
        members |= {node_id(n) for n in _numbers(command.options.get("and", ""))}
        for number in sorted(_numbers(command.arguments[1])):
            self._handle(number, ClusterFormed(genesis.identifier, members))
        return self._told()

    def do_entries(self, command: Command) -> str:
        """`entries 1`: its metadata group has appended an entry."""
        self.nodes[int(command.arguments[0])].holds_entries = True
        return ""

    def do_lost(self, command: Command) -> str:
        """`lost 1,2 A [into=B]`: these nodes are out of the cluster."""
        cluster = self._genesis(command.arguments[1]).identifier
        into = command.options.get("into")
        target = None if into is None else self._genesis(into).identifier
        for number in sorted(_numbers(command.arguments[0])):
            self._handle(number, ClusterLost(cluster, target))
        return self._told()

    def do_data(self, command: Command) -> str:
        """`data 1 yes|no`: it holds keys, or none any more; `data 1 yes cluster`: some member."""
        is_cluster_wide = "cluster" in command.arguments
        has_data = command.arguments[1] == "yes"
        return self._tell(command, DataChanged(has_data, is_cluster_wide=is_cluster_wide))

    def do_foreign(self, command: Command) -> str:
        """`foreign 1 2`: the membership of 1 hears 2, which is in another cluster."""
        other = int(command.arguments[1])
        adopted = self.nodes[other].adopted
        assert adopted is not None
        return self._tell(command, ForeignSeen(endpoint(other), adopted))

    def do_map(self, command: Command) -> str:
        """`map 1,2 epoch=2 leader=1 [frozen]`: these members have applied this map."""
        members = tuple((node_id(n), endpoint(n)) for n in sorted(_numbers(command.arguments[0])))
        news = MapNews(
            int(command.options["epoch"]),
            "frozen" in command.arguments,
            members,
            node_id(int(command.options["leader"])),
        )
        for number in sorted(_numbers(command.arguments[0])):
            self._handle(number, news)
        return self._told()

    # Messages and time.

    def do_deliver(self, command: Command) -> str:
        """`deliver [from=1] [to=2] [kind=GenesisOffer] [times=2]`: what waits now."""
        chosen = self._choose(command)
        for _ in range(int(command.options.get("times", "1"))):
            for source, target, message in chosen:
                self.lines.append(self._show(source, target, message))
                self._deliver(source, target, message)
        return self._told()

    def do_drop(self, command: Command) -> str:
        """`drop [from=1] [to=2] [kind=...]`: lose what waits now."""
        self.lines += [f"lost {self._show(*found)}" for found in self._choose(command)]
        return self._told()

    def do_stabilize(self, command: Command) -> str:
        """`stabilize`: deliver until nothing is left; messages are not shown."""
        del command
        self._stabilize()
        return self._told()

    def do_cut(self, command: Command) -> str:
        """`cut 1 2,3`: nothing passes between 1 and the others; membership does not notice."""
        left, right = (_numbers(argument) for argument in command.arguments[:2])
        self.cut |= {(a, b) for a in left for b in right} | {(b, a) for a in left for b in right}
        return ""

    def do_heal(self, command: Command) -> str:
        """`heal`: everything passes again."""
        del command
        self.cut.clear()
        return ""

    def do_tick(self, command: Command) -> str:
        """`tick 1.5 [only=1]`: time passes; messages wait."""
        only = _numbers(command.options.get("only", "")) or set(self.nodes)
        self._pass(float(command.arguments[0]), only)
        return self._told()

    def do_run(self, command: Command) -> str:
        """`run 70`: time passes and messages arrive; only what came of it is shown."""
        end = self.now + float(command.arguments[0])
        while self.now < end:
            self._pass(min(_STEP_S, end - self.now), set(self.nodes))
            self._stabilize()
        return self._told()

    # Disks and processes.

    def do_hold_disk(self, command: Command) -> str:
        """`hold-disk 1`: saves do not finish until `finish-disk`."""
        self.nodes[int(command.arguments[0])].is_disk_held = True
        return ""

    def do_finish_disk(self, command: Command) -> str:
        """`finish-disk 1`: everything held is durable now."""
        self._finish_disk(int(command.arguments[0]))
        return self._told()

    def do_crash(self, command: Command) -> str:
        """`crash 1`: the process ends; saves that are held are lost."""
        node = self.nodes[int(command.arguments[0])]
        node.core, node.saving, node.is_disk_held = None, [], False
        return ""

    def do_restart(self, command: Command) -> str:
        """`restart 1 [compacted]`: it starts from its disk, or from what is still needed of it."""
        number = int(command.arguments[0])
        node = self.nodes[number]
        if "compacted" in command.arguments:
            assert node.core is not None and not node.saving
            node.journal = node.core.compacted()
        self._start(number)
        return self._told()

    # Looking.

    def do_status(self, command: Command) -> str:
        """`status [1]`: stage, cluster or genesis, and claims."""
        for number in map(int, command.arguments or map(str, self.nodes)):
            core = self.nodes[number].core
            if core is None:
                self.lines.append(f"{number} is down")
                continue
            core.check_invariants()
            parts = [str(number), core.stage.value]
            cluster = core.cluster or core.undecided
            parts += [self._name(cluster)] if cluster else []
            parts += [f"claims {_claim(core.claim)}"] if core.has_claims else []
            self.lines.append(" ".join(parts))
        return self._told()

    # What surrounds a core.

    def _start(self, number: int) -> None:
        node = self.nodes[number]
        node.saving, node.is_disk_held = [], False
        node.core = Birth(
            node_id(number),
            endpoint(number),
            recovered=tuple(node.journal),
            options=self.options,
            rng=Random(f"{number} {self.now}"),
            now=self.now,
            has_data=node.has_data,
            holds_entries=lambda: node.holds_entries,
        )
        node.adopted = node.core.cluster
        self._settle(number)
        self._see()

    def _see(self) -> None:
        for number, node in self.nodes.items():
            seen = [
                view(n, cluster=self.nodes[n].adopted, roles=self.nodes[n].roles)
                for n in sorted(node.contacts)
                if n == number
                or None in (node.adopted, self.nodes[n].adopted)
                or node.adopted == self.nodes[n].adopted
            ]
            self._handle(number, MembersChanged(tuple(seen)))

    def _pass(self, seconds: float, only: set[int]) -> None:
        end = self.now + seconds
        while True:
            due = [
                (deadline, number)
                for number in only
                if (core := self.nodes[number].core) is not None
                and (deadline := core.deadline()) is not None
                and deadline <= end
            ]
            if not due:
                break
            deadline, number = min(due)
            self.now = max(self.now, deadline)
            due_core = self.nodes[number].core
            assert due_core is not None
            due_core.on_deadline(self.now)
            self._settle(number)
        self.now = end

    def _tell(self, command: Command, event: Input) -> str:
        self._handle(int(command.arguments[0]), event)
        return self._told()

    def _handle(self, number: int, event: Input) -> None:
        core = self.nodes[number].core
        if core is not None:
            core.handle(event, self.now)
            self._settle(number)

    def _settle(self, number: int) -> None:
        core = self.nodes[number].core
        assert core is not None
        while outputs := core.take():
            for output in outputs:
                self._act(number, output)
        core.check_invariants()

    def _act(self, number: int, output: Output) -> None:
        node = self.nodes[number]
        match output:
            case Send(target, message):
                self.messages.append((number, target.port - 7400, message))
            case Save():
                node.saving.append(output)
                if not node.is_disk_held:
                    self._finish_disk(number)
            case Hold(genesis):
                self.geneses[genesis.identifier] = genesis
                self._say(number, f"holds {self._name(genesis.identifier)}")
            case Release(cluster):
                self._say(number, f"releases {self._name(cluster)}")
            case Adopt(cluster):
                node.adopted = cluster
                self._say(number, f"adopts {self._name(cluster)}")
                self._see()
            case Answer(_, answer):
                self._say(number, "OK" if isinstance(answer, Done) else answer.text)
            case Notice(_, text):
                self._say(number, f"notice: {text}")
            case Contact(endpoints):
                self._say(number, f"contacts {','.join(str(e.port - 7400) for e in endpoints)}")
            case DissolveWanted(into):
                self._say(number, f"wants to become part of {self._name(into)}")
            case ProposeMerge(command):
                self._say(number, f"proposes {type(command).__name__}")

    def _finish_disk(self, number: int) -> None:
        node = self.nodes[number]
        node.is_disk_held = False
        saving, node.saving = node.saving, []
        for save in saving:
            node.journal.extend(save.records)
            self._handle(number, Saved(save.number))

    def _deliver(self, source: int, target: int, message: PeerMessage) -> None:
        if (source, target) not in self.cut:
            self._handle(target, BirthMessage(node_id(source), endpoint(source), message))

    def _stabilize(self) -> None:
        for _ in range(_ROUNDS_MAX):
            chosen, self.messages = self.messages, []
            for source, target, message in chosen:
                self._deliver(source, target, message)
            if not self.messages:
                return
        raise AssertionError("the nodes never come to rest")

    def _choose(self, command: Command) -> list[tuple[int, int, PeerMessage]]:
        sources = _numbers(command.options.get("from", ""))
        targets = _numbers(command.options.get("to", ""))
        kind = command.options.get("kind", "")
        chosen = [
            (source, target, message)
            for source, target, message in self.messages
            if (not sources or source in sources)
            and (not targets or target in targets)
            and kind in type(message).__name__
        ]
        self.messages = [found for found in self.messages if found not in chosen]
        return chosen

    # Showing.

    def _say(self, number: int, text: str) -> None:
        self.lines.append(f"{number}: {_ID.sub(lambda found: self._name(found[0]), text)}")

    def _name(self, identifier: str) -> str:
        if identifier.startswith("00000000-"):
            return str(int(identifier[-12:]))
        return self.names.setdefault(identifier, chr(ord("A") + len(self.names)))

    def _genesis(self, name: str) -> Genesis:
        return next(g for g in self.geneses.values() if self._name(g.identifier) == name)

    def _show(self, source: int, target: int, message: PeerMessage) -> str:
        parts = [f"{source}->{target} {type(message).__name__}"]
        match message:
            case GenesisHeld(data):
                parts.append(self._show_genesis(decode_genesis(data)))
            case GenesisOffer(data, left_out):
                parts.append(self._show_genesis(decode_genesis(data)))
                if left_out:
                    nodes = ",".join(self._name(id_from_bytes(node)) for node in left_out)
                    parts.append(f"left-out={nodes}")
            case ClaimsReply():
                slots = SlotSet(tuple(message.ranges))
                parts.append(f"[{_claim(Claim(node_id(source), slots, message.config_epoch))}]")
                parts += ["data"] if message.has_data else []
                parts += ["bound"] if message.is_bound else []
            case _:
                packed = getattr(message, "cluster", b"")
                parts += [self._name(id_from_bytes(packed))] if packed else []
                parts += [message.reason] if hasattr(message, "reason") else []
                parts += ["keys"] if getattr(message, "held_keys", False) else []
        return " ".join(parts)

    def _show_genesis(self, genesis: Genesis) -> str:
        self.geneses[genesis.identifier] = genesis
        voters = ",".join(self._name(node) for node in genesis.voters)
        members = ",".join(self._name(member.node) for member in genesis.members)
        claims = " ".join(f"{self._name(c.node)}:{_claim(c)}" for c in genesis.claims)
        shown = f"{self._name(genesis.identifier)} voters={voters} members={members}"
        return f"{shown} claims={claims}" if claims else shown

    def _token(self) -> int:
        self.token += 1
        return self.token

    def _told(self) -> str:
        lines, self.lines = self.lines, []
        return "\n".join(line.rstrip() for line in lines)


def _claim(claim: Claim) -> str:
    slots = str(claim.slots).replace(" ", ",")
    return f"{slots}@{claim.config_epoch}" if claim.config_epoch else slots


def _numbers(text: str) -> set[int]:
    return {int(part) for part in text.split(",") if part}
