from __future__ import annotations

import attrs
import pytest

from cluster.control import requests
from cluster.control.requests import Done, Request, RequestRefused
from cluster.identity import Endpoint
from cluster.map.values import Claim
from cluster.slots import SlotSet
from tests.harness.cluster_runner import ClusterRunner
from tests.harness.fake_cluster import map_of, member, node_id

ID = [f"00000000000040008000{number:012x}00000000" for number in range(5)]
OK = b"+OK\r\n"
NO_ACTION = "Invalid CLUSTER SETSLOT action or number of arguments. Try CLUSTER HELP"
WRONG_CALL = "unknown subcommand or wrong number of arguments for '{}'. Try CLUSTER HELP."
NOT_EMPTY = "To set a master the node must be empty and without assigned slots."


def formed() -> ClusterRunner:
    """Node 1 of a cluster of two, in which slots from 200 on are nobody's."""
    runner = ClusterRunner()
    runner.cluster.views = [member(1), member(2)]
    runner.cluster.set_map(map_of({1: "0-99", 2: "100-199"}))
    return runner


@pytest.mark.parametrize(
    ("command", "request_made"),
    [
        ("addslots 300 301 303", requests.AddSlots(SlotSet.parse("300-301 303"))),
        ("addslotsrange 300 310 400 400", requests.AddSlots(SlotSet.parse("300-310 400"))),
        ("delslots 5", requests.DelSlots(SlotSet.parse("5"))),
        ("delslotsrange 0 9 150 160", requests.DelSlots(SlotSet.parse("0-9 150-160"))),
        ("flushslots", requests.FlushSlots()),
        (f"setslot 5 node {ID[2]}", requests.MoveSlots(SlotSet.parse("5"), node_id(2))),
        (f"forget {ID[2]}", requests.Forget(node_id(2))),
        ("reset", requests.Reset(False)),
        ("reset soft", requests.Reset(False)),
        ("reset HARD", requests.Reset(True)),
    ],
)
def test_a_change_is_a_request(command: str, request_made: Request) -> None:
    """It is answered with OK when that is done, and with its text when it is refused."""
    runner = formed()
    assert runner.change(f"cluster {command}") == OK
    assert runner.cluster.asked == [request_made]
    runner.cluster.answer = RequestRefused("12 keys are in the way")
    assert runner.change(f"cluster {command}") == b"-ERR 12 keys are in the way\r\n"
    runner.cluster.answer = RequestRefused("TRYAGAIN nobody leads", is_unknown=True)
    reply = runner.change(f"cluster {command}")
    assert reply.startswith(b"-TRYAGAIN nobody leads; it may still be carried out")


@pytest.mark.parametrize(
    ("command", "text"),
    [
        ("addslots 5", "Slot 5 is already busy"),
        ("addslots 150", "Slot 150 is already busy"),
        ("addslots 300 300", "Slot 300 specified multiple times"),
        ("addslots 16384", "Invalid or out of range slot"),
        ("addslots x", "Invalid or out of range slot"),
        ("addslotsrange 310 300", "start slot number 310 is greater than end slot number 300"),
        ("addslotsrange 1 2 3", "wrong number of arguments for 'cluster|addslotsrange' command"),
        ("delslots 300", "Slot 300 is already unassigned"),
        ("delslots 5 5", "Slot 5 specified multiple times"),
        ("delslotsrange 90 210", "Slot 200 is already unassigned"),
        ("setslot 5 foo", NO_ACTION),
        ("setslot 5 node", NO_ACTION),
        ("setslot 5 foo x", NO_ACTION),
        ("setslot 5 node abc", "Unknown node abc"),
        ("setslot 150 migrating abc", "I'm not the owner of hash slot 150"),
        ("setslot 5 migrating abc", "I don't know about node abc"),
        ("setslot 5 importing abc", "I'm already the owner of hash slot 5"),
        ("setslot 150 importing abc", "I don't know about node abc"),
        ("setslot x stable", "Invalid or out of range slot"),
        ("forget abc", "Unknown node abc"),
        (f"forget {ID[1]}", "I tried hard but I can't forget myself..."),
        ("replicate abc", "Unknown node abc"),
        (f"replicate {ID[1]}", "Can't replicate myself"),
        (f"replicate {ID[2]}", NOT_EMPTY),
        ("set-config-epoch x", "value is not an integer or out of range"),
        ("set-config-epoch -1", "Invalid config epoch specified: -1"),
        ("reset x", "syntax error"),
        ("reset hard x", WRONG_CALL.format("reset")),
        ("failover", "You should send CLUSTER FAILOVER to a replica"),
        ("failover x", "syntax error"),
        ("failover force x", WRONG_CALL.format("failover")),
        ("meet abc 1", "Invalid node address specified: abc:1"),
        ("meet 127.0.0.1 x", "Invalid TCP base port specified: x"),
        ("meet 127.0.0.1 99999", "Invalid node address specified: 127.0.0.1:99999"),
        ("meet 127.0.0.1 7000 x", "Invalid TCP bus port specified: x"),
        ("meet 127.0.0.1 1 2 3", WRONG_CALL.format("meet")),
    ],
)  # fmt: skip
def test_what_this_node_knows_is_checked_first(command: str, text: str) -> None:
    """In the words of Redis, and nothing is asked of the control plane."""
    runner = formed()
    assert runner.change(f"cluster {command}") == f"-ERR {text}\r\n".encode()
    assert not runner.cluster.asked


def test_nothing_changes_without_cluster_enabled() -> None:
    """Every one of them is refused as in Redis."""
    runner = ClusterRunner(is_enabled=False)
    refusal = b"-ERR This instance has cluster support disabled\r\n"
    for command in (
        "meet 127.0.0.1 7000", "forget x", "addslots 1", "addslotsrange 1 2", "delslots 1",
        "delslotsrange 1 2", "flushslots", "setslot 1 node x", "replicate x", "saveconfig",
        "bumpepoch", "set-config-epoch 1", "reset", "failover",
    ):  # fmt: skip
        assert runner.change(f"cluster {command}") == refusal, command


def test_an_unformed_node_claims() -> None:
    """What it claims already is busy, and its claims can be taken back."""
    runner = ClusterRunner()
    runner.cluster.claim = Claim(node_id(1), SlotSet.parse("7"), 0)
    assert runner.change("cluster addslots 7") == b"-ERR Slot 7 is already busy\r\n"
    assert runner.change("cluster addslots 8") == OK
    assert runner.change("cluster delslots 7") == OK
    assert runner.change("cluster set-config-epoch 5") == OK
    assert runner.cluster.asked == [
        requests.AddSlots(SlotSet.parse("8")),
        requests.DelSlots(SlotSet.parse("7")),
        requests.SetConfigEpoch(5),
    ]
    runner.cluster.claim = Claim(node_id(1), SlotSet.parse("7"), 5)
    refusal = b"-ERR Node config epoch is already non-zero\r\n"
    assert runner.change("cluster set-config-epoch 6") == refusal
    runner.cluster.views.append(member(2))
    assert runner.change("cluster set-config-epoch 6").startswith(b"-ERR The user can assign")


def test_meet_looks_where_the_bus_port_may_be() -> None:
    """As far from the client port as here, then where Redis has it; or where it is told."""
    runner = formed()
    runner.cluster.views[0] = member(1)  # 7001, 17001: both places are the same
    assert runner.change("cluster meet 127.0.0.1 7005") == OK
    assert runner.change("cluster meet ::1 7005 7400") == OK
    assert runner.cluster.asked == [
        requests.Meet((Endpoint("127.0.0.1", 17005),)),
        requests.Meet((Endpoint("::1", 7400),)),
    ]
    assert runner.change("cluster meet 127.0.0.1 60000").startswith(b"-ERR Invalid node address")


def test_slots_with_marks_are_shown_until_they_are_stable() -> None:
    """On the line of this node only; giving the slot away removes the mark."""
    runner = formed()
    assert runner.change(f"cluster setslot 5 migrating {ID[2]}") == OK
    assert runner.change(f"cluster setslot 150 importing {ID[2]}") == OK
    own, other = runner.run("cluster nodes").decode().splitlines()[1:3]
    assert own.endswith(f" 0-99 [5->-{ID[2]}] [150-<-{ID[2]}]")
    assert other.endswith(" 100-199")
    assert runner.change("cluster setslot 150 stable") == OK
    assert runner.change(f"cluster setslot 5 node {ID[2]}") == OK
    assert runner.run("cluster nodes").decode().splitlines()[1].endswith(" 0-99")


def test_nothing_is_flushed_or_reset_over_keys() -> None:
    """Whoever wants that deletes them first."""
    runner = formed()
    runner.run("set a 1")
    assert runner.change("cluster flushslots").startswith(b"-ERR DB must be empty")
    assert runner.change("cluster reset").startswith(b"-ERR CLUSTER RESET can't be called with")
    assert not runner.cluster.asked


def test_bumpepoch_says_whether_the_epoch_changed() -> None:
    """And which one it is."""
    runner = formed()
    assert runner.change("cluster bumpepoch") == b"+STILL 1\r\n"

    def bump(request: Request) -> None:
        before = map_of({1: "0-99", 2: "100-199"})
        changed = attrs.evolve(before.members[node_id(1)], config_epoch=3)
        members = {**before.members, node_id(1): changed}
        runner.cluster.set_map(attrs.evolve(before, epoch=2, members=members))

    runner.cluster.on_request = bump
    assert runner.change("cluster bumpepoch") == b"+BUMPED 3\r\n"
    assert runner.cluster.asked == [requests.BumpEpoch()] * 2


def test_replicas_are_of_masters() -> None:
    """A node without slots and keys may replicate a master, and none that replicates itself."""
    runner = ClusterRunner()
    runner.cluster.views = [member(1), member(2), member(3)]
    runner.cluster.set_map(map_of({1: "", 2: "0-16383", 3: ""}, replicates={3: 2}))
    assert runner.change(f"cluster replicate {ID[2]}") == OK
    assert runner.change(f"cluster replicate {ID[3]}").startswith(b"-ERR I can only replicate a")
    assert runner.change(f"cluster setslot 1 migrating {ID[3]}").startswith(b"-ERR I'm not the")
    assert runner.change(f"cluster setslot 1 importing {ID[3]}").startswith(b"-ERR Target node is")
    assert runner.cluster.asked == [requests.Replicate(node_id(2))]
    runner.cluster.set_map(map_of({1: "", 2: "0-16383", 3: ""}, replicates={1: 2}))
    assert runner.change("cluster failover").startswith(b"-ERR Failover is not possible: no node")
    assert runner.change(f"cluster forget {ID[2]}") == b"-ERR Can't forget my master!\r\n"
    assert runner.change("cluster setslot 1 stable").startswith(b"-ERR You can use SETSLOT only")


def test_a_transaction_does_not_wait_for_the_control_plane() -> None:
    """What would have to is refused, and the rest of the transaction runs."""
    runner = formed()
    runner.fake.is_in_transaction = True
    refusal = b"-ERR Command not allowed inside a transaction\r\n"
    assert runner.change("cluster addslots 300") == refusal
    assert not runner.cluster.asked


def test_done_has_a_text_that_clients_do_not_get() -> None:
    """OK is what they expect."""
    runner = formed()
    runner.cluster.answer = Done("moved", 9)
    assert runner.change("cluster addslots 300") == OK
