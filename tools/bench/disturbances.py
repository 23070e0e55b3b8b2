"""Troublesome clients, each in a process of its own: `python -m tools.bench.disturbances`.

They run beside the clients whose latency is measured (mixed.py), on the same core but at the
lowest priority, so that they trouble the server and not the measuring. Each goes on until it is
told to end (SIGTERM) or has nothing left to do, and then prints how many operations it did.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import FrameType

from tools.bench import workload
from tools.bench.client import LoadClient
from tools.bench.workload import Packet
from tools.connection import Address, Connection, ConnectionLost, encode_request, open_socket

ANSWER_SECONDS_MAX = 120.0
LOWEST_PRIORITY = 19
PIPELINE_COMMANDS = 10_000
PIPELINE_KEYS = 100_000
BIG_VALUE_BYTES = 1_000_000
SLOW_VALUE_BYTES = 100_000
SLOW_REQUESTS = 2000
SLOW_READ_BYTES = 1024
SLOW_READ_SECONDS = 0.01
RECEIVE_BYTES = 1 << 20

Count = Callable[[int], None]


def slow_reader(address: Address, count: Count) -> None:
    """Asks for 200 MB at once and takes a kilobyte a hundred times per second."""
    with Connection(address) as connection:
        connection.call("SET", "slow-reader", b"s" * SLOW_VALUE_BYTES)
    with open_socket(address, ANSWER_SECONDS_MAX) as channel:
        channel.sendall(encode_request("GET", "slow-reader") * SLOW_REQUESTS)
        while True:
            receive(channel, SLOW_READ_BYTES)
            count(1)
            time.sleep(SLOW_READ_SECONDS)


def pipeliner(address: Address, count: Count) -> None:
    """Sends 10,000 commands at once, takes the answers, and again: half SET, half GET."""
    value = b"p" * 64
    data = b"".join(
        workload.command("set" if number % 2 else "get", number, value)
        for number in range(PIPELINE_COMMANDS)
    )
    run(address, itertools.repeat(Packet(data, PIPELINE_COMMANDS)), count)


def big_values(address: Address, count: Count) -> None:
    """Writes and reads values of a megabyte in turn."""
    write = Packet(encode_request("SET", "big-value", b"b" * BIG_VALUE_BYTES), 1)
    read = Packet(encode_request("GET", "big-value"), 1)
    run(address, itertools.cycle([write, read]), count)


def all_keys(address: Address, count: Count) -> None:
    """Asks for all keys, again and again. The PING behind marks the end of the long answer."""
    with open_socket(address, ANSWER_SECONDS_MAX) as channel:
        while True:
            channel.sendall(encode_request("KEYS", "*") + encode_request("PING"))
            tail = b""
            while not tail.endswith(b"+PONG\r\n"):
                tail = tail[-16:] + receive(channel, RECEIVE_BYTES)
            count(1)


def receive(channel: socket.socket, size: int) -> bytes:
    """Bytes that have come; a server that leaves is an error, for then nothing disturbs it."""
    data = channel.recv(size)
    if not data:
        raise ConnectionLost("the server closed the connection")
    return data


def filler(address: Address, count: Count, first: int, end: int) -> None:
    """Sets the keys from `first` up to `end` once, 500 in a packet, and ends."""
    run(address, workload.filling(first, end, 64), count)


def run(address: Address, packets: Iterable[Packet], count: Count) -> None:
    """Send the packets over one connection."""
    client = LoadClient(address, 1)
    try:
        client.run(counted(packets, count))
    finally:
        client.close()


def counted(packets: Iterable[Packet], count: Count) -> Iterator[Packet]:
    """The packets, each counted when the next one is taken, that is when it is answered."""
    for packet in packets:
        yield packet
        count(packet.commands)


DISTURBANCES: dict[str, Callable[..., None]] = {
    "slow-reader": slow_reader,
    "pipeliner": pipeliner,
    "big-values": big_values,
    "all-keys": all_keys,
    "filler": filler,
}


def main(arguments: Sequence[str]) -> int:
    """Run one disturbance: its name, host, port and further numbers."""
    name, host, port, *numbers = arguments
    os.nice(LOWEST_PRIORITY)
    operations = 0

    def count(number: int) -> None:
        nonlocal operations
        operations += number

    signal.signal(signal.SIGTERM, end)
    try:
        DISTURBANCES[name](Address(host=host, port=int(port)), count, *map(int, numbers))
    except KeyboardInterrupt:
        pass
    print(json.dumps({"operations": operations}))
    return 0


def end(number: int, frame: FrameType | None) -> None:
    """Being told to end is the normal end of most disturbances."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
