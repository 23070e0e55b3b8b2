from __future__ import annotations

from cluster.transport.door import Door
from cluster.transport.options import TransportOptions
from tests.harness.memory_io import MemoryIo


def test_connections_are_taken_in_doses() -> None:
    """A flood of connections does not hold up the tick."""
    io = MemoryIo()
    door = Door(io.listener, io, TransportOptions(accepts_max=3))
    for _ in range(5):
        io.connect(peer="10.0.0.9:1")
    assert [len(door.accept()) for _ in range(3)] == [3, 2, 0]


def test_a_failure_rests_and_resumes() -> None:
    """Connections that were taken before it are not lost."""
    io = MemoryIo()
    door = Door(io.listener, io, TransportOptions())
    io.listener.failure = OSError(24, "Too many open files")
    io.connect()
    assert io.poll() and door.accept() == [] and door.is_resting
    assert io.poll() == []
    door.resume()
    door.resume()
    assert io.poll() and len(door.accept()) == 1 and not door.is_resting


def test_a_closed_door_is_not_looked_at() -> None:
    """The listener is closed with it."""
    io = MemoryIo()
    door = Door(io.listener, io, TransportOptions())
    door.close()
    io.connect()
    assert io.poll() == [] and io.listener.is_closed
