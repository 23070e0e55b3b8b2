"""The HTTP endpoint over real sockets and over memory streams, with good and hostile peers.

Memory streams run under a virtual clock, so that timeouts pass at once.
"""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Awaitable, Callable

import h11
import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from meridian_resp.server.http_endpoint import (
    BODY_BYTES_MAX,
    HEADER_BYTES_MAX,
    IDLE_S,
    REQUEST_S,
    HttpEndpoint,
    serve,
)
from meridian_resp.server.statistics import ServerStatistics
from meridian_resp.server.status import HttpSources
from storage import StorageStatistics

GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


def sources(*reasons: str) -> HttpSources:
    """Fixed sources; reasons make the node unhealthy."""
    return HttpSources(
        server=lambda: ServerStatistics(version="1.2.3"),
        storage=lambda: StorageStatistics(wal_size_bytes=77),
        health=lambda: reasons,
        ports=lambda: {"http": 1},
    )


def broken() -> HttpSources:
    """Sources that all fail."""

    def fail() -> ServerStatistics:
        raise RuntimeError("not now")

    good = sources()
    return HttpSources(server=fail, storage=good.storage, health=good.health, ports=good.ports)


def answers(data: bytes, methods: list[str]) -> list[tuple[int, dict[str, str], bytes]]:
    """Status, headers and body of each answer to requests with those methods."""
    found = []
    for method in methods:
        client = h11.Connection(h11.CLIENT)
        client.send(h11.Request(method=method, target="/", headers=[("Host", "x")]))
        client.send(h11.EndOfMessage())
        client.receive_data(data)
        response = client.next_event()
        assert isinstance(response, h11.Response)
        body = b""
        while isinstance(event := client.next_event(), h11.Data):
            body += event.data
        assert isinstance(event, h11.EndOfMessage)
        headers = {name.decode(): value.decode() for name, value in response.headers}
        found.append((response.status_code, headers, body))
        data = client.trailing_data[0]
    assert data == b""
    return found


async def receive_all(stream: trio.abc.ReceiveStream) -> bytes:
    """Everything up to the end of the stream."""
    received = b""
    while data := await stream.receive_some():
        received += data
    return received


async def talk(
    *chunks: bytes, given_sources: HttpSources | None = None, connections_max: int = 64
) -> bytes:
    """What a peer receives that sends the chunks and then ends its side."""
    endpoint = HttpEndpoint(given_sources or sources(), connections_max=connections_max)
    client, server = trio.testing.memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(endpoint.answer, server)
        for chunk in chunks:
            await client.send_all(chunk)
            await trio.testing.wait_all_tasks_blocked()
        await client.send_eof()
        received = await receive_all(client)
    assert endpoint.connections == 0
    return received


async def ask(
    path: str, *, method: str = "GET", headers: str = "", given_sources: HttpSources | None = None
) -> tuple[int, dict[str, str], bytes]:
    """The one answer to one request."""
    request = f"{method} {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n".encode()
    return answers(await talk(request, given_sources=given_sources), [method])[0]


@pytest.fixture
def clock() -> trio.testing.MockClock:
    """Virtual time that jumps to the next deadline when all tasks wait."""
    return trio.testing.MockClock(autojump_threshold=0)


async def test_metrics_page() -> None:
    """/metrics is Prometheus' text with our numbers in it."""
    status, headers, body = await ask("/metrics?x=y")
    assert status == 200
    assert headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert b"\nmeridian_wal_size_bytes 77.0\n" in body
    assert b"process_cpu_seconds_total" in body


async def test_metrics_page_as_openmetrics() -> None:
    """The Accept header chooses OpenMetrics."""
    accept = "Accept: application/openmetrics-text;version=1.0.0\r\n"
    _, headers, body = await ask("/metrics", headers=accept)
    assert headers["content-type"].startswith("application/openmetrics-text")
    assert body.endswith(b"# EOF\n")


async def test_status_page() -> None:
    """/status is the JSON document."""
    status, headers, body = await ask("/status")
    assert (status, headers["content-type"]) == (200, "application/json")
    assert json.loads(body)["version"] == "1.2.3"


async def test_health_page() -> None:
    """/healthz is 200 when all is well, else 503 with the reasons."""
    assert (await talk(GET)).startswith(b"HTTP/1.1 200 OK\r\n")
    assert (await ask("/healthz"))[::2] == (200, b"ok\n")
    status, _, body = await ask("/healthz", given_sources=sources("disk full", "loading"))
    assert (status, body) == (503, b"disk full\nloading\n")


async def test_other_paths_and_methods() -> None:
    """404 for what is not there, 405 with the allowed methods for what may not be done."""
    assert (await ask("/"))[0] == 404
    assert (await ask("/metrics/"))[0] == 404
    assert (await ask("/metrics", method="DELETE"))[0] == 405
    status, headers, _ = await ask("/healthz", method="POST", headers="Content-Length: 0\r\n")
    assert (status, headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("path", ["/metrics", "/status", "/healthz", "/nothing"])
async def test_head_is_get_without_the_body(path: str) -> None:
    """HEAD gives GET's status and type, a length, and no body."""
    status, headers, body = await ask(path, method="HEAD")
    get_status, get_headers, get_body = await ask(path)
    assert (status, headers["content-type"]) == (get_status, get_headers["content-type"])
    assert int(headers["content-length"]) > 0
    assert int(get_headers["content-length"]) == len(get_body)
    assert body == b""


async def test_failure_of_a_page_is_500_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    """A bug in a source is answered and logged; the connection goes on."""
    with caplog.at_level(logging.ERROR):
        data = await talk(b"GET /status HTTP/1.1\r\nHost: x\r\n\r\n", GET, given_sources=broken())
    assert [answer[::2] for answer in answers(data, ["GET", "GET"])] == [
        (500, b"internal error\n"),
        (200, b"ok\n"),
    ]
    assert "not now" in caplog.text


async def test_connection_is_kept_alive() -> None:
    """Requests one after the other, in one chunk, or cut anywhere share a connection."""
    for chunks in ([GET, GET], [GET + GET], [GET[:20], GET[20:] + GET[:3], GET[3:]]):
        found = answers(await talk(*chunks), ["GET", "GET"])
        assert [status for status, _, _ in found] == [200, 200]


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /healthz HTTP/1.0\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    ],
)
async def test_connection_is_closed_on_request(request_bytes: bytes) -> None:
    """HTTP/1.0 and `Connection: close` get their answer and the end of the stream."""
    endpoint = HttpEndpoint(sources())
    client, server = trio.testing.memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(endpoint.answer, server)
        await client.send_all(request_bytes)
        found = answers(await receive_all(client), ["GET"])
    assert (found[0][0], found[0][1]["connection"]) == (200, "close")


async def test_body_of_a_request_is_thrown_away() -> None:
    """A small body does no harm, whole or in chunks."""
    request = b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
    coded = GET[:-2] + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"
    found = answers(await talk(request, coded, GET), ["GET"] * 3)
    assert [status for status, _, _ in found] == [200, 200, 200]


async def test_a_redis_client_waited_for_ten_seconds_to_be_refused() -> None:
    """Its first request has no end that HTTP knows, yet it is told at once where it is."""
    (found,) = answers(await talk(b"*1\r\n$4\r\nPING\r\n"), ["GET"])
    assert found[0] == 400
    assert b"http-port" in found[2]


HOSTILE = [
    (b"\0\0\0\0\r\n\r\n", 400),
    (b"*1\r\n$4\r\nPING\r\n\r\n", 400),
    (b"GET /healthz HTTP/1.1\r\n\r\n", 400),
    (b"GET /healthz HTTP/1.1\r\nHost x\r\n\r\n", 400),
    (b"GET /healthz HTTP/2.0\r\nHost: x\r\n\r\n", 505),
    (b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
    (b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
    (b"GET /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
    (b"GET /" + b"a" * 2 * HEADER_BYTES_MAX, 431),
    (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * HEADER_BYTES_MAX, 431),
    (
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 999999\r\n\r\n"
        + b"x" * (BODY_BYTES_MAX + 1),
        413,
    ),
    (
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n",
        417,
    ),
]


@pytest.mark.parametrize(
    ("request_bytes", "status"), HOSTILE, ids=[f"{data[:30]!r}" for data, _ in HOSTILE]
)
async def test_hostile_requests_are_refused_and_closed(request_bytes: bytes, status: int) -> None:
    """Each wrong or oversized request gets its error, and nothing after it is answered."""
    found = answers(await talk(request_bytes, GET), ["GET"])
    assert found[0][0] == status
    assert found[0][1]["connection"] == "close"


@given(st.lists(st.binary(max_size=60), max_size=6), st.booleans())
def test_garbage_never_escapes(chunks: list[bytes], after_request: bool) -> None:
    """No bytes make the endpoint raise, or answer more than it was asked."""
    first = (
        [b"GET /healthz HTTP/1.1\r\nContent-Length: 20\r\nHost: x\r\n"] if after_request else []
    )

    async def run() -> None:
        received = await talk(*first, *filter(None, chunks))
        assert received == b"" or received.startswith(b"HTTP/1.1 ")

    trio.run(run)


async def test_silent_connection_is_closed(clock: trio.testing.MockClock) -> None:
    """A peer that never asks is let go after the idle time, without an answer."""
    client, server = trio.testing.memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(HttpEndpoint(sources()).answer, server)
        started = trio.current_time()
        assert await receive_all(client) == b""
        assert trio.current_time() - started == pytest.approx(IDLE_S, abs=0.1)


async def test_slow_request_is_refused(clock: trio.testing.MockClock) -> None:
    """A peer that drips its request is told so after the request time, however it drips."""
    client, server = trio.testing.memory_stream_pair()
    started = trio.current_time()

    async def drip() -> None:
        for byte in GET * 10:
            await client.send_all(bytes([byte]))
            with trio.move_on_after(1):  # of virtual time
                await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(HttpEndpoint(sources()).answer, server)
        nursery.start_soon(drip)
        found = answers(await receive_all(client), ["GET"])
        assert found[0][0] == 408
        assert REQUEST_S <= trio.current_time() - started <= REQUEST_S + 3
        nursery.cancel_scope.cancel()


async def test_reader_that_never_reads_is_given_up(clock: trio.testing.MockClock) -> None:
    """An answer that cannot leave ends the connection instead of holding it for ever."""
    client, server = trio.testing.lockstep_stream_pair()
    endpoint = HttpEndpoint(sources())
    with trio.move_on_after(IDLE_S) as patience:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(endpoint.answer, server)
            await client.send_all(GET)
    assert not patience.cancelled_caught
    assert endpoint.connections == 0


async def test_connections_beyond_the_limit_are_turned_away() -> None:
    """One connection too many gets 503 at once; the others are served, and its place is free."""
    endpoint = HttpEndpoint(sources(), connections_max=1)
    first, first_server = trio.testing.memory_stream_pair()
    second, second_server = trio.testing.memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(endpoint.answer, first_server)
        await trio.testing.wait_all_tasks_blocked()
        await endpoint.answer(second_server)
        assert answers(await receive_all(second), ["GET"])[0][0] == 503
        await first.send_all(GET)
        await first.send_eof()
        assert answers(await receive_all(first), ["GET"])[0][0] == 200
    assert endpoint.connections == 0


async def test_peer_that_resets_is_forgotten() -> None:
    """A peer that vanishes while its answer is made raises nothing."""
    endpoint = HttpEndpoint(sources())
    client, server = trio.testing.memory_stream_pair()
    await client.send_all(GET)
    await client.aclose()
    await endpoint.answer(server)
    assert endpoint.connections == 0


async def test_cancellation_lets_an_answer_finish() -> None:
    """Shutdown in the middle of sending completes the answer; waiting connections just end."""
    client, server = trio.testing.lockstep_stream_pair()
    idle_client, idle_server = trio.testing.memory_stream_pair()
    endpoint = HttpEndpoint(sources())
    received = b""

    async def read_late() -> None:
        nonlocal received
        await trio.testing.wait_all_tasks_blocked()
        serving.cancel_scope.cancel()
        received = await receive_all(client)

    async with trio.open_nursery() as reading:
        async with trio.open_nursery() as serving:
            serving.start_soon(endpoint.answer, server)
            serving.start_soon(endpoint.answer, idle_server)
            await client.send_all(GET)
            reading.start_soon(read_late)
    assert answers(received, ["GET"])[0][::2] == (200, b"ok\n")
    assert await receive_all(idle_client) == b""


async def served(act: Callable[[int], Awaitable[None]]) -> None:
    """Run `act` with the port of an endpoint on a real socket."""
    async with trio.open_nursery() as nursery:
        port = await nursery.start(serve, "127.0.0.1", 0, sources())
        await act(port)
        nursery.cancel_scope.cancel()


async def test_real_sockets() -> None:
    """Requests over TCP are answered, several connections at a time."""

    async def act(port: int) -> None:
        streams = [await trio.open_tcp_stream("127.0.0.1", port) for _ in range(3)]
        for stream in streams:
            await stream.send_all(GET)
            await stream.send_eof()
        for stream in streams:
            assert answers(await receive_all(stream), ["GET"])[0][::2] == (200, b"ok\n")
            await stream.aclose()

    await served(act)


async def test_refusal_reaches_a_peer_that_goes_on_sending() -> None:
    """Closing over unread bytes would reset the connection and lose the answer."""

    async def act(port: int) -> None:
        stream = await trio.open_tcp_stream("127.0.0.1", port)
        await stream.send_all(b"x" * 100_000)
        await stream.send_eof()
        assert (await receive_all(stream)).startswith(b"HTTP/1.1 4")
        await stream.aclose()

    await served(act)


async def test_abortive_close_is_survived() -> None:
    """A peer that resets its connection does not disturb the next one."""

    async def act(port: int) -> None:
        stream = await trio.open_tcp_stream("127.0.0.1", port)
        await stream.send_all(GET[:10])
        stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        await stream.aclose()
        stream = await trio.open_tcp_stream("127.0.0.1", port)
        await stream.send_all(GET)
        await stream.send_eof()
        assert answers(await receive_all(stream), ["GET"])[0][0] == 200
        await stream.aclose()

    await served(act)


async def test_address_in_use_is_an_error() -> None:
    """Starting on a taken port raises, so that the node can say why it does not start."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OSError, match="in use"):
            await serve("127.0.0.1", taken.getsockname()[1], sources())
