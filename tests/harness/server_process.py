"""A server as a process of its own, started as a user starts it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.harness.simulated_server import line

#: A server that does not answer for so long hangs.
PATIENCE_S = 20


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Wire:
    """A blocking connection that sends commands and reads bytes."""

    def __init__(self, address: tuple[str, int] | str) -> None:
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        self.socket = socket.socket(family)
        self.socket.settimeout(PATIENCE_S)
        self.socket.connect(address)

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *exception: object) -> None:
        self.socket.close()

    def send(self, *commands: str | bytes) -> None:
        """Send commands as one chunk."""
        self.socket.sendall(b"".join([line(command) for command in commands]))

    def read(self, size: int) -> bytes:
        """Exactly so many bytes, fewer only if the server closes."""
        received = bytearray()
        while len(received) < size:
            part = self.socket.recv(size - len(received))
            if not part:
                break
            received += part
        return bytes(received)

    def ask(self, command: str | bytes) -> bytes:
        """The one-line reply of a command, without its line end; a bulk string's content."""
        self.send(command)
        return self.reply()

    def reply(self) -> bytes:
        """The next reply: its line without the end, or a bulk string's content."""
        head = bytearray()
        while not head.endswith(b"\r\n"):
            part = self.read(1)
            if not part:
                raise ConnectionResetError("closed in the middle of a reply")
            head += part
        text = bytes(head[:-2])
        if text[:1] == b"$" and text != b"$-1":
            return self.read(int(text[1:]) + 2)[:-2]
        return text


class ServerProcess:
    """A running `python -m meridian_resp`."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.process = process
        self.port = port
        self.log: list[str] = []

    def connect(self) -> Wire:
        """A connection to it."""
        return Wire(("127.0.0.1", self.port))

    def wait_ready(self) -> None:
        """Read its log until it says that it is ready."""
        assert self.process.stdout is not None
        for text in self.process.stdout:
            self.log.append(text)
            if "Ready. Connect with" in text:
                return
        raise AssertionError("it ended: " + "".join(self.log))

    def wait_end(self) -> int:
        """Read the rest of its log; its exit code."""
        rest, _ = self.process.communicate(timeout=PATIENCE_S)
        self.log.append(rest)
        return self.process.returncode

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait; the exit code."""
        self.process.send_signal(number)
        return self.wait_end()


def launch(
    directory: Path, *options: str, port: int = 0, environment: Mapping[str, str] | None = None
) -> ServerProcess:
    """Start a process; it may end by itself. Options that begin with a file come first."""
    port = port or free_port()
    first = [option for option in options[:1] if not option.startswith("-")]
    process = subprocess.Popen(
        [
            sys.executable, "-m", "meridian_resp", *first, "--port", str(port),
            "--http-port", "0", "--dir", str(directory), *options[len(first) :],
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **(environment or {})},
    )  # fmt: skip
    return ServerProcess(process, port)


@contextmanager
def running(directory: Path, *options: str, port: int = 0) -> Iterator[ServerProcess]:
    """A server that answers; killed at the end if it still runs."""
    server = launch(directory, *options, port=port)
    try:
        server.wait_ready()
        yield server
    finally:
        if server.process.poll() is None:
            server.process.kill()
        server.process.communicate()
