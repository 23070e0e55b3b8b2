"""The port to the operating system: epoll with Trio, and listening sockets."""

from __future__ import annotations

import os
import socket
import stat
import time
from pathlib import Path

import pytest
import trio
import trio.testing

from meridian_resp.server.io import (
    HANGUP,
    READABLE,
    WRITABLE,
    SystemIo,
    address_text,
    listen_tcp,
    listen_unix,
)


async def test_readiness_is_level_triggered() -> None:
    """What is not read is reported again; what is not asked for is not reported."""
    io = SystemIo()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        io.register(ours.fileno(), READABLE)
        assert io.poll() == []
        theirs.send(b"x")
        await io.wait()
        assert io.poll() == io.poll() == [(ours.fileno(), READABLE)]
        io.modify(ours.fileno(), WRITABLE)
        assert io.poll() == [(ours.fileno(), WRITABLE)]
        io.modify(ours.fileno(), 0)
        assert io.poll() == []
        theirs.close()
        assert io.poll()[0][1] & HANGUP
        io.unregister(ours.fileno())
        io.unregister(ours.fileno())
        assert io.poll() == []
    io.close()


async def test_wake_ends_a_wait_once() -> None:
    """A wake during or before a wait ends it; several count as one; a poll takes it away."""
    io = SystemIo()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(io.wait)
        await trio.testing.wait_all_tasks_blocked()
        io.wake()
        io.wake()
    assert io.poll() == []
    io.wake()
    await io.wait()
    assert io.poll() == []
    with trio.move_on_after(0) as limit:
        await io.wait()
    assert limit.cancelled_caught
    io.close()


def test_clocks() -> None:
    """One never goes back, the other is Unix time."""
    io = SystemIo()
    assert io.monotonic() <= io.monotonic()
    assert abs(io.wall_ms() - time.time() * 1000) < 1000
    io.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_tcp_connections(host: str) -> None:
    """They do not block, send without delay, and say both addresses as CLIENT LIST does."""
    keepalive = [300]
    listener = listen_tcp(host, 0, backlog=16, keepalive_s=lambda: keepalive[0])
    with pytest.raises(BlockingIOError):
        listener.accept()
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(fileno=os.dup(listener.fileno()))
    with listening, socket.socket(family) as client:
        client.connect(listening.getsockname())
        connection, peer, own = listener.accept()
        accepted = socket.socket(fileno=os.dup(connection.fileno()))
        with accepted:
            assert not os.get_blocking(accepted.fileno())
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 300
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL) == 100
        assert peer == address_text(client.getsockname())
        assert own == address_text(listening.getsockname())
        with pytest.raises(BlockingIOError):
            connection.recv(10)
        client.send(b"x")
        connection.close()
        keepalive[0] = 0
    with socket.socket(family) as client, socket.socket(fileno=os.dup(listener.fileno())) as same:
        client.connect(same.getsockname())
        connection, _, _ = listener.accept()
        with socket.socket(fileno=os.dup(connection.fileno())) as accepted:
            assert not accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        connection.close()
    listener.close()


def test_a_long_keepalive_is_shortened_to_what_the_kernel_takes() -> None:
    """No connection is lost because an option allows more than Linux does."""
    listener = listen_tcp("127.0.0.1", 0, backlog=16, keepalive_s=lambda: 2**31 - 1)
    with socket.socket() as client, socket.socket(fileno=os.dup(listener.fileno())) as same:
        client.connect(same.getsockname())
        connection, _, _ = listener.accept()
        connection.close()
    listener.close()


def test_a_port_in_use_is_an_error() -> None:
    """It can't be listened on twice."""
    first = listen_tcp("127.0.0.1", 0, backlog=1, keepalive_s=lambda: 0)
    with socket.socket(fileno=os.dup(first.fileno())) as same:
        port = same.getsockname()[1]
    with pytest.raises(OSError, match="in use"):
        listen_tcp("127.0.0.1", port, backlog=1, keepalive_s=lambda: 0)
    first.close()


def test_unix_sockets(tmp_path: Path) -> None:
    """A file left by a process that died is replaced; the mode is set; addresses are the path."""
    path = tmp_path / "meridian.sock"
    listen_unix(str(path), mode=0, backlog=4).close()
    assert path.exists()
    listener = listen_unix(str(path), mode=0o700, backlog=4)
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        connection, peer, own = listener.accept()
        assert peer == own == f"{path}:0"
        connection.close()
    listener.close()


def test_a_path_that_cannot_be_listened_on(tmp_path: Path) -> None:
    """An error, and no socket is left open."""
    with pytest.raises(OSError):
        listen_unix(str(tmp_path / "none" / "meridian.sock"), mode=0, backlog=4)


def test_address_text() -> None:
    """Brackets around IPv6 only."""
    assert address_text(("192.0.2.1", 80)) == "192.0.2.1:80"
    assert address_text(("::1", 80, 0, 0)) == "[::1]:80"
