"""The HTTP endpoint on a node."""

from __future__ import annotations

import errno
import json
import socket

import pytest
import trio

from cluster.control.heartbeats import PhiReading
from cluster.membership.phi import Level
from meridian_resp.server.http_wiring import serve_http
from storage.errors import CorruptionError
from tests.cluster.map.maps import first_map, node_id
from tests.harness.failing_files import FailWhile
from tests.harness.simulated_server import LiveClient, serving
from tests.harness.told_cluster import FORWARDING, told_cluster


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def get(port: int, path: str) -> tuple[int, bytes]:
    """Status and body of a page."""
    stream = await trio.open_tcp_stream("127.0.0.1", port)
    async with stream:
        await stream.send_all(
            f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
        )
        received = b"".join([part async for part in stream])
    head, _, body = received.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


async def test_pages_show_the_node() -> None:
    """Metrics and status come from its statistics, health from the engine."""
    port = free_port()
    async with serving(http_port=port) as server:
        async with trio.open_nursery() as nursery:
            await nursery.start(serve_http, server.node)
            code, body = await get(port, "/metrics")
            assert code == 200
            assert b"meridian_requests_total" in body
            code, body = await get(port, "/status")
            assert code == 200
            assert server.node.run_id in json.dumps(json.loads(body))
            assert (await get(port, "/healthz"))[0] == 200
            server.files.on_call = FailWhile(errno.ENOSPC, lambda operation, name: True)
            reply = await LiveClient(server.io.connect()).ask("SET a 1")
            assert reply.startswith(b"-MISCONF")
            code, body = await get(port, "/healthz")
            assert code == 503
            assert b"writes are refused" in body
            nursery.cancel_scope.cancel()


async def test_a_node_of_a_cluster_shows_it_on_both_pages() -> None:
    """Phi among the metrics, the map's epoch in the status, and the port for other nodes."""
    port = free_port()
    async with serving(http_port=port, cluster_enabled=True) as server:
        cluster = told_cluster(first_map(3))
        cluster.readings = {node_id(1): PhiReading(0.5, Level.ALIVE, 1.0)}
        server.node.cluster = cluster
        server.node.forwarding_statistics = lambda: FORWARDING
        async with trio.open_nursery() as nursery:
            await nursery.start(serve_http, server.node)
            _, body = await get(port, "/metrics")
            assert f'meridian_phi{{node="{node_id(1)}"}} 0.5'.encode() in body
            _, body = await get(port, "/status")
            document = json.loads(body)
            assert document["cluster"]["epoch"] == 1
            assert document["cluster"]["forwarding"]["answered"] == FORWARDING.answered
            assert document["ports"]["gossip"] == 7400
            nursery.cancel_scope.cancel()


async def test_a_port_in_use_is_named() -> None:
    """The start fails with the address in the error's text."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        async with serving(http_port=port) as server:
            with pytest.raises(ExceptionGroup) as raised:
                await serve_http(server.node)
    message = str(raised.value.exceptions[0])
    assert message.startswith(f"can't listen for HTTP on 127.0.0.1 port {port}: ")


async def test_a_node_whose_tables_cannot_be_read_called_itself_healthy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Commands got errors, and whoever asks for health heard nothing of it."""
    port = free_port()
    async with serving(http_port=port) as server:

        def damaged(key: bytes) -> bytes | None:
            raise CorruptionError("table_0000000003.sst", 0, "a block's checksum does not match")

        client = LiveClient(server.io.connect())
        monkeypatch.setattr(server.engine, "get", damaged)
        assert (await client.ask("GET a")).startswith(b"-ERR storage can't be read")
        assert b"meridian_read_failures:1\r\n" in await client.ask("INFO persistence")
        async with trio.open_nursery() as nursery:
            await nursery.start(serve_http, server.node)
            code, body = await get(port, "/healthz")
            assert code == 503
            assert b"1 commands since the start could not read storage" in body
            assert b"table_0000000003.sst" in body
            nursery.cancel_scope.cancel()
