from __future__ import annotations

import pytest

from tests.harness.cluster_runner import ClusterRunner


@pytest.mark.parametrize("command", ["asking", "readonly", "readwrite"])
def test_what_clients_announce_is_accepted(command: str) -> None:
    """On every node of a cluster, and with no further word."""
    runner = ClusterRunner()
    assert runner.run(command) == b"+OK\r\n"
    wrong = f"-ERR wrong number of arguments for '{command}' command\r\n"
    assert runner.run(f"{command} x") == wrong.encode()


def test_there_is_one_database_in_cluster_mode() -> None:
    """Whatever would reach another one is refused in Redis' words."""
    runner = ClusterRunner()
    assert runner.run("select 0") == b"+OK\r\n"
    for command, name in (
        ("select 1", "SELECT"),
        ("select 99", "SELECT"),
        ("swapdb 0 1", "SWAPDB"),
        ("move a 1", "MOVE"),
    ):
        expected = f"-ERR {name} is not allowed in cluster mode\r\n"
        assert runner.run(command) == expected.encode()
    refusal = b"-ERR Copying to another database is not allowed in cluster mode\r\n"
    assert runner.run("copy a b DB 1") == refusal
    assert runner.run("copy a b DB 0") == b":0\r\n"
    assert runner.run("select x") == b"-ERR value is not an integer or out of range\r\n"
