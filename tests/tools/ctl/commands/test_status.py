"""`meridian-ctl status`."""

from __future__ import annotations

import json

import pytest

from tests.tools.answering_server import answering_server
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
        "  3 clients, 0 blocked, at most 10000",
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
    assert set(document) == {name.decode() for name in INFO}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59, "59 s"), (61, "1 min"), (3600, "1 h"), (90060, "1 d 1 h")],
)
def test_uptime_is_in_words(seconds: int, text: str) -> None:
    """The two largest units."""
    assert uptime({"uptime_in_seconds": str(seconds)}) == text
