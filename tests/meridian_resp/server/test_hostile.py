"""Hostile bytes over a whole server: nothing ends it, and others still get service."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.harness.memory_io import MemoryClient
from tests.harness.simulated_server import SimulatedServer, line, request

PONG = b"+PONG\r\n"
#: SHUTDOWN only calls a hook here and DEBUG is refused, so any command may be sent.
WORDS = [
    b"GET", b"SET", b"DEL", b"INCR", b"KEYS", b"SCAN", b"MULTI", b"EXEC", b"DISCARD", b"WATCH",
    b"CLIENT", b"REPLY", b"OFF", b"SKIP", b"ON", b"KILL", b"ID", b"1", b"2", b"LIST", b"PAUSE",
    b"UNPAUSE", b"0", b"-1", b"WRITE", b"MONITOR", b"HELLO", b"3", b"AUTH", b"RESET", b"QUIT",
    b"SELECT", b"FLUSHALL", b"SWAPDB", b"CONSISTENCY", b"LINEARIZABLE", b"QUORUM", b"CONFIG",
    b"SET", b"RESETSTAT", b"COMMAND", b"DOCS", b"INFO", b"OBJECT", b"ENCODING", b"EXPIRE", b"*",
    b"PX", b"9223372036854775807", b"a", b"b", b"", b"\x00\xff", b"{", b"%s", b"SLOWLOG",
    b"GETRANGE", b"SETRANGE", b"APPEND", b"COPY", b"RENAME", b"MEMORY", b"USAGE", b"LATENCY",
]  # fmt: skip

FRAGMENTS = [
    b"*", b"$", b"\r\n", b"\n", b"\r", b"*1\r\n", b"*3\r\n", b"$3\r\nGET\r\n", b"$1\r\na\r\n",
    b"*400000000\r\n", b"*1000000000000\r\n", b"*-1\r\n", b"*0\r\n", b"$-1\r\n",
    b"$512000000\r\n", b"$99999999999\r\n", b"$0\r\n\r\n", b":5\r\n", b"+OK\r\n", b"-ERR\r\n",
    b"%1\r\n", b"~1\r\n", b"#t\r\n", b",1.5\r\n", b"(123\r\n", b"_\r\n", b">1\r\n", b"|1\r\n",
    b"=3\r\ntxt\r\n", b"*1\r\n" * 50, b"PING\r\n", b'"', b"'", b"GET \"a\\x00\"\r\n",
    b"SET a 'b\r\n", b"x" * 1000, b"\x00" * 100, b"POST / HTTP/1.1\r\nHost: x\r\n\r\n",
]  # fmt: skip

garbage = st.one_of(
    st.binary(max_size=200),
    st.lists(st.sampled_from(FRAGMENTS), max_size=20).map(b"".join),
)
calls = st.lists(
    st.lists(st.one_of(st.sampled_from(WORDS), st.binary(max_size=8)), min_size=1, max_size=6).map(
        lambda words: request(*words)
    ),
    max_size=12,
).map(b"".join)
chunks = st.lists(st.one_of(garbage, calls), min_size=1, max_size=8)


def exchange(server: SimulatedServer, client: MemoryClient, data: bytes) -> None:
    """Send if the connection still stands; take whatever comes."""
    if not client.is_closed:
        client.send(data)
    server.step()
    if server.reactor._holding:
        server.sync()
    while client.take():
        server.step()


def assert_serves(server: SimulatedServer) -> None:
    """A new client gets service, whatever pauses the others asked for."""
    server.node.unpause()
    server.step()
    client = server.connect()
    assert server.ask(client, "PING") == PONG
    reply = server.ask(client, request("SET", "witness", "1"), request("GET", "witness"))
    if server.reactor._holding:
        server.sync()
        reply += client.take()
    assert reply == b"+OK\r\n$1\r\n1\r\n"


@given(chunks)
@example([b"SAVE\n"])  # it waits, in a task of its own
def test_one_client_sends_anything(streams: list[bytes]) -> None:
    """Garbage and commands mixed, in any pieces."""
    server = SimulatedServer().open()
    client = server.connect()
    for data in streams:
        exchange(server, client, data)
    assert_serves(server)


@given(st.lists(st.tuples(st.integers(0, 3), st.one_of(garbage, calls)), max_size=20))
def test_several_clients_send_anything(sent: list[tuple[int, bytes]]) -> None:
    """Clients that kill, pause, watch and monitor each other."""
    server = SimulatedServer(requirepass=b"").open()
    clients = [server.connect() for _ in range(4)]
    for index, data in sent:
        exchange(server, clients[index], data)
    assert_serves(server)


@given(chunks, st.integers(1, 50))
def test_before_authentication(streams: list[bytes], size: int) -> None:
    """Without the password nothing changes the data, however the bytes are cut."""
    server = SimulatedServer(requirepass=b"secret").open()
    client = server.connect()
    data = b"".join(streams)
    for start in range(0, len(data), size):
        exchange(server, client, data[start : start + size])
    assert server.node.keyspace.changes == 0
    assert server.ask(server.connect(), "AUTH secret", "DBSIZE") == b"+OK\r\n:0\r\n"


@given(st.lists(st.tuples(chunks, st.sampled_from(["end", "reset", "stay"])), max_size=4))
def test_clients_that_vanish_at_any_time(visits: list[tuple[list[bytes], str]]) -> None:
    """With commands left over, output unsent, or a command half sent."""
    server = SimulatedServer(turn_commands_max=2).open()
    for streams, leave in visits:
        client = server.connect(buffer_bytes=500)
        for data in streams:
            client.send(data)
            if not client.is_closed:
                server.tick()
        if leave != "stay":
            getattr(client, leave)()
        server.step()
        if leave == "reset":
            assert client.is_closed
    assert_serves(server)


@pytest.mark.parametrize(
    "data",
    [
        b"*400000000\r\n",
        b"*2147483648\r\n",
        b"*1\r\n$536870913\r\n",
        b"*1\r\n$1000000000000\r\n",
        b"*1\r\n$-5\r\n",
        b"*1\r\n:5\r\n",
        b"*3\r\n$3\r\nSET\r\n$-1\r\n",
        b"x" * 70_000,
        b"*" + b"1" * 70_000,
        b"*1\r\n$" + b"1" * 70_000,
        b"*1\r\n" * 20_000,
        b"GET \"unbalanced\r\n",
        b"POST / HTTP/1.1\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(300),
    ],
)  # fmt: skip
def test_known_attacks(data: bytes) -> None:
    """Each is answered by an error, a close or silence, and costs no memory to speak of."""
    server = SimulatedServer().open()
    client = server.connect()
    client.send(data)
    server.step()
    reply = client.take()
    assert reply == b"" or reply.startswith(b"-ERR")
    assert client.is_closed or server.session(client).parser.buffered <= 70_000
    assert_serves(server)


@pytest.mark.parametrize("size", [1, 7, 16_384])
def test_a_command_that_never_ends(size: int) -> None:
    """A slow trickle of a huge command holds up nobody."""
    server = SimulatedServer().open()
    client, other = server.connect(), server.connect()
    client.send(b"*2\r\n$4\r\nECHO\r\n$1000000\r\n")
    for _ in range(50):
        client.send(b"x" * size)
        server.tick()
        other.send(line("PING"))
        server.step()
        assert other.take() == PONG
