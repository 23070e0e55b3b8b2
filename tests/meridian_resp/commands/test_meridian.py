"""MERIDIAN: documents as replies."""

from __future__ import annotations

import json
from typing import Any

import pytest

from meridian_resp.commands.meridian import HELP
from meridian_resp.commands.registry import Flag
from tests.cluster.map.maps import first_map
from tests.harness.fake_server import ServerRunner
from tests.harness.told_cluster import ToldCluster, told_cluster

QUESTIONS = ("CLUSTER-STATUS", "NODES", "RING", "MAP", "PHI", "METADATA")


def answered(runner: ServerRunner, name: str) -> Any:
    """The JSON in the bulk string that answers a question."""
    reply = runner.run(f"MERIDIAN {name}")
    head, _, rest = reply.partition(b"\r\n")
    body = rest.removesuffix(b"\r\n")
    assert head == b"$%d" % len(body)
    return json.loads(body)


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_is_answered_with_json(name: str) -> None:
    """In a bulk string, in RESP3 as in RESP2."""
    runner = ServerRunner()
    runner.fake.cluster = told_cluster(first_map(3))
    document = answered(runner, name)
    assert answered(runner.resp3(), name) == document


@pytest.mark.parametrize("name", QUESTIONS)
def test_without_a_cluster_there_is_nothing_to_say(name: str) -> None:
    """The error is that of CLUSTER on such a server."""
    refused = b"-ERR This instance has cluster support disabled\r\n"
    assert ServerRunner().run(f"MERIDIAN {name}") == refused


@pytest.mark.parametrize("name", ["RING", "MAP"])
def test_an_unformed_node_has_no_map(name: str) -> None:
    """The error says how to come to one."""
    runner = ServerRunner()
    runner.fake.cluster = ToldCluster()
    reply = runner.run(f"MERIDIAN {name}")
    assert reply.startswith(b"-ERR this node belongs to no cluster yet; MERIDIAN JOIN")


def test_an_unformed_node_answers_the_other_questions() -> None:
    """Status, nodes, phi and the metadata log."""
    runner = ServerRunner()
    runner.fake.cluster = ToldCluster()
    assert answered(runner, "CLUSTER-STATUS")["is_formed"] is False
    assert answered(runner, "NODES") == answered(runner, "PHI") == []
    assert answered(runner, "METADATA")["role"] == "leader"


def test_help_names_every_subcommand() -> None:
    """And nothing else."""
    spec = ServerRunner().commands.find(b"meridian")
    assert spec is not None
    documented = {usage.split()[0].lower() for usage, _ in HELP} | {"help"}
    assert {child.name for child in spec.subcommands} == documented
    assert b"Subcommands are:" in ServerRunner().run("MERIDIAN HELP")


def test_it_is_for_administrators_and_not_in_transactions() -> None:
    """Every sub-command but HELP."""
    spec = ServerRunner().commands.find(b"meridian")
    assert spec is not None
    for child in spec.subcommands:
        if child.name != "help":
            assert Flag.ADMIN | Flag.NO_MULTI in child.flags


def test_an_unknown_subcommand_is_refused() -> None:
    """As in every container."""
    assert ServerRunner().run("MERIDIAN FOO").startswith(b"-ERR unknown subcommand 'FOO'")
