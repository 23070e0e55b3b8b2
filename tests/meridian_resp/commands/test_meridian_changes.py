"""MERIDIAN's changes: which request each becomes, and what its answer looks like."""

from __future__ import annotations

import pytest
import trio

from cluster.control import requests as r
from cluster.identity import Endpoint
from cluster.map.commands import SetFeature
from cluster.slots import SlotSet
from meridian_resp.commands.outcomes import Later
from meridian_resp.errors import CommandError
from tests.cluster.map.maps import first_map, node_id
from tests.cluster.map.maps import run as applied
from tests.harness.fake_server import ServerRunner
from tests.harness.told_cluster import ToldCluster, told_cluster


def prepared(cluster: ToldCluster) -> ServerRunner:
    """A runner whose server is a node of this cluster."""
    runner = ServerRunner()
    runner.fake.cluster = cluster
    return runner


def later(runner: ServerRunner, command: str) -> Later:
    """The work that a change leaves for later."""
    words = [word.encode() for word in command.split()]
    container = runner.commands.find(words[0])
    assert container is not None
    spec = runner.commands.find_subcommand(container, words[1])
    assert spec is not None and spec.accepts(len(words))
    outcome = spec.handler(runner, words)
    assert isinstance(outcome, Later)
    return outcome


FIRST, SECOND = node_id(0), node_id(1)


@pytest.mark.parametrize(
    ("command", "request_made"),
    [
        (
            "JOIN a b:7 [::1]:8",
            r.Meet((Endpoint("a", 17400), Endpoint("b", 7), Endpoint("::1", 8))),
        ),
        ("FORM", r.Form()),
        ("COMMIT 14", r.CommitPlan(14)),
        (f"DRAIN {SECOND}", r.Drain(SECOND)),
        (f"ACTIVATE {SECOND}", r.Activate(SECOND)),
        (f"DECOMMISSION {SECOND}", r.Decommission(SECOND)),
        (f"WRITE-OFF {SECOND} LOSE-ITS-KEYS", r.WriteOff(SECOND)),
        (f"REPLACE {FIRST} {SECOND}", r.Replace(FIRST, SECOND)),
        (f"WEIGHT {SECOND} 2.5", r.SetWeight(SECOND, 2.5)),
        ("SETTING auto-rebalance no", r.SetSetting("auto-rebalance", "no")),
        ("FEATURE x OFF", r.SetFeature("x", is_on=False)),
        ("UNPIN 0-9 20", r.Unpin(SlotSet.of([*range(10), 20]))),
        ("ABORT 7", r.AbortTransition(7)),
        ("FORCE-SYNC", r.ForceSync()),
    ],
)
def test_each_change_is_one_request(command: str, request_made: r.Request) -> None:
    """It is made when the work begins, and its answer is JSON with text and epoch."""
    cluster = told_cluster(applied(first_map(2), SetFeature("x", is_on=True)))
    cluster.answer = lambda request: r.Done("done so", 15)
    runner = prepared(cluster)
    work = later(runner, f"MERIDIAN {command}").work
    assert cluster.asked == []
    assert trio.run(work) == b'$29\r\n{"text":"done so","epoch":15}\r\n'
    assert cluster.asked == [request_made]


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (r.RequestRefused("the map has moved on"), "ERR the map has moved on"),
        (r.RequestRefused("ERR Unknown node x"), "ERR Unknown node x"),
        (r.RequestRefused("CLUSTERDOWN nobody leads"), "CLUSTERDOWN nobody leads"),
        (
            r.RequestRefused("no answer came", is_unknown=True),
            "ERR no answer came; it may still be carried out, look before you repeat it",
        ),
    ],
)
def test_a_refusal_is_an_error_reply(answer: r.RequestRefused, text: str) -> None:
    """With a code; and it says so when nobody knows what became of it."""
    cluster = told_cluster(first_map(2))
    cluster.answer = lambda request: answer
    runner = prepared(cluster)
    with pytest.raises(CommandError) as refused:
        trio.run(later(runner, "MERIDIAN FORM").work)
    assert refused.value.text == text


@pytest.mark.parametrize(
    "command",
    [
        "MERIDIAN COMMIT 0",
        "MERIDIAN COMMIT x",
        "MERIDIAN DRAIN 7",
        f"MERIDIAN REPLACE {FIRST} {FIRST}",
        f"MERIDIAN WEIGHT {FIRST} -1",
        "MERIDIAN FEATURE x maybe",
        "MERIDIAN FEATURE x ON",
        "MERIDIAN UNPIN 16384",
        "MERIDIAN UNPIN 5-3",
        "MERIDIAN ABORT 16384",
        "MERIDIAN JOIN a:0",
    ],
)
def test_wrong_arguments_ask_for_nothing(command: str) -> None:
    """They are refused at once."""
    cluster = told_cluster(first_map(2))
    runner = prepared(cluster)
    assert runner.run(command).startswith(b"-ERR ")
    assert cluster.asked == []


def test_an_empty_value_removes_a_setting() -> None:
    """It is an argument like any other."""
    cluster = told_cluster(first_map(2))
    runner = prepared(cluster)
    container = runner.commands.find(b"meridian")
    assert container is not None
    spec = runner.commands.find_subcommand(container, b"setting")
    assert spec is not None
    outcome = spec.handler(runner, [b"MERIDIAN", b"SETTING", b"auto-rebalance", b""])
    assert isinstance(outcome, Later)
    trio.run(outcome.work)
    assert cluster.asked == [r.SetSetting("auto-rebalance", "")]


def test_without_a_cluster_nothing_can_be_changed() -> None:
    """The error is that of CLUSTER on such a server."""
    refused = b"-ERR This instance has cluster support disabled\r\n"
    assert ServerRunner().run("MERIDIAN FORM") == refused
