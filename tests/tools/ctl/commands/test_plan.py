"""`meridian-ctl plan`."""

from __future__ import annotations

import json

import pytest

from cluster.map.commands import AddMember
from tests.cluster.map.maps import first_map, member, node_id, run
from tests.harness.told_cluster import ToldCluster, told_cluster
from tests.tools.answering_server import answering_server
from tests.tools.ctl.told_server import ToldServer, ran
from tools.ctl.__main__ import main
from tools.ctl.cluster import Plan, Split
from tools.ctl.commands.plan import plan_lines


def grown() -> ToldCluster:
    """Four nodes that share everything, and a fifth that has nothing yet."""
    return told_cluster(run(first_map(4), AddMember(member(4))))


def test_a_plan_shows_loads_and_changes(capsys: pytest.CaptureFixture[str]) -> None:
    """And how to carry it out; most changes are left out at first."""
    code, lines, _ = ran(grown(), capsys, "plan")
    assert code == 0
    assert lines[0].startswith("plan for epoch 2: changes ")
    assert lines[1].split() == ["NODE", "LEADS", "WOULD", "LEAD", "HOLDS", "WOULD", "HOLD"]
    newcomer = lines[6].split()
    assert newcomer[0] == node_id(4)
    assert (newcomer[1], newcomer[3]) == ("0", "0")
    assert int(newcomer[2]) > 0
    assert lines[7].endswith("would get another leader; that waits while there are keys in it")
    assert lines[8].split() == ["PARTITION", "DATACENTER", "FROM", "TO"]
    assert lines[-2].endswith("more; --all shows them")
    assert lines[-1] == "carry it out with: meridian-ctl commit 2"


def test_every_change_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    """However many there are; JSON has them all anyway."""
    _, lines, _ = ran(grown(), capsys, "plan", "--all")
    _, document, _ = ran(grown(), capsys, "plan", "--json")
    changes = json.loads("\n".join(document))["changes"]
    assert len(lines) == 9 + len(changes) + 1


def test_a_plan_without_changes_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """One line."""
    _, lines, _ = ran(told_cluster(first_map(3)), capsys, "plan")
    assert lines == ["nothing to do at epoch 1"]


def test_notes_splits_and_moves_given_up_are_told() -> None:
    """Each in words."""
    plan = Plan(
        epoch=9,
        is_empty=False,
        aborts=[3],
        splits=[Split(partition=1, new=128), Split(partition=2, new=129)],
        changes=[],
        moved_replicas=0,
        leader_changes=[],
        loads=[],
        notes=["A node is not live."],
    )
    lines = list(plan_lines(plan, 20))
    assert lines[0] == "A node is not live."
    assert lines[1] == "plan for epoch 9: gives up 1 move; splits 2 partitions"


def test_watching_goes_on_until_the_server_goes(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing moves, and it still looks again; what ends it is said."""
    told = ToldServer(told_cluster(first_map(3)))
    looks: list[bytes] = []

    def answering(command: list[bytes]) -> bytes:
        looks.append(command[1])
        return told.answer(command) if len(looks) == 1 else b""

    with answering_server(answering) as server:
        assert main(["--server", str(server.address), "plan", "--watch"]) == 1
    captured = capsys.readouterr()
    assert captured.out == "epoch 1: no moves under way\n"
    assert "closed the connection" in captured.err
    assert looks == [b"MAP", b"MAP"]
