"""The answers of CLUSTER NODES, SLOTS, SHARDS, INFO and LINKS, made of a picture of the cluster.

`redis-cli --cluster` compares the slots that all nodes print byte by byte, so everything here is
in a fixed order: nodes by id, ranges by slot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cluster.redis_ids import to_redis_id
from meridian_resp.protocol.replies import Array, Map, Reply, array, bulk, integer, text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cluster.transport.statistics import LinkView
    from meridian_resp.commands.cluster_picture import ClusterPicture, PicturedNode
    from meridian_resp.commands.cluster_port import ClusterStatistics
    from meridian_resp.commands.slot_marks import SlotMarks


def nodes_text(nodes: Iterable[PicturedNode], marks: SlotMarks) -> str:
    """Return one line per node, as CLUSTER NODES."""
    return "".join([f"{_node_line(node, marks)}\n" for node in nodes])


def _node_line(node: PicturedNode, marks: SlotMarks) -> str:
    fields = [
        node.redis_id,
        f"{node.host}:{node.client_port}@{node.bus_port}",
        ",".join(_flags(node)),
        "-" if node.master is None else to_redis_id(node.master),
        "0",  # when a ping was sent that is still open: heartbeats are not asked for
        str(node.pong_ms),
        str(node.config_epoch),
        "connected" if node.is_reachable else "disconnected",
    ]
    if len(node.slots):
        fields.append(str(node.slots))
    if node.is_self:
        open_slots = [(slot, "->-", to) for slot, to in marks.migrating.items()]
        open_slots += [(slot, "-<-", source) for slot, source in marks.importing.items()]
        fields += [
            f"[{slot}{arrow}{to_redis_id(other)}]" for slot, arrow, other in sorted(open_slots)
        ]
    return " ".join(fields)


def _flags(node: PicturedNode) -> list[str]:
    flags = ["myself"] if node.is_self else []
    flags.append("master" if node.master is None else "slave")
    if node.is_suspected:
        flags.append("fail?")
    if node.is_failed:
        flags.append("fail")
    return flags


def slots_reply(picture: ClusterPicture) -> Reply:
    """Return ranges in the order of slots, each with its leader and the leader's replicas."""
    found = []
    for node in picture.nodes:
        if not len(node.slots):
            continue
        replicas = [one for one in picture.replicas_of(node.node) if not one.is_failed]
        holders = [_holder(one) for one in (node, *replicas)]
        found += [(first, last, holders) for first, last in node.slots.ranges]
    found.sort(key=lambda entry: entry[0])
    return Array([
        Array([integer(first), integer(last), *holders]) for first, last, holders in found
    ])  # fmt: skip


def _holder(node: PicturedNode) -> Reply:
    """Address, port, id, and a map of further addresses, of which there are none."""
    return Array([
        text(node.host), integer(node.client_port), text(node.redis_id), Map([]),
    ])  # fmt: skip


def shards_reply(picture: ClusterPicture) -> Reply:
    """Return a shard per master: its slots, itself and its replicas."""
    return Array([
        Map([
            (text("slots"), array([
                integer(bound) for span in master.slots.ranges for bound in span
            ])),
            (text("nodes"), Array([
                _shard_node(one) for one in (master, *picture.replicas_of(master.node))
            ])),
        ])
        for master in picture.nodes
        if master.master is None
    ])  # fmt: skip


def _shard_node(node: PicturedNode) -> Reply:
    return Map([
        (text("id"), text(node.redis_id)),
        (text("port"), integer(node.client_port)),
        (text("ip"), text(node.host)),
        (text("endpoint"), text(node.host)),
        (text("role"), text("master" if node.master is None else "replica")),
        (text("replication-offset"), integer(0)),
        (text("health"), text("online" if node.is_reachable else "fail")),
    ])  # fmt: skip


def info_text(
    picture: ClusterPicture, statistics: ClusterStatistics, *, epoch: int, needs_coverage: bool
) -> str:
    """Return the lines of CLUSTER INFO; `epoch` is that of the map, 0 without one."""
    counts = {"assigned": 0, "ok": 0, "pfail": 0, "fail": 0}
    for node in picture.nodes:
        state = "fail" if node.is_failed else "pfail" if node.is_suspected else "ok"
        counts["assigned"] += len(node.slots)
        counts[state] += len(node.slots)
    state = "ok" if picture.is_ok(needs_coverage=needs_coverage) else "fail"
    lines: list[tuple[str, int | str]] = [("cluster_state", state)]
    lines += [(f"cluster_slots_{name}", count) for name, count in counts.items()]
    lines += [
        ("cluster_known_nodes", len(picture.nodes)),
        ("cluster_size", sum([len(node.slots) > 0 for node in picture.nodes])),
        ("cluster_current_epoch", max([node.config_epoch for node in picture.nodes])),
        ("cluster_my_epoch", picture.own.config_epoch),
        *_message_lines(statistics),
        ("total_cluster_links_buffer_limit_exceeded", statistics.peers.dropped),
        ("meridian_map_epoch", epoch),
    ]
    return "".join([f"{name}:{value}\r\n" for name, value in lines])


def _message_lines(statistics: ClusterStatistics) -> list[tuple[str, int | str]]:
    """Counters of messages: those over links by kind, and all datagrams as gossip."""
    lines: list[tuple[str, int | str]] = []
    for word, messages, datagrams in (
        ("sent", statistics.peers.messages_out, statistics.datagrams.sent),
        ("received", statistics.peers.messages_in, statistics.datagrams.received),
    ):
        lines += [
            (f"cluster_stats_messages_{kind.lower()}_{word}", count)
            for kind, count in sorted(messages.items())
        ]
        if datagrams:
            lines.append((f"cluster_stats_messages_datagram_{word}", datagrams))
        lines.append((f"cluster_stats_messages_{word}", sum(messages.values()) + datagrams))
    return lines


def links_reply(links: Iterable[LinkView]) -> Reply:
    """Return one map per link, as CLUSTER LINKS."""
    return Array([
        Map([
            (text("direction"), text("to" if link.is_outgoing else "from")),
            (text("node"), text(to_redis_id(link.node))),
            (text("create-time"), integer(link.created_ms)),
            (text("events"), bulk(link.events.encode())),
            (text("send-buffer-allocated"), integer(link.send_buffer_allocated)),
            (text("send-buffer-used"), integer(link.send_buffer_used)),
        ])
        for link in links
    ])  # fmt: skip
