"""Sending: parts, slow readers, limits, and when reading stops."""

from __future__ import annotations

from typing import Any

import pytest

from meridian_resp.config.redis_values import BufferLimit, BufferLimits
from meridian_resp.protocol.replies import Parts
from meridian_resp.server.io import READABLE, WRITABLE
from meridian_resp.server.output import READING_STOPS_BYTES
from storage import WriteRefusedError
from tests.harness.memory_io import MemoryClient
from tests.harness.simulated_server import SimulatedServer, line, request

BIG = 100_000


def with_big_value(**options: Any) -> tuple[SimulatedServer, MemoryClient]:
    """A server that holds a value of 100,000 bytes, and a client that reads nothing yet."""
    server = SimulatedServer(**options).open()
    server.ask(server.connect(), request("SET", "big", b"v" * BIG))
    return server, server.connect()


def drain(server: SimulatedServer, client: MemoryClient) -> bytes:
    """Read until nothing more comes."""
    received = b""
    while data := client.take():
        received += data
        server.step()
    return received


def test_what_the_kernel_does_not_take_follows_in_order() -> None:
    """Parts of a reply and the replies behind it arrive complete and in order."""
    server, client = with_big_value()
    client.send(line("GET big") + line("PING"))
    server.step()
    session = server.session(client)
    assert session.unsent_bytes > 0
    assert server.io.interest(client) & WRITABLE
    client.send(line("ECHO later"))
    server.step()
    assert drain(server, client) == (b"$%d\r\n%b\r\n+PONG\r\n$5\r\nlater\r\n" % (BIG, b"v" * BIG))
    assert session.unsent_bytes == 0
    assert server.io.interest(client) == READABLE


def test_reading_stops_at_unsent_output_and_resumes() -> None:
    """Beyond 1 MB unsent nothing is read or executed; it goes on when the client reads."""
    server, client = with_big_value()
    client.send(line("GET big") * 50)
    server.step()
    session = server.session(client)
    stopped_at = session.command_count
    assert stopped_at < 25
    assert session.unsent_bytes < READING_STOPS_BYTES + 11 * BIG
    assert not server.io.interest(client) & READABLE
    client.send(line("PING"))
    server.step()
    assert session.command_count == stopped_at
    received = drain(server, client)
    assert received == b"$%d\r\n%b\r\n" % (BIG, b"v" * BIG) * 50 + b"+PONG\r\n"
    assert session.command_count == 51
    assert server.io.interest(client) == READABLE


def with_many_keys(**options: Any) -> SimulatedServer:
    """A server with more keys than one piece of KEYS' reply holds."""
    server = SimulatedServer(**options).open()
    client = server.connect()
    client.send(line("AUTH p") if "requirepass" in options else b"")
    for first in range(0, 5000, 500):
        client.send(b"".join(line(f"SET key:{n:05} v") for n in range(first, first + 500)))
        server.step()
    return server


def test_a_long_reply_was_copied_in_one_tick() -> None:
    """KEYS of two million took 117 ms at its end; its pieces now wait for sending as they are."""
    server = with_many_keys()
    client = server.connect()
    client.send(line("KEYS *") + line("PING"))
    session = server.session(client)
    server.step()
    assert max(map(len, session.unsent)) < 40_000
    received = drain(server, client)
    assert received.startswith(b"*5000\r\n$9\r\nkey:")
    assert received.endswith(b"\r\n+PONG\r\n")
    assert received.count(b"$9\r\nkey:") == 5000
    assert not session.unsent_bytes and not session.has_pieces


def test_a_long_reply_waits_for_the_log_as_others_do() -> None:
    """What KEYS saw may not be durable yet."""
    server = with_many_keys()
    client = server.connect()
    server.reactor.waits_for_sync = True
    client.send(line("SET one-more v") + line("KEYS *"))
    server.step()
    session = server.session(client)
    assert session.held_bytes > 70_000 and client.take() == b""


def test_replies_behind_a_long_one_were_missing_after_a_failed_tick(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What comes behind KEYS can be executed in its last tick; each command gets an error."""
    server = with_many_keys(requirepass=b"p")
    client = server.connect()
    # A command beyond the narrow limits of strangers is judged after those before it.
    client.send(
        line("AUTH p") + line("KEYS *") + request("SET", "big", b"x" * 40_000) + line("PING")
    )

    def refuse(length: int) -> None:
        raise WriteRefusedError("test")

    monkeypatch.setattr(server.engine, "_check_size", refuse)
    server.step()
    received = client.take()
    assert received.startswith(b"+OK\r\n-MISCONF")
    assert received.count(b"-MISCONF") == 3


def test_long_replies_stand_in_order_among_others() -> None:
    """Two of them in one tick, with others before, between and behind."""
    server = SimulatedServer().open()
    client = server.connect()
    session = server.session(client)
    long = Parts([b"*1\r\n", b"$1\r\nk\r\n"])
    for reply in (b"+A\r\n", long, b"+B\r\n", b"+C\r\n", long, b"+D\r\n"):
        session.put(reply)
        server.reactor.mark_dirty(session)
    server.reactor.begin_tick()
    server.reactor.end_tick()
    whole = b"*1\r\n$1\r\nk\r\n"
    assert drain(server, client) == b"+A\r\n" + whole + b"+B\r\n+C\r\n" + whole + b"+D\r\n"
    assert not session.has_pieces


def test_the_gated_path_stops_too() -> None:
    """While somebody monitors, a turn's output is bounded as well."""
    server, client = with_big_value()
    server.ask(server.connect(), "MONITOR")
    client.send(line("GET big") * 100)
    server.tick()
    assert server.session(client).command_count < 15


def test_other_clients_do_not_notice_a_slow_reader() -> None:
    """A client is served at once while another one is stuck."""
    server, client = with_big_value()
    client.send(line("GET big") * 100)
    server.step()
    assert server.ask(server.connect(), "PING") == b"+PONG\r\n"


def limits(hard_bytes: int, soft_bytes: int, soft_seconds: int) -> BufferLimits:
    """`client-output-buffer-limit normal` with these figures."""
    limit = BufferLimit(hard_bytes, soft_bytes, soft_seconds)
    return BufferLimits(normal=limit, replica=limit, pubsub=limit)


def test_the_hard_limit_closes() -> None:
    """A client with more unsent output than the hard limit is closed."""
    server, client = with_big_value(client_output_buffer_limit=limits(300_000, 0, 0))
    client.send(line("GET big") * 2)
    server.step()
    assert not client.is_closed
    client.send(line("GET big") * 3)
    server.step()
    assert client.is_closed


def test_the_soft_limit_closes_after_its_time() -> None:
    """Above the soft limit for so long: closed; shorter, or below in between: not."""
    server, client = with_big_value(client_output_buffer_limit=limits(0, 50_000, 10))
    output = server.reactor.output
    client.send(line("GET big") * 2)
    server.step()
    session = server.session(client)

    def is_gone_at(now_s: float) -> bool:
        output.close_slow(session, now_s)
        return session.is_gone

    assert not is_gone_at(100.0)
    assert not is_gone_at(109.0)
    drain(server, client)
    assert not is_gone_at(111.0)
    client.send(line("GET big") * 2)
    server.step()
    assert not is_gone_at(112.0)
    assert not is_gone_at(121.9)
    assert is_gone_at(122.0)
    assert "soft limit of 50000 bytes" in session.close_reason


def test_a_failed_write_closes() -> None:
    """A peer that has vanished is found when its reply can't be sent."""
    server, client = with_big_value()
    other = server.connect()
    client.send(line("PING"))
    server.reactor.begin_tick()
    server.reactor._take(server.session(client), line("PING"))
    client.connection.is_reset = True
    server.reactor.end_tick()
    assert client.is_closed
    assert server.ask(other, "PING") == b"+PONG\r\n"


def test_a_failed_write_of_left_over_output_closes() -> None:
    """The same when only the rest of a reply can't be sent."""
    server, client = with_big_value()
    client.send(line("GET big"))
    server.step()
    client.connection.is_reset = True
    server.reactor.output.send_unsent(server.session(client))
    server.step()
    assert client.is_closed


def test_closing_waits_for_the_output() -> None:
    """QUIT behind a big reply: all of it arrives before the connection ends."""
    server, client = with_big_value()
    client.send(line("GET big") + line("QUIT"))
    server.step()
    assert not client.is_closed
    assert drain(server, client).endswith(b"v\r\n+OK\r\n")
    assert client.is_closed


@pytest.mark.parametrize("size", [1 << 20, 900_001])
def test_a_value_of_a_megabyte_in_and_out(size: int) -> None:
    """Large values pass through small buffers whole."""
    server = SimulatedServer().open()
    client = server.connect()
    value = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    assert server.ask(client, request("SET", "k", value)) == b"+OK\r\n"
    client.send(line("GET k"))
    server.step()
    assert drain(server, client) == b"$%d\r\n%b\r\n" % (size, value)


def test_one_client_was_handed_megabytes_while_others_waited() -> None:
    """However much a kernel would take, a client's turn sends a quarter of a megabyte."""
    server = SimulatedServer().open()
    session = server.session(server.connect())
    taken: list[int] = []

    class Hungry:
        """A connection that takes everything."""

        def fileno(self) -> int:
            return session.fd

        def recv(self, size: int, /) -> bytes:
            raise BlockingIOError

        def send(self, data: bytes | memoryview, /) -> int:
            taken.append(len(data))
            return len(data)

        def close(self) -> None:
            pass

    session.connection = Hungry()
    session.out.append(b"x" * 1_000_000)
    server.reactor.output.end_tick(session, None)
    assert taken == [1 << 18]
    assert session.unsent_bytes == 1_000_000 - (1 << 18)
    server.reactor.output.send_unsent(session)
    assert taken == [1 << 18] * 2
    assert session.is_writing
    while session.unsent:
        server.reactor.output.send_unsent(session)
    assert sum(taken) == 1_000_000
    assert not session.is_writing


def test_totals() -> None:
    """Bytes sent are counted."""
    server, client = with_big_value()
    client.send(line("GET big"))
    server.step()
    received = drain(server, client)
    assert server.reactor.output.total_bytes == len(received) + len("+OK\r\n")
