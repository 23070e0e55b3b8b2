"""Start and stop the two servers that are compared, each in a directory of its own.

What is tested can be chosen from outside:

`MERIDIAN_COMMAND`   the command to start, e.g. `python -m meridian_resp`; the words {port}, {dir},
                     {http_port} and {gossip_port} are replaced, and `--port {port} --dir {dir}` is
                     added when it has no {port}. With `redis-server` the tests test themselves.
`MERIDIAN_ADDRESS`   host:port of a server that runs already; it is neither started nor stopped.
`REDIS_SERVER`       the reference server's program, `redis-server` by default.

Every server is ended by its own process id. A free port is asked of the kernel and given to the
server, so that any number of test processes can run side by side.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from compat_tests.raw_client import Address, ConnectionClosedError, RawClient

START_DEADLINE_S = 20.0
STOP_DEADLINE_S = 20.0
POLL_S = 0.01
REFERENCE_VERSION = "7.0"
_ROOT = Path(__file__).resolve().parent.parent
_MERIDIAN_OPTIONS = (
    "--port {port} --dir {dir} --http-port {http_port} --gossip-port {gossip_port} "
    "--enable-debug-command yes"
)


class ServerNotRunningError(Exception):
    """A server ended, or stayed silent instead of answering PING; the text holds its output."""


def free_port() -> int:
    """Return a TCP port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Server:
    """One server process, or a running server that belongs to somebody else (no command)."""

    name: str
    address: Address
    directory: Path
    command: list[str] = field(default_factory=list)
    process: subprocess.Popen[bytes] | None = None

    @property
    def output(self) -> Path:
        """The file that takes the server's standard output and error."""
        return self.directory / "output.log"

    def start(self) -> None:
        """Start the process and wait until it answers PING.

        Raises:
            ServerNotRunningError: it ended or said nothing within the deadline.
        """
        self.spawn()
        self.wait_ready()

    def spawn(self) -> None:
        """Start the process and wait for nothing."""
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=_ROOT,
                start_new_session=True,
            )

    def wait_ready(self) -> None:
        """Return when the server answers PING, be it by asking for a password."""
        deadline = time.monotonic() + START_DEADLINE_S
        while time.monotonic() < deadline:
            if self.process is not None and self.process.poll() is not None:
                break
            with contextlib.suppress(OSError, ConnectionClosedError):
                client = RawClient(self.address, timeout_s=START_DEADLINE_S)
                try:
                    if client.do("PING").startswith((b"+PONG", b"-NOAUTH")):
                        return
                finally:
                    client.close()
            time.sleep(POLL_S)
        self.kill()
        raise ServerNotRunningError(f"{shlex.join(self.command)}\n{self.tail()}")

    def tail(self) -> str:
        """Return the last lines of the server's output, for a failure's text."""
        if not self.output.exists():
            return ""
        return "\n".join(self.output.read_text(errors="replace").splitlines()[-40:])

    def is_alive(self) -> bool:
        """Return whether the process runs; a server of somebody else counts as running."""
        return self.process is None or self.process.poll() is None

    def kill(self) -> None:
        """End the process as a crash would (SIGKILL) and reap it."""
        self._signal(signal.SIGKILL)

    def stop(self) -> int | None:
        """End the process gracefully (SIGTERM) and return its exit code."""
        return self._signal(signal.SIGTERM)

    def _signal(self, number: signal.Signals) -> int | None:
        process, self.process = self.process, None
        if process is None:
            return None
        if process.poll() is None:
            process.send_signal(number)
        try:
            return process.wait(STOP_DEADLINE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return None


def redis_program() -> str | None:
    """Return the path of the reference server, None when there is none."""
    return shutil.which(os.environ.get("REDIS_SERVER", "redis-server"))


def redis_version(program: str) -> str:
    """Return the version that a redis-server program prints of itself, e.g. "7.0.15"."""
    text = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    words = [word for word in text.stdout.split() if word.startswith("v=")]
    return words[0][2:] if words else "unknown"


def redis_server(directory: Path, *options: str) -> Server:
    """Return a reference server, not yet started, that keeps nothing on disk by itself."""
    program = redis_program()
    if program is None:
        raise ServerNotRunningError("redis-server is not installed")
    address = Address("127.0.0.1", free_port())
    command = [program, "--port", str(address.port), "--dir", str(directory)]
    command += ["--bind", "127.0.0.1", "--save", "", "--enable-debug-command", "yes"]
    return Server("redis", address, directory, [*command, *options])


def meridian_command() -> str | None:
    """Return the template of the command that starts what is tested, None if nothing is there."""
    given = os.environ.get("MERIDIAN_COMMAND")
    if given:
        return given if "{port}" in given else f"{given} --port {{port}} --dir {{dir}}"
    script = Path(sys.executable).with_name("meridian")
    if script.exists():
        return f"{shlex.quote(str(script))} {_MERIDIAN_OPTIONS}"
    if (_ROOT / "meridian_resp" / "__main__.py").exists():
        return f"{shlex.quote(sys.executable)} -m meridian_resp {_MERIDIAN_OPTIONS}"
    return None


def meridian_address() -> Address | None:
    """Return the address of an already running server under test, if one was named."""
    given = os.environ.get("MERIDIAN_ADDRESS")
    if not given:
        return None
    host, _, port = given.rpartition(":")
    return Address(host or "127.0.0.1", int(port))


def meridian_server(directory: Path, *options: str) -> Server:
    """Return the server under test, not yet started, with further options at the end."""
    template = meridian_command()
    if template is None:
        raise ServerNotRunningError("there is no meridian to start")
    address = Address("127.0.0.1", free_port())
    words = {
        "port": str(address.port),
        "dir": str(directory),
        "http_port": str(free_port()),
        "gossip_port": str(free_port()),
    }
    command = [word.format(**words) for word in shlex.split(template)]
    return Server("meridian", address, directory, [*command, *options])


def is_redis_under_test() -> bool:
    """Return whether redis-server is under test, so that the tests test themselves."""
    return "redis-server" in os.environ.get("MERIDIAN_COMMAND", "")
