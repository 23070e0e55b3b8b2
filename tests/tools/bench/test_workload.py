"""The commands of a run."""

from __future__ import annotations

import hiredis

from tools.bench.workload import Packet, Workload, filling, key, packets


def commands_of(packet: Packet) -> list[list[bytes]]:
    """The commands in a packet, parsed."""
    reader = hiredis.Reader()
    reader.feed(packet.data)
    commands = []
    while (command := reader.gets()) is not False:
        commands.append(command)
    return commands


def workload(test: str = "set", pipeline: int = 4, requests: int = 10) -> Workload:
    """A small run."""
    return Workload(
        test=test, pipeline=pipeline, clients=2, requests=requests, value_bytes=5, keyspace=50
    )


def test_packets_hold_the_asked_for_commands() -> None:
    """Each packet has `pipeline` commands; there are enough packets for all requests."""
    run = list(packets(workload(), seed=1))
    assert [packet.commands for packet in run] == [4, 4, 4]
    assert all(len(commands_of(packet)) == 4 for packet in run)
    first = commands_of(run[0])[0]
    assert (first[0], first[2]) == (b"SET", b"xxxxx")
    assert first[1] in {key(number) for number in range(50)}


def test_get_has_no_value() -> None:
    """GET asks for a key alone."""
    (packet, *_) = packets(workload("get"), seed=1)
    assert all(command[0] == b"GET" and len(command) == 2 for command in commands_of(packet))


def test_same_seed_same_load() -> None:
    """Both servers of a round get the same bytes; another round gets others."""
    assert list(packets(workload(), seed=1)) == list(packets(workload(), seed=1))
    assert list(packets(workload(), seed=1)) != list(packets(workload(), seed=2))


def test_long_runs_go_round() -> None:
    """More requests than are prepared repeat the prepared ones."""
    run = list(packets(workload(pipeline=1024, requests=200_000), seed=1))
    assert len(run) == 196
    assert run[0] == run[64]


def test_filling_sets_every_key_once() -> None:
    """Every number from the first up to the end is set once, the last packet may be short."""
    run = list(filling(3, 11, value_bytes=2, per_packet=3))
    assert [packet.commands for packet in run] == [3, 3, 2]
    keys = [command[1] for packet in run for command in commands_of(packet)]
    assert keys == [key(number) for number in range(3, 11)]
