from __future__ import annotations

import inspect

import pytest

from meridian_resp.commands.context import ServerPort
from meridian_resp.server.node import Node
from tests.harness.fake_server import FakeServer

METHODS = sorted(
    name
    for name, member in vars(ServerPort).items()
    if inspect.isfunction(member) and not name.startswith("_")
)


@pytest.mark.parametrize("name", METHODS)
def test_the_port_is_the_same_on_the_node_and_in_tests(name: str) -> None:
    """Parameters agree, and whether one has to wait."""
    port = getattr(ServerPort, name)
    for implementation in (Node, FakeServer):
        found = getattr(implementation, name)
        assert list(inspect.signature(found).parameters) == list(
            inspect.signature(port).parameters
        )
        assert inspect.iscoroutinefunction(found) == inspect.iscoroutinefunction(port)


def test_the_port_is_narrow() -> None:
    """Every method costs each implementation; more than this wants a port of its own."""
    assert 20 <= len(METHODS) <= 30
