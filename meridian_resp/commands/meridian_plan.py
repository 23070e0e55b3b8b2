"""MERIDIAN PLAN: what would be moved, as JSON.

A plan takes the planner about 0.1 s for 16 nodes, so it is made in a thread: the map is a value
that nobody changes, and clients go on being served. It is made for the map that this node holds
and the nodes that it holds alive; COMMIT is refused when the map has moved on since.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cluster.map.values import ClusterMap, Placements
from cluster.plans.plan import ClusterPlan
from cluster.plans.planning import live_members, make_cluster_plan
from meridian_resp.commands.meridian_arguments import cluster_of, map_of
from meridian_resp.commands.meridian_values import JsonObject, JsonValue, encode, plain
from meridian_resp.commands.outcomes import Later
from meridian_resp.commands.registry import Flag, Group, command
from meridian_resp.protocol.replies import Reply, bulk

if TYPE_CHECKING:
    from meridian_resp.commands.context import Context


@command(
    "PLAN", container="meridian", arity=2,
    flags=Flag.ADMIN | Flag.NOSCRIPT | Flag.LOADING | Flag.STALE | Flag.NO_MULTI,
    group=Group.CLUSTER, since="0.1.0", summary="What MERIDIAN COMMIT would change now, as JSON.",
    complexity="O(P*N) where N is the number of nodes and P that of partitions",
)  # fmt: skip
def meridian_plan(context: Context, arguments: list[bytes]) -> Later:
    """MERIDIAN PLAN."""
    cluster_map = map_of(context)
    live = live_members(cluster_map, cluster_of(context).members())
    server = context.server

    def made() -> bytes:
        return encode(plan_document(cluster_map, make_cluster_plan(cluster_map, live)))

    async def work() -> Reply:
        return bulk(await server.compute(made))

    return Later(work)


def plan_document(cluster_map: ClusterMap, plan: ClusterPlan) -> JsonObject:
    """What a plan does to the map that it was made from, and what it costs."""
    changes: list[JsonValue] = []
    for change in plan.changes:
        partition = cluster_map.partitions.get(change.partition)
        old = _by_datacenter(() if partition is None else partition.placements)
        new = _by_datacenter(change.new)
        changes += [
            {
                "partition": change.partition,
                "datacenter": datacenter,
                "old": old.get(datacenter, []),
                "new": new.get(datacenter, []),
            }
            for datacenter in sorted({*old, *new})
            if old.get(datacenter) != new.get(datacenter)
        ]
    return {
        "epoch": plan.at_epoch,
        "is_empty": plan.is_empty,
        "aborts": list(plan.aborts),
        "splits": [{"partition": pair.number, "new": pair.new_number} for pair in plan.splits],
        "changes": changes,
        "moved_replicas": plan.moved_replicas,
        "leader_changes": plain(plan.leader_changes),
        "loads": [
            {
                "node": node,
                "leads_before": before.leads,
                "leads_after": plan.loads_after[node].leads,
                "slots_before": before.slots,
                "slots_after": plan.loads_after[node].slots,
                "holds_before": before.replicas,
                "holds_after": plan.loads_after[node].replicas,
            }
            for node, before in sorted(plan.loads_before.items())
        ],
        "notes": list(plan.notes),
    }


def _by_datacenter(placements: Placements) -> dict[str, list[str]]:
    return {datacenter: list(replicas) for datacenter, replicas in placements}
