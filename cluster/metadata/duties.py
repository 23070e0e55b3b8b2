"""What the leader of the metadata log does unasked, once a second.

* A node that is alive, belongs to no cluster and has been so for a moment becomes a member.
  Membership lets nobody near who belongs to another cluster, and a node that holds data never
  shows itself as unformed, so there is nothing else to ask.
* A member's endpoint and facts in the map follow what it says of itself. Its weight does too, but
  a weight that an operator set in the map holds instead (`MapMember.weight`).
* The voters are chosen (`voters`).

While the cluster is frozen or dissolved the members stay as they are. The only state is since when
members have not been heard of at all, which membership does not tell.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from cluster.identity import NodeId
from cluster.map.commands import AddMember, MapCommand, UpdateMember
from cluster.map.values import ClusterMap, MapMember
from cluster.membership.events import MemberView
from cluster.membership.messages import MemberStatus
from cluster.metadata.options import MetadataOptions
from cluster.metadata.voters import Condition, VoterStep, VoterView, next_voter_step
from cluster.raft import RaftStatus


@frozen
class DutiesFound:
    """What is to be done now: commands for the log, and a change of who runs it."""

    commands: tuple[MapCommand, ...]
    voter_step: VoterStep | None


class Duties:
    """Looks at the members for the leader; start a new one with each leadership."""

    def __init__(self, node: NodeId, options: MetadataOptions) -> None:
        self._node = node
        self._options = options
        self._absent_since: dict[NodeId, float] = {}

    def look(
        self,
        held: ClusterMap,
        members: Mapping[NodeId, MemberView],
        status: RaftStatus,
        *,
        strays: frozenset[NodeId] = frozenset(),
        now: float,
    ) -> DutiesFound:
        """Return what is to be done."""
        conditions = self._conditions(held, members, now)
        view = VoterView(
            node=self._node,
            status=status,
            map=held,
            conditions=conditions,
            strays=strays & held.members.keys(),
            caught_up_entries=self._options.caught_up_entries,
        )
        commands: tuple[MapCommand, ...] = ()
        if not held.is_frozen:
            commands = (*self._admitted(held, members, now), *_updated(held, members))
        return DutiesFound(commands[: self._options.admissions_max], next_voter_step(view))

    def _admitted(
        self, held: ClusterMap, members: Mapping[NodeId, MemberView], now: float
    ) -> list[MapCommand]:
        return [
            AddMember(member_of(view))
            for _, view in sorted(members.items())
            if view.cluster is None
            and view.status is MemberStatus.ALIVE
            and now - view.changed_at >= self._options.admit_after_s
            and view.node not in held.members
            and view.node not in held.removed
        ]

    def _conditions(
        self, held: ClusterMap, members: Mapping[NodeId, MemberView], now: float
    ) -> dict[NodeId, Condition]:
        for node in [n for n in self._absent_since if n in members or n not in held.members]:
            del self._absent_since[node]
        conditions: dict[NodeId, Condition] = {}
        for node in sorted(held.members):
            view = members.get(node)
            if node == self._node:
                conditions[node] = Condition.WELL
            elif view is None:
                since = self._absent_since.setdefault(node, now)
                conditions[node] = self._silence(since, now)
            elif not view.status.is_live:
                conditions[node] = self._silence(view.changed_at, now)
            elif view.status is MemberStatus.ALIVE and view.cluster == held.cluster:
                conditions[node] = Condition.WELL
            else:
                conditions[node] = Condition.SILENT
        return conditions

    def _silence(self, since: float, now: float) -> Condition:
        is_long = now - since >= self._options.voter_dead_s
        return Condition.DEAD if is_long else Condition.SILENT


def member_of(view: MemberView) -> MapMember:
    """Return a member as it shows itself."""
    facts = view.facts
    return MapMember(
        view.node,
        view.endpoint,
        client_port=facts.client_port,
        datacenter=facts.datacenter,
        rack=facts.rack,
        machine=facts.machine,
        capacity_weight=facts.capacity_weight,
        roles=facts.roles,
    )


def _updated(held: ClusterMap, members: Mapping[NodeId, MemberView]) -> list[MapCommand]:
    commands: list[MapCommand] = []
    for node, member in sorted(held.members.items()):
        view = members.get(node)
        if view is None or view.status is not MemberStatus.ALIVE or view.cluster != held.cluster:
            continue
        shown = member_of(view)
        if member.with_facts_of(shown) != member:
            commands.append(UpdateMember(shown))
    return commands
