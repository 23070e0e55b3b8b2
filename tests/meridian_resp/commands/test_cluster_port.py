from __future__ import annotations

import trio

from cluster.control.requests import Answer, Form
from meridian_resp.commands.cluster_port import ClusterPort
from tests.harness.fake_cluster import FakeCluster


def test_the_cluster_in_memory_is_a_port() -> None:
    """Type checkers say the same; a request is answered with and without waiting."""
    port: ClusterPort = FakeCluster(1)
    assert port.map() is None and port.slot_view() is None
    answers: list[Answer] = []
    port.request_nowait(Form(), answers.append)
    assert answers == [trio.run(port.request, Form())]
