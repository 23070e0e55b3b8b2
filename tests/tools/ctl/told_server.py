"""A server in a thread that is a node of a cluster which a test tells: MERIDIAN is the real one.

So what the tool reads is what a server writes. Every other command is answered with OK, and INFO
says whether there is a cluster.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import trio

from meridian_resp.commands.outcomes import Later
from meridian_resp.errors import CommandError
from meridian_resp.protocol.replies import bulk, encode, error
from tests.harness.fake_server import ServerRunner
from tests.harness.told_cluster import ToldCluster
from tests.tools.answering_server import answering_server
from tools.connection import Address
from tools.ctl.__main__ import main


class ToldServer:
    """Answers MERIDIAN from a cluster in memory."""

    def __init__(self, cluster: ToldCluster | None) -> None:
        self.cluster = cluster
        self.address = Address()
        self.runner = ServerRunner()
        self.runner.fake.cluster = cluster

    def answer(self, command: list[bytes]) -> bytes:
        """The reply to a command."""
        if command[0] == b"INFO":
            enabled = int(self.cluster is not None)
            return bulk(b"# X\r\nmeridian_version:1\r\ncluster_enabled:%d\r\n" % enabled)
        if command[0] != b"MERIDIAN":
            return b"+OK\r\n"
        container = self.runner.commands.find(b"meridian")
        assert container is not None
        spec = self.runner.commands.find_subcommand(container, command[1])
        assert spec is not None and spec.accepts(len(command)), command
        try:
            outcome = spec.handler(self.runner, command)
            reply = trio.run(outcome.work) if isinstance(outcome, Later) else outcome
        except CommandError as refusal:
            return error(refusal.text)
        assert isinstance(reply, bytes)
        return encode(reply, 2)


@contextmanager
def told_server(cluster: ToldCluster | None) -> Iterator[ToldServer]:
    """Serve until the block ends."""
    told = ToldServer(cluster)
    with answering_server(told.answer) as server:
        told.address = server.address
        yield told


def ran(
    cluster: ToldCluster | None, capsys: pytest.CaptureFixture[str], *words: str
) -> tuple[int, list[str], str]:
    """Exit code, lines of output and complaint of the tool against such a server."""
    with told_server(cluster) as server:
        code = main(["--server", str(server.address), *words])
    captured = capsys.readouterr()
    return code, captured.out.splitlines(), captured.err
