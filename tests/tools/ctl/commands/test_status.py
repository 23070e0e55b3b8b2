"""`meridian-ctl status`."""

from __future__ import annotations

import json

import attrs
import pytest

from cluster.map.commands import UnassignSlots
from cluster.slots import SlotSet
from tests.cluster.map.maps import CLUSTER, first_map, node_id, run
from tests.harness.told_cluster import STATISTICS, ToldCluster, told_cluster
from tests.tools.answering_server import answering_server
from tests.tools.ctl.test_progress import moving
from tests.tools.ctl.told_server import ran
from tools.ctl.__main__ import main
from tools.ctl.commands.status import uptime

INFO = {
    b"server": b"meridian_version:0.1.0\r\nredis_version:7.0.15\r\nprocess_id:12\r\n"
    b"uptime_in_seconds:93784\r\n",
    b"clients": b"connected_clients:3\r\nblocked_clients:0\r\nmaxclients:10000\r\n",
    b"memory": b"used_memory_rss_human:50.1M\r\n",
    b"stats": b"total_commands_processed:99\r\ninstantaneous_ops_per_sec:7\r\n",
    b"persistence": b"loading:0\r\naof_last_write_status:ok\r\n",
    b"keyspace": b"db0:keys=2,expires=1,avg_ttl=0\r\n",
    b"cluster": b"cluster_enabled:0\r\n",
}


def answering(command: list[bytes]) -> bytes:
    """A server with something to tell."""
    text = INFO[command[1]]
    return b"$%d\r\n%b\r\n" % (len(text), text)


def test_the_most_important_is_on_a_few_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """Version, uptime, clients, memory, commands and keys."""
    with answering_server(answering) as server:
        assert main(["--server", str(server.address), "status"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        f"meridian 0.1.0 at {server.address}, process 12",
        "  follows Redis 7.0.15, up 1 d 2 h",
        "  3 connected, 0 blocked, at most 10000",
        "  50.1M memory",
        "  99 commands so far, 7 per second now",
        "  last write to the log: ok, loading: 0",
        "  db0: keys=2,expires=1,avg_ttl=0",
    ]


def test_json_has_every_field(capsys: pytest.CaptureFixture[str]) -> None:
    """One document with the sections of INFO."""
    with answering_server(answering) as server:
        assert main(["--server", str(server.address), "status", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["clients"]["maxclients"] == "10000"
    assert set(document) == {name.decode() for name in INFO} - {"cluster"}


def test_a_node_of_a_cluster_says_how_that_is(capsys: pytest.CaptureFixture[str]) -> None:
    """Who is there, what the map is, and each trouble on a line of its own."""
    current = run(first_map(3), UnassignSlots(SlotSet.span(0, 4)))
    code, lines, _ = ran(told_cluster(current, node_id(2)), capsys, "status")
    assert code == 0
    assert lines[-5:-2] == [
        f"node {node_id(0)}, gossip at 127.0.0.1:17400",
        f"  cluster {CLUSTER}, map of epoch 2: 3 members, 128 partitions of 3 replicas",
        "  nodes seen: 2 alive, 1 dead",
    ]
    assert lines[-2] == "  ! 5 slots belong to nobody"
    assert lines[-1].startswith(f"  ! {node_id(2)} is dead; the ")


def test_only_some_of_many_waits_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """JSON names all of them."""
    cluster = told_cluster(moving(5))
    # What a sixth one waited for is no news: it does not move any more.
    control = attrs.evolve(STATISTICS.control, waiting_for=dict.fromkeys(range(6), "2 keys"))
    cluster.figures = attrs.evolve(STATISTICS, control=control)
    _, lines, _ = ran(cluster, capsys, "status")
    assert lines[-4:] == [
        "  partition 0 waits: 2 keys",
        "  partition 1 waits: 2 keys",
        "  partition 2 waits: 2 keys",
        "  and 2 more wait; --json names all",
    ]


def test_an_unformed_node_says_what_it_waits_for(capsys: pytest.CaptureFixture[str]) -> None:
    """It has no map to speak of."""
    _, lines, _ = ran(ToldCluster(), capsys, "status")
    assert lines[-1] == "  ! this node belongs to no cluster yet, so it serves no keys"
    _, lines, _ = ran(ToldCluster(), capsys, "status", "--json")
    assert json.loads(lines[-1])["cluster"]["is_formed"] is False


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59, "59 s"), (61, "1 min"), (3600, "1 h"), (90060, "1 d 1 h")],
)
def test_uptime_is_in_words(seconds: int, text: str) -> None:
    """The two largest units."""
    assert uptime({"uptime_in_seconds": str(seconds)}) == text
