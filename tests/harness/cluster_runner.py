"""Runs CLUSTER commands on one node whose cluster is in memory."""

from __future__ import annotations

import trio

from meridian_resp.commands.outcomes import Later
from meridian_resp.config.settings import Settings
from meridian_resp.errors import CommandError
from meridian_resp.protocol.replies import encode, error
from tests.harness.fake_cluster import FakeCluster
from tests.harness.fake_server import ServerRunner


class ClusterRunner(ServerRunner):
    """A command runner that is node 1 of a cluster; without one if `is_enabled` is false."""

    def __init__(self, *, is_enabled: bool = True) -> None:
        super().__init__()
        self.cluster = FakeCluster(1)
        if is_enabled:
            self.settings = Settings(cluster_enabled=True)
            self.fake.cluster = self.cluster

    def change(self, command: str) -> bytes:
        """The reply of a command that may have to wait for the control plane."""
        words = [word.encode() for word in command.split()]
        spec = self.commands.find(words[0])
        assert spec is not None
        spec = self.commands.find_subcommand(spec, words[1]) or spec
        try:
            outcome = spec.handler(self, words)
            if isinstance(outcome, Later):
                outcome = trio.run(outcome.work)
        except CommandError as refusal:
            return error(refusal.text)
        assert not isinstance(outcome, Later)
        return encode(outcome, self.session.protocol)  # type: ignore[arg-type] # never Slices
