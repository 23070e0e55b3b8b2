"""What is asked of a server: which command, how many, in which packets, over how many keys.

Keys and values are those of redis-benchmark (`key:` and twelve digits; bytes of one letter), so
that both drivers make the same load and may follow each other on the same data.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

import attrs

from tools.connection import encode_request

TESTS = ("set", "get")
#: So many different commands are prepared before a run and then sent round and round.
COMMANDS_PREPARED = 1 << 16


@attrs.frozen(kw_only=True)
class Workload:
    """One run against one server.

    Attributes:
        test: `set` or `get`.
        pipeline: commands per packet; the next packet waits for all answers.
        requests: commands altogether.
        keyspace: keys are drawn evenly from so many.
    """

    test: str
    pipeline: int
    clients: int
    requests: int
    value_bytes: int
    keyspace: int


@attrs.frozen
class Packet:
    """Bytes that are sent at once, and the number of commands (and so of answers) in them."""

    data: bytes
    commands: int


def key(number: int) -> bytes:
    """The key with this number, as redis-benchmark writes it."""
    return b"key:%012d" % number


def command(test: str, number: int, value: bytes) -> bytes:
    """One request on the key with this number."""
    if test == "set":
        return encode_request("SET", key(number), value)
    return encode_request("GET", key(number))


def packets(workload: Workload, seed: int) -> Iterator[Packet]:
    """The packets of a run, each with `pipeline` commands on keys drawn with this seed.

    At most 65,536 commands are made, before the first packet is taken, and go round and round.
    """
    rng = random.Random(seed)
    value = b"x" * workload.value_bytes
    count = max(1, min(workload.requests, COMMANDS_PREPARED) // workload.pipeline)
    prepared = [
        Packet(
            b"".join(
                command(workload.test, rng.randrange(workload.keyspace), value)
                for _ in range(workload.pipeline)
            ),
            workload.pipeline,
        )
        for _ in range(count)
    ]
    return itertools.islice(itertools.cycle(prepared), -(-workload.requests // workload.pipeline))


def filling(first: int, end: int, value_bytes: int, per_packet: int = 500) -> Iterator[Packet]:
    """Packets that set every key from `first` up to but not including `end` once."""
    value = b"x" * value_bytes
    for start in range(first, end, per_packet):
        numbers = range(start, min(start + per_packet, end))
        data = b"".join(command("set", number, value) for number in numbers)
        yield Packet(data, len(numbers))
