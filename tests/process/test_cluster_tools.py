"""An operator's day with meridian-ctl: join, look, grow, plan, commit, drain, decommission."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.harness.cluster_processes import ClusterProcess, agree, cluster_of, wait_until
from tools.ctl.__main__ import main

pytestmark = [pytest.mark.process, pytest.mark.slow, pytest.mark.timeout(180)]


class Operator:
    """Somebody at a terminal, who asks one node."""

    def __init__(self, node: ClusterProcess, capsys: pytest.CaptureFixture[str]) -> None:
        self.node = node
        self.capsys = capsys

    def run(self, *words: str) -> str:
        """The output of a command that must succeed."""
        code = main(["--server", self.node.socket_path, *words])
        captured = self.capsys.readouterr()
        assert (code, captured.err) == (0, ""), words
        return captured.out

    def ask(self, *words: str) -> Any:
        """The document that a command prints for programs."""
        return json.loads(self.run("--json", *words))

    def loads(self) -> dict[str, int]:
        """How many partitions each node leads, by the port of its clients."""
        return {str(row["client_port"]): row.get("leads", 0) for row in self.ask("nodes")["items"]}


def test_an_operators_day(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Three nodes join, a fourth gets its share when the plan is committed, and leaves again."""
    with cluster_of(tmp_path, 4, options=("--auto-rebalance", "no")) as nodes:
        operator = Operator(nodes[0], capsys)
        assert "belongs to no cluster yet" in operator.run("status")
        operator.run("join", *(f"{it.address}:{it.gossip_port}" for it in nodes[1:3]))
        wait_until(lambda: agree(nodes[:3]), 20, "three nodes are one cluster")
        assert set(operator.loads().values()) <= set(range(38, 48))
        assert "nothing to do" in operator.run("plan")

        fourth = nodes[3]
        Operator(fourth, capsys).run("join", f"{nodes[1].address}:{nodes[1].gossip_port}")
        wait_until(lambda: agree(nodes), 20, "the fourth is a member")
        assert operator.loads()[str(fourth.port)] == 0
        wait_until(
            lambda: all(Operator(n, capsys).ask("plan")["moved_replicas"] for n in nodes),
            20,
            "each has heard the fourth say which cluster it is of, and would give it a share",
        )
        plan = operator.ask("plan")
        operator.run("commit", str(plan["epoch"]), "--wait")
        assert operator.loads()[str(fourth.port)] >= 28
        assert operator.ask("ring")["most_over_share"] < 1.2

        identity = next(
            row["node"] for row in operator.ask("nodes")["items"]
            if row["client_port"] == fourth.port
        )  # fmt: skip
        operator.run("drain", identity[:13])
        operator.run("commit", "--wait")
        assert operator.loads()[str(fourth.port)] == 0
        operator.run("decommission", identity[:13])
        wait_until(
            lambda: identity not in json.dumps(operator.ask("map")["members"]), 20, "it is removed"
        )
        assert operator.ask("status")["cluster"]["troubles"] == []
        assert operator.ask("metadata")["term"] >= 1
        assert operator.run("phi").count("alive") >= 2
        operator.run("force-sync")
        assert "healthy" in operator.run("health")
