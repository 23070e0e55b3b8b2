"""`meridian-ctl health`."""

from __future__ import annotations

import json

import pytest

from tests.cluster.map.maps import first_map
from tests.harness.told_cluster import ToldCluster, told_cluster
from tests.tools.answering_server import Answering, answering_server
from tests.tools.ctl.told_server import ran
from tools.ctl.__main__ import main


def answers(persistence: bytes, ping: bytes = b"+PONG\r\n") -> Answering:
    """The answers of a server that says this of its persistence."""

    def answering(command: list[bytes]) -> bytes:
        if command[0] == b"PING":
            return ping
        return b"$%d\r\n%b\r\n" % (len(persistence), persistence)

    return answering


def test_healthy_server_gives_code_zero(capsys: pytest.CaptureFixture[str]) -> None:
    """It answers and can write."""
    with answering_server(answers(b"loading:0\r\naof_last_write_status:ok\r\n")) as server:
        assert main(["--server", str(server.address), "health"]) == 0
        assert capsys.readouterr().out.startswith("healthy, answers within ")
        assert main(["--server", str(server.address), "health", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["healthy"] is True
    assert document["troubles"] == []


@pytest.mark.parametrize(
    ("persistence", "trouble"),
    [
        (b"loading:1\r\n", "it is still loading its data"),
        (b"aof_last_write_status:err\r\n", "it cannot write to its log"),
        (
            b"meridian_read_failures:7\r\nmeridian_last_read_failure:table is damaged\r\n",
            "7 commands since its start could not read storage: table is damaged",
        ),
    ],
)
def test_troubled_server_gives_code_one(
    persistence: bytes, trouble: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A server that answers and cannot write is not healthy."""
    with answering_server(answers(persistence)) as server:
        assert main(["--server", str(server.address), "health"]) == 1
        assert trouble in capsys.readouterr().err
        assert main(["--server", str(server.address), "health", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["troubles"] == [trouble]


def test_refusing_server_gives_code_one(capsys: pytest.CaptureFixture[str]) -> None:
    """An error instead of PONG is no health."""
    with answering_server(answers(b"", ping=b"-LOADING wait\r\n")) as server:
        assert main(["--server", str(server.address), "health"]) == 1
    assert capsys.readouterr().err == "meridian-ctl: LOADING wait\n"


def test_missing_server_gives_code_one(capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody there: a line, no traceback."""
    with answering_server() as server:
        address = str(server.address)
    assert main(["--server", address, "health"]) == 1
    assert f"no connection to {address}" in capsys.readouterr().err


def test_a_node_without_a_cluster_cannot_serve(capsys: pytest.CaptureFixture[str]) -> None:
    """It answers, and refuses every key; a member is healthy."""
    assert ran(told_cluster(first_map(1)), capsys, "health")[0] == 0
    code, _, complaint = ran(ToldCluster(), capsys, "health")
    assert code == 1
    assert "it belongs to no cluster yet" in complaint
