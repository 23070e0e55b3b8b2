"""What a node knows of its cluster, as documents for tools: MERIDIAN answers them as JSON.

All are made from `ClusterPort` when somebody asks, and nothing in them is only for people:
`meridian-ctl` makes its tables out of them. A document never waits: it is what *this* node knows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from cluster.map.values import ClusterMap, MapMember, MapPartition, Placements
from cluster.membership.messages import MemberStatus
from cluster.ring import virtual_nodes
from cluster.slots import SLOT_COUNT, SlotSet
from meridian_resp.commands.meridian_values import JsonObject, JsonValue, plain, roles_of

if TYPE_CHECKING:
    from cluster.identity import NodeId
    from cluster.membership.events import MemberView
    from meridian_resp.commands.cluster_port import ClusterPort


#: Phi of a node that is well has hundreds of zeros behind the point.
PHI_DIGITS: Final = 6


class Loads:
    """What each node leads and holds, counted in one pass over the map."""

    def __init__(self, cluster_map: ClusterMap) -> None:
        self.leads: Counter[NodeId] = Counter()
        self.slots: Counter[NodeId] = Counter()
        self.holds: Counter[NodeId] = Counter()
        for partition in cluster_map.partitions.values():
            leader = partition.leader(cluster_map.home_datacenter)
            if leader is not None:
                self.leads[leader] += 1
                self.slots[leader] += len(partition.slots)
            self.holds.update(partition.nodes())


def status_document(port: ClusterPort) -> JsonObject:
    """The cluster in a few numbers, and what is wrong with it in sentences."""
    cluster_map = port.map()
    views = port.members()
    by_status = Counter(view.status for view in views)
    document: dict[str, JsonValue] = {
        "node": port.own_id,
        "endpoint": str(port.endpoint),
        "is_formed": cluster_map is not None,
        "members": {status.name.lower(): by_status[status] for status in MemberStatus},
        "troubles": [*troubles(cluster_map, views), *_log_troubles(port)],
    }
    if cluster_map is None:
        document["claims"] = plain(port.claims())
        return document
    partitions = cluster_map.partitions.values()
    owned = sum(len(partition.slots) for partition in partitions)
    document |= {
        "cluster": cluster_map.cluster,
        "epoch": cluster_map.epoch,
        "home_datacenter": cluster_map.home_datacenter,
        "replicas": cluster_map.replicas,
        "map_members": len(cluster_map.members),
        "partitions": len(cluster_map.partitions),
        "slots_owned": owned,
        "slots_unowned": SLOT_COUNT - owned,
        "pinned_partitions": sum(partition.is_pinned for partition in partitions),
        "open_transitions": sum(partition.transition is not None for partition in partitions),
        "waiting_for": plain(
            {
                number: why
                for number, why in port.statistics().control.waiting_for.items()
                if (moving := cluster_map.partitions.get(number)) and moving.transition
            }
        ),
        "settings": plain(cluster_map.settings),
        "features": plain(cluster_map.features),
        "is_frozen": cluster_map.is_frozen,
        "metadata": plain(port.metadata()),
    }
    return document


def troubles(cluster_map: ClusterMap | None, views: Iterable[MemberView]) -> Iterable[str]:
    """Sentences about what an operator should know of; none when all is well."""
    if cluster_map is None:
        yield "this node belongs to no cluster yet, so it serves no keys"
        return
    if cluster_map.is_frozen:
        yield "the cluster is frozen while it becomes part of another one; writes are refused"
    owned = sum(len(partition.slots) for partition in cluster_map.partitions.values())
    if owned < SLOT_COUNT:
        yield f"{SLOT_COUNT - owned} slots belong to nobody"
    status = {view.node: view.status for view in views}
    absent = [
        (node, found)
        for node in sorted(cluster_map.members)
        if (found := status.get(node)) is None or not found.is_live
    ]
    loads = Loads(cluster_map) if absent else None
    for node, found in absent:
        leads = 0 if loads is None else loads.leads[node]
        word = "has left" if found is MemberStatus.LEFT else "is dead"
        if found is None:
            word = "is in the map but has not been seen"
        served = f"; the {leads} partitions that it leads are not served" if leads else ""
        yield f"{node} {word}{served}"


def _log_troubles(port: ClusterPort) -> Iterable[str]:
    """What keeps the map from being changed; nothing where that is not known."""
    voters = port.metadata().voters
    dead = {view.node for view in port.members() if not view.status.is_live}
    lost = sorted(dead.intersection(voters))
    if voters and 2 * len(lost) >= len(voters):
        yield (
            f"{len(lost)} of the {len(voters)} voters of the metadata log are dead "
            f"({', '.join(lost)}): nothing of the cluster can be changed until one is back"
        )


def node_documents(port: ClusterPort) -> list[JsonValue]:
    """Every node that is known, by membership or by the map, in order of ids."""
    cluster_map = port.map()
    members = {} if cluster_map is None else cluster_map.members
    views = {view.node: view for view in port.members()}
    readings = port.phi()
    loads = None if cluster_map is None else Loads(cluster_map)
    documents: list[JsonValue] = []
    for node in sorted({*views, *members}):
        view, member = views.get(node), members.get(node)
        reading = readings.get(node)
        document = {
            "node": node,
            "is_self": node == port.own_id,
            "status": "unknown" if view is None else view.status.name.lower(),
            "phi": None if reading is None else plain(round(reading.phi, PHI_DIGITS)),
            "phi_level": None if reading is None else plain(reading.level),
            **_facts(view, member),
            "is_member": member is not None,
        }
        if member is not None and loads is not None:
            document |= _share(loads, member)
        documents.append(document)
    return documents


def _facts(view: MemberView | None, member: MapMember | None) -> dict[str, JsonValue]:
    """Where a node stands: as it says itself, else as the map has it."""
    if view is None:
        assert member is not None
        return {
            "endpoint": str(member.endpoint),
            "client_port": member.client_port,
            "datacenter": member.datacenter,
            "rack": member.rack,
            "machine": member.machine,
            "weight": member.weight,
            "roles": roles_of(member.roles),
        }
    facts = view.facts
    return {
        "endpoint": str(view.endpoint),
        "client_port": facts.client_port,
        "datacenter": facts.datacenter,
        "rack": facts.rack,
        "machine": facts.machine,
        "weight": facts.capacity_weight if member is None else member.weight,
        "roles": roles_of(facts.roles),
        "version": facts.software_version,
        "generation": view.boot.generation,
        "incarnation": view.incarnation,
        "cluster": view.cluster,
    }


def _share(loads: Loads, member: MapMember) -> dict[str, JsonValue]:
    """What a member leads and holds."""
    return {
        "state": member.state.name.lower(),
        "config_epoch": member.config_epoch,
        "replicates": member.replicates,
        "slots": loads.slots[member.node],
        "leads": loads.leads[member.node],
        "holds": loads.holds[member.node],
    }


def ring_document(cluster_map: ClusterMap) -> JsonObject:
    """How the load is spread: what each member should lead and hold by its weight, and does."""
    storing = {node: it for node, it in cluster_map.members.items() if it.is_storage}
    at_home = [it for it in storing.values() if it.datacenter == cluster_map.home_datacenter]
    weight_at_home = sum(it.weight for it in at_home)
    loads = Loads(cluster_map)
    rows: list[JsonValue] = []
    worst = 0.0
    for node, member in sorted(storing.items()):
        is_home = member.datacenter == cluster_map.home_datacenter
        share = member.weight / weight_at_home if is_home else 0.0
        wanted = share * len(cluster_map.partitions)
        leads = loads.leads[node]
        worst = max(worst, leads / wanted if wanted else 0.0)
        rows.append({
            "node": node,
            "datacenter": member.datacenter,
            "rack": member.rack,
            "machine": member.machine,
            "weight": member.weight,
            "virtual_nodes": virtual_nodes(member.weight),
            "share": round(share, 6),
            "leads_wanted": round(wanted, 3),
            "leads": leads,
            "holds": loads.holds[node],
        })  # fmt: skip
    return {
        "epoch": cluster_map.epoch,
        "partitions": len(cluster_map.partitions),
        "most_over_share": round(worst, 4),
        "nodes": rows,
    }


def map_document(cluster_map: ClusterMap) -> JsonObject:
    """The whole map, with slots as ranges."""
    owned = {slot for partition in cluster_map.partitions.values() for slot in partition.slots}
    return {
        "cluster": cluster_map.cluster,
        "epoch": cluster_map.epoch,
        "home_datacenter": cluster_map.home_datacenter,
        "replicas": cluster_map.replicas,
        "members": {
            node: {
                "endpoint": str(member.endpoint),
                "client_port": member.client_port,
                "state": member.state.name.lower(),
            }
            for node, member in sorted(cluster_map.members.items())
        },
        "partitions": [
            _partition(cluster_map, partition)
            for _, partition in sorted(cluster_map.partitions.items())
        ],
        "unowned": str(SlotSet.of(set(range(SLOT_COUNT)) - owned)),
        "removed": sorted(cluster_map.removed),
        "settings": plain(cluster_map.settings),
        "features": plain(cluster_map.features),
        "is_frozen": cluster_map.is_frozen,
    }


def _partition(cluster_map: ClusterMap, partition: MapPartition) -> JsonObject:
    transition = partition.transition
    return {
        "partition": partition.number,
        "slots": str(partition.slots),
        "leader": partition.leader(cluster_map.home_datacenter),
        "placements": _placements(partition.placements),
        "epoch": partition.epoch,
        "is_pinned": partition.is_pinned,
        "transition": None if transition is None else {
            "step": transition.step.name.lower(),
            "old": _placements(transition.old),
            "new": _placements(transition.new),
            "started_epoch": transition.started_epoch,
        },
    }  # fmt: skip


def _placements(placements: Placements) -> JsonObject:
    return {datacenter: list(replicas) for datacenter, replicas in placements}


def phi_documents(port: ClusterPort) -> list[JsonValue]:
    """Every node whose heartbeats this node gets; others are watched by others."""
    return [
        {
            "node": node,
            "phi": plain(round(reading.phi, PHI_DIGITS)),
            "level": plain(reading.level),
            "age_s": round(reading.age_s, 3),
        }
        for node, reading in sorted(port.phi().items())
    ]
