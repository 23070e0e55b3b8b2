from __future__ import annotations

import pytest

from meridian_resp.server.proxy_session import Expected, NoSocket, ProxySession
from tests.harness.command_runner import CommandRunner
from tests.harness.fake_cluster import FakeCluster, FakeLink, FakeNetwork, node_id


def test_a_proxy_is_idle_until_something_is_expected_held_or_deferred() -> None:
    """Only an idle one may be used for somebody else."""
    proxy = ProxySession(CommandRunner().database, 1.0)
    proxy.client = (node_id(2), 5)
    network = FakeNetwork()
    link = FakeLink(network, FakeCluster(1), FakeCluster(2))
    found = [(proxy.is_at_work, proxy.is_idle)]
    proxy.expected.append(Expected(link, 1, 0))
    found.append((proxy.is_at_work, proxy.is_idle))
    proxy.expected.clear()
    proxy.held.append((1, b""))
    found.append((proxy.is_at_work, proxy.is_idle))
    proxy.held.clear()
    proxy.is_busy = True
    found.append((proxy.is_at_work, proxy.is_idle))
    proxy.is_busy = False
    proxy.backlog = [[b"GET", b"a"]]
    found.append((proxy.is_at_work, proxy.is_idle))
    assert found == [(False, True), (False, False), (False, False), (True, False), (True, False)]


def test_it_may_do_what_its_node_has_checked() -> None:
    """Its client has authenticated itself there; and it has no socket."""
    proxy = ProxySession(CommandRunner().database, 1.0)
    assert proxy.is_authenticated and proxy.fd == -1
    socket = NoSocket()
    with pytest.raises(BlockingIOError):
        socket.recv(1)
    with pytest.raises(BlockingIOError):
        socket.send(b"x")
    socket.close()
