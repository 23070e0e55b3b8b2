from __future__ import annotations

import pytest

from cluster.identity import Endpoint
from cluster.map.values import Claim
from cluster.membership.messages import MemberStatus
from cluster.slots import SlotSet, slot_of
from cluster.transport.statistics import LinkView
from meridian_resp.config.settings import Settings
from tests.harness.cluster_runner import ClusterRunner
from tests.harness.fake_cluster import map_of, member, node_id

ID = [f"00000000000040008000{number:012x}00000000" for number in range(5)]
THREE = {1: "0-5460", 2: "5461-10922", 3: "10923-16383"}


def lines(reply: bytes) -> list[str]:
    """The lines of a bulk reply."""
    return reply.decode().split("\r\n", 1)[1].strip().splitlines()


def facts(reply: bytes) -> dict[str, str]:
    """The fields of CLUSTER INFO."""
    return dict(line.split(":") for line in lines(reply) if line)


def formed() -> ClusterRunner:
    """Node 1 of a cluster of three."""
    runner = ClusterRunner()
    runner.cluster.views = [member(1), member(2), member(3)]
    runner.cluster.set_map(map_of(THREE, epoch=7))
    return runner


@pytest.mark.parametrize(
    "command",
    [
        "cluster info", "cluster nodes", "cluster slots", "cluster shards", "cluster myid",
        "cluster myshardid", "cluster keyslot a", "cluster countkeysinslot 1",
        "cluster getkeysinslot 1 1", "cluster replicas x", "cluster slaves x", "cluster links",
        "cluster count-failure-reports x", "cluster help", "asking", "readonly", "readwrite",
        "cluster saveconfig", "cluster failover", "cluster setslot 1 stable",
    ],
)  # fmt: skip
def test_without_cluster_enabled_everything_is_refused(command: str) -> None:
    """In Redis' words, whatever the arguments."""
    refusal = b"-ERR This instance has cluster support disabled\r\n"
    assert ClusterRunner(is_enabled=False).run(command) == refusal


def test_nodes_of_a_node_that_is_alone() -> None:
    """One line, its own, with what it claims: eight fields and then the slots."""
    runner = ClusterRunner()
    assert lines(runner.run("cluster nodes")) == [
        f"{ID[1]} 127.0.0.1:7001@17001 myself,master - 0 0 0 connected"
    ]
    runner.cluster.claim = Claim(node_id(1), SlotSet.parse("0-1 5"), 3)
    assert lines(runner.run("cluster nodes")) == [
        f"{ID[1]} 127.0.0.1:7001@17001 myself,master - 0 0 3 connected 0-1 5"
    ]
    assert runner.run("cluster nodes").endswith(b"\n\r\n")


def test_nodes_of_a_formed_cluster() -> None:
    """A line per member in the order of ids; times in milliseconds, epochs of the members."""
    runner = formed()
    runner.cluster.silence(2, 1.5)
    runner.cluster.views[2] = member(3, MemberStatus.DEAD)
    now = runner.now_ms
    assert lines(runner.run("cluster nodes")) == [
        f"{ID[1]} 127.0.0.1:7001@17001 myself,master - 0 0 1 connected 0-5460",
        f"{ID[2]} 127.0.0.1:7002@17002 master,fail? - 0 {now - 1500} 2 disconnected 5461-10922",
        f"{ID[3]} 127.0.0.1:7003@17003 master,fail - 0 0 3 disconnected 10923-16383",
    ]


def test_whoever_is_met_but_not_a_member_is_shown_without_slots() -> None:
    """`redis-cli --cluster create` counts known nodes; who has left is not one."""
    runner = formed()
    runner.cluster.views += [member(4), member(5, MemberStatus.LEFT)]
    assert lines(runner.run("cluster nodes"))[3].startswith(f"{ID[4]} 127.0.0.1:7004@17004 master")
    assert len(lines(runner.run("cluster nodes"))) == 4
    assert facts(runner.run("cluster info"))["cluster_known_nodes"] == "4"


def test_a_node_that_replicates_and_leads_nothing_is_a_slave() -> None:
    """In NODES, SLOTS, SHARDS and REPLICAS, and its shard is its master's."""
    runner = ClusterRunner()
    runner.cluster.views = [member(1), member(2)]
    runner.cluster.set_map(map_of({1: "", 2: "0-16383"}, replicates={1: 2}))
    own, master = lines(runner.run("cluster nodes"))
    assert own == f"{ID[1]} 127.0.0.1:7001@17001 myself,slave {ID[2]} 0 0 1 connected"
    assert master.endswith("connected 0-16383")
    assert runner.run("cluster myshardid") == f"$40\r\n{ID[2]}\r\n".encode()
    assert runner.run(f"cluster replicas {ID[2]}").startswith(b"*1\r\n$")
    assert runner.run(f"cluster slaves {ID[1]}") == b"-ERR The specified node is not a master\r\n"
    assert runner.run("cluster slots").count(b"$40\r\n") == 2
    assert runner.run("cluster shards").startswith(b"*1\r\n")
    assert b"$7\r\nreplica\r\n" in runner.run("cluster shards")


def test_slots_are_merged_ranges_in_order() -> None:
    """First, last, and who serves them: address, port, id and an empty map."""
    runner = ClusterRunner()
    runner.cluster.set_map(map_of({1: "0-1 5", 2: "2-4"}))
    node = f"*4\r\n$9\r\n127.0.0.1\r\n:700%d\r\n$40\r\n{ID[0][:-9]}%d00000000\r\n*0\r\n"
    expected = "*3\r\n"
    for first, last, number in ((0, 1, 1), (2, 4, 2), (5, 5, 1)):
        expected += f"*3\r\n:{first}\r\n:{last}\r\n" + node % (number, number)
    assert runner.run("cluster slots") == expected.encode()
    assert runner.resp3().run("cluster slots").count(b"%0\r\n") == 3


def test_shards_are_masters_with_slots_as_pairs() -> None:
    """A master without slots is a shard too."""
    runner = ClusterRunner()
    runner.cluster.views = [member(1), member(2)]
    runner.cluster.set_map(map_of({1: "0-1 5", 2: ""}))
    reply = runner.run("cluster shards")
    assert reply.startswith(
        b"*2\r\n*4\r\n$5\r\nslots\r\n*4\r\n:0\r\n:1\r\n:5\r\n:5\r\n$5\r\nnodes\r\n*1\r\n*14\r\n"
    )
    assert b"$6\r\nhealth\r\n$6\r\nonline\r\n*4\r\n$5\r\nslots\r\n*0\r\n" in reply


def test_info_counts_slots_by_the_health_of_their_nodes() -> None:
    """And the state is ok as long as keys are served, or all of them where that is wanted."""
    runner = formed()
    found = facts(runner.run("cluster info"))
    assert found["cluster_state"] == "ok"
    assert found["cluster_slots_assigned"] == found["cluster_slots_ok"] == "16384"
    assert (found["cluster_size"], found["cluster_known_nodes"]) == ("3", "3")
    assert (found["cluster_current_epoch"], found["cluster_my_epoch"]) == ("3", "1")
    assert found["meridian_map_epoch"] == "7"
    runner.cluster.views[1:] = [
        member(2, MemberStatus.SUSPECTED),
        member(3, MemberStatus.DEAD),
    ]
    found = facts(runner.run("cluster info"))
    assert found["cluster_slots_pfail"] == "5462"
    assert found["cluster_slots_fail"] == "5461"
    assert found["cluster_slots_ok"] == "5461"
    assert found["cluster_state"] == "ok"
    runner.settings = Settings(cluster_enabled=True, cluster_require_full_coverage=True)
    assert facts(runner.run("cluster info"))["cluster_state"] == "fail"


def test_info_of_an_unformed_node_says_fail() -> None:
    """Whatever it claims; and it counts itself."""
    runner = ClusterRunner()
    runner.cluster.claim = Claim(node_id(1), SlotSet.span(0, 16383), 0)
    found = facts(runner.run("cluster info"))
    assert found["cluster_state"] == "fail"
    assert found["cluster_slots_assigned"] == "16384"
    assert found["cluster_known_nodes"] == "1"


def test_info_sums_up_messages() -> None:
    """By kind, and all together."""
    runner = formed()
    runner.cluster.counters.sent = {"Forward": 2, "MapRequest": 1}
    runner.cluster.counters.received = {"ForwardReply": 2}
    found = facts(runner.run("cluster info"))
    assert found["cluster_stats_messages_forward_sent"] == "2"
    assert found["cluster_stats_messages_sent"] == "3"
    assert found["cluster_stats_messages_received"] == "2"


def test_info_and_nodes_are_verbatim_texts_in_resp3() -> None:
    """As in Redis."""
    runner = formed().resp3()
    assert runner.run("cluster info").startswith(b"=")
    assert runner.run("cluster nodes").startswith(b"=")


def test_links_are_maps() -> None:
    """One per link and direction."""
    runner = formed()
    assert runner.run("cluster links") == b"*0\r\n"
    runner.cluster.link_views = [
        LinkView(True, node_id(2), Endpoint("127.0.0.1", 17002), 1234, "r", 10, 5)
    ]
    reply = runner.run("cluster links")
    assert reply.startswith(b"*1\r\n*12\r\n$9\r\ndirection\r\n$2\r\nto\r\n$4\r\nnode\r\n$40\r\n")
    assert b"$11\r\ncreate-time\r\n:1234\r\n$6\r\nevents\r\n$1\r\nr\r\n" in reply


def test_failure_reports_are_one_or_none() -> None:
    """Membership has agreed on them; an unknown node is refused."""
    runner = formed()
    assert runner.run(f"cluster count-failure-reports {ID[2]}") == b":0\r\n"
    runner.cluster.views[1] = member(2, MemberStatus.SUSPECTED)
    assert runner.run(f"cluster count-failure-reports {ID[2]}") == b":1\r\n"
    assert runner.run("cluster count-failure-reports abc") == b"-ERR Unknown node abc\r\n"


def test_keyslot_counts_the_tag_only() -> None:
    """As in storage keys."""
    runner = ClusterRunner()
    assert runner.run("cluster keyslot foo") == b":12182\r\n"
    assert runner.run("cluster keyslot {foo}bar") == b":12182\r\n"


def test_keys_of_a_slot_are_counted_and_given() -> None:
    """As many as are asked for; none of another slot."""
    runner = formed()
    for number in range(7):
        runner.run("set", f"{{a}}{number}", "x")
    runner.run("set b x")
    slot = slot_of(b"a")
    assert runner.run(f"cluster countkeysinslot {slot}") == b":7\r\n"
    assert runner.run(f"cluster countkeysinslot {slot_of(b'b')}") == b":1\r\n"
    assert runner.run(f"cluster getkeysinslot {slot} 2") == b"*2\r\n$4\r\n{a}0\r\n$4\r\n{a}1\r\n"
    assert runner.run(f"cluster getkeysinslot {slot} 100").startswith(b"*7\r\n")
    assert runner.run(f"cluster getkeysinslot {slot} 0") == b"*0\r\n"


@pytest.mark.parametrize(
    ("command", "text"),
    [
        ("countkeysinslot x", "value is not an integer or out of range"),
        ("countkeysinslot 16384", "Invalid slot"),
        ("getkeysinslot x 1", "value is not an integer or out of range"),
        ("getkeysinslot 1 x", "value is not an integer or out of range"),
        ("getkeysinslot 16384 1", "Invalid slot or number of keys"),
        ("getkeysinslot 1 -1", "Invalid slot or number of keys"),
        ("nonsense", "unknown subcommand 'nonsense'. Try CLUSTER HELP."),
    ],
)
def test_refusals_have_the_texts_of_redis(command: str, text: str) -> None:
    """Whatever is wrong first is named."""
    assert formed().run(f"cluster {command}") == f"-ERR {text}\r\n".encode()


def test_help_names_every_subcommand() -> None:
    """A command that is not in the help is not found by people."""
    runner = formed()
    reply = runner.run("cluster help").decode()
    spec = runner.commands.find(b"cluster")
    assert spec is not None
    for child in spec.subcommands:
        if child.name != "slaves":
            assert f"+{child.name.upper()}" in reply, child.name
