"""The same hostile bytes to a real redis-server 7: the same number of commands, the same error.

Commands here are unknown to Redis, so that each is answered by one line; the error is the last.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meridian_resp.protocol.requests import ProtocolError, RequestLimits, RequestParser

REDIS_SERVER = shutil.which("redis-server")
pytestmark = [
    pytest.mark.redis,
    pytest.mark.process,
    pytest.mark.skipif(REDIS_SERVER is None, reason="redis-server is not installed"),
]


@contextmanager
def running_redis(*options: str) -> Iterator[str]:
    """A redis-server on a Unix socket of its own; gives the socket's path."""
    assert REDIS_SERVER is not None
    with tempfile.TemporaryDirectory(prefix="redis-") as folder:
        path = str(Path(folder) / "socket")
        with subprocess.Popen(
            [REDIS_SERVER, "--port", "0", "--unixsocket", path, "--save", "", *options],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as process:
            assert process.stdout is not None
            try:
                ready = any(b"ready to accept" in line for line in process.stdout)
                assert ready, "redis-server ended before it was ready"
                yield path
            finally:
                process.kill()
                process.stdout.close()


@pytest.fixture(scope="module")
def redis_path() -> Iterator[str]:
    """A server whose clients need no password."""
    with running_redis() as path:
        yield path


@pytest.fixture(scope="module")
def locked_redis_path() -> Iterator[str]:
    """A server whose clients have not authenticated."""
    with running_redis("--requirepass", "secret") as path:
        yield path


def ask_redis(path: str, data: bytes) -> list[bytes]:
    """The lines a client gets that sends all of `data` and then ends its side."""
    received = b""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(20)
        client.connect(path)
        try:
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # refused before all was read: the answer is in the socket
        try:
            while chunk := client.recv(1 << 16):
                received += chunk
        except ConnectionResetError:
            pass  # closed with bytes of ours unread, after the answer
    return received.splitlines(keepends=True)


def agree(path: str, data: bytes, *, authenticated: bool = True) -> str | None:
    """Compare with our parser; return the error's text, None without one."""
    lines = ask_redis(path, data)
    parser = RequestParser(RequestLimits(), authenticated=authenticated)
    try:
        commands, error = parser.feed(data), None
    except ProtocolError as caught:
        commands, error = caught.commands, caught
    if error is not None:
        assert lines[-1:] == [error.reply]
        lines.pop()
    assert len(lines) == len(commands)
    assert all(line.startswith(b"-ERR unknown command") for line in lines)
    return None if error is None else error.text


BIG = b"x" * 200_000


@pytest.mark.parametrize(
    "data",
    [
        *(b"*\r\n", b"*x\r\n", b"*01\r\n", b"*+1\r\n", b"* 1\r\n", b"*2147483648\r\n"),
        *(b"*" + BIG, b"*1\0\r\n" + BIG, b"*1\r\n" + BIG, b"*1\r\n$" + BIG, BIG, b"a\0\n" + BIG),
        *(b"*1\r\n:1\r\n", b"*1\r\n*1\r\n", b"*1\r\n\r\n", b"*1\r\n\n\r\n", b"*1\r\n\xff\r\n"),
        *(b"*1\r\n$\r\n", b"*1\r\n$-1\r\n", b"*1\r\n$01\r\n", b"*1\r\n$536870913\r\n"),
        *(b"*1\r\n$x\r\n", b"*1\r\n$9223372036854775808\r\n", b'a "b\r\n', b"a 'b'c\n"),
        b"*1\r\n$1\r\nx\r\n" * 30 + b"*2\r\n$1\r\ny\r\n+z\r\n",
        b"x y\r\n\r\n*0\r\n*-1\r\nx\n*x\r\n",
    ],
    ids=lambda data: repr(data[:24]),
)
def test_refusals_are_those_of_redis(redis_path: str, data: bytes) -> None:
    """Every refusal has the same text, after the same commands."""
    assert agree(redis_path, data) is not None


@pytest.mark.parametrize(
    "data",
    [
        b"*11\r\n" + b"$1\r\nx\r\n" * 11,
        b"*1\r\n$16385\r\n" + b"x" * 16_387,
    ],
    ids=["arguments", "length"],
)
def test_unauthenticated_refusals_are_those_of_redis(locked_redis_path: str, data: bytes) -> None:
    """The narrow limits before authentication are the same, and so is just within them."""
    assert "unauthenticated" in (agree(locked_redis_path, data, authenticated=False) or "")
    ten = b"*10\r\n" + b"$1\r\nx\r\n" * 9 + b"$16384\r\n" + b"x" * 16_384 + b"\r\n"
    assert agree(locked_redis_path, ten, authenticated=False) is None


TOKENS = [
    *(b"*-1\r\n", b"*0\r\n", b"*1\r\n", b"*2\r\n", b"*3\r\n", b"$0\r\n", b"$1\r\n", b"$2\r\n"),
    *(b"x", b"xy", b"\r\n", b"\n", b"\r", b"XX", b"\0", b" ", b"\t", b"\v", b"'", b'"', b"\\"),
    *(b"+x\r\n", b":1\r\n", b"=5\r\ntxt:a\r\n", b"~1\r\n", b"_\r\n", b"\\x41", b"\\n", b"*", b"$"),
    *(b"*1\r\n$1\r\nx\r\n", b"*2\r\n$1\r\nx\r\n$2\r\nxy\r\n", b'x "y z"\r\n', b"x 'y'\n"),
]


@given(st.lists(st.sampled_from(TOKENS), max_size=20).map(b"".join))
def test_garbage_means_what_it_means_to_redis(redis_path: str, data: bytes) -> None:
    """Random pieces of requests and of replies: the same commands and the same end."""
    agree(redis_path, data)
