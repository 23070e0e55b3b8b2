"""What the shell drives is what the parts are, in a running server and in tests."""

from __future__ import annotations

import inspect

import pytest

from cluster import ports
from cluster.control.plane import ControlPlane
from cluster.journal.journal import Journal
from cluster.transport.datagrams import Datagrams
from cluster.transport.peer_sockets import PeerSockets
from tests.cluster.scripted_node import MemoryDatagrams, MemoryPeers, ScriptedPlane


@pytest.mark.parametrize(
    ("port", "part"),
    [
        (ports.ControlMachine, ControlPlane),
        (ports.ControlMachine, ScriptedPlane),
        (ports.Peers, PeerSockets),
        (ports.Peers, MemoryPeers),
        (ports.DatagramPort, Datagrams),
        (ports.DatagramPort, MemoryDatagrams),
        (ports.RecordJournal, Journal),
    ],
)
def test_every_call_is_there(port: type, part: type) -> None:
    """With the same number of arguments; a fake that differs would prove nothing."""
    for name, wanted in inspect.getmembers(port, inspect.isfunction):
        if name.startswith("_"):
            continue
        found = getattr(part, name)
        assert inspect.iscoroutinefunction(found) == inspect.iscoroutinefunction(wanted), name
        assert len(inspect.signature(found).parameters) == len(
            inspect.signature(wanted).parameters
        ), name
