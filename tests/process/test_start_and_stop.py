"""The server as a process: how it starts, refuses to start, and ends."""

from __future__ import annotations

import signal
import socket
import subprocess
from pathlib import Path

import pytest

from tests.harness.server_process import Wire, launch, running
from tests.harness.simulated_server import line, request

pytestmark = pytest.mark.process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_gracefully(number: signal.Signals, tmp_path: Path) -> None:
    """Exit code 0, the log synced, what was written is there after the next start."""
    with running(tmp_path, "--appendfsync", "no") as server:
        with server.connect() as wire:
            assert wire.ask("SET a 1") == b"+OK"
            assert server.stop(number) == 0
            assert wire.socket.recv(10) == b""
        assert "The log is synced and closed" in server.log[-1]
        assert "Traceback" not in "".join(server.log)
    with running(tmp_path) as server, server.connect() as wire:
        assert wire.ask("GET a") == b"1"


def test_shutdown_by_command(tmp_path: Path) -> None:
    """SHUTDOWN ends the connection without a reply and the process with 0."""
    with running(tmp_path) as server, server.connect() as wire:
        wire.send("SET a 1", "SHUTDOWN")
        assert wire.read(100) == b"+OK\r\n"
        assert server.wait_end() == 0


def test_the_start_is_told(tmp_path: Path) -> None:
    """Version, process, directory and how to connect are in the log."""
    with running(tmp_path) as server:
        told = "".join(server.log)
        for word in ("Meridian", "Redis 7", "Python 3", str(tmp_path), f"-p {server.port}"):
            assert word in told
        assert f"process {server.process.pid}" in told


def test_a_second_process_on_the_directory_is_refused(tmp_path: Path) -> None:
    """A clear message, exit code 1, and the first one serves on."""
    with running(tmp_path) as server, server.connect() as wire:
        second = launch(tmp_path)
        assert second.wait_end() == 1
        told = "".join(second.log)
        assert "Meridian can't run" in told
        assert "another process" in told
        assert "Traceback" not in told
        assert wire.ask("PING") == b"+PONG"


def test_a_port_in_use_is_refused(tmp_path: Path) -> None:
    """A clear message with the address, and exit code 1."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        server = launch(tmp_path, port=port)
        assert server.wait_end() == 1
    told = "".join(server.log)
    assert f"can't listen on 127.0.0.1 port {port}: Address already in use" in told
    assert "Traceback" not in told


def test_an_unknown_command_to_rename_is_refused(tmp_path: Path) -> None:
    """The start fails before anything is opened."""
    server = launch(tmp_path / "data", "--rename-command", "nosuch", "x")
    assert server.wait_end() != 0
    assert "nosuch" in "".join(server.log)


def test_a_redis_configuration_as_first_argument(tmp_path: Path) -> None:
    """A Redis user's own file starts it, with Redis' limits; unknown directives are named."""
    path = tmp_path / "redis.conf"
    path.write_text(
        "# mine\n"
        "maxmemory 100mb\nmaxclients 77\nappendonly yes\nappendfsync always\n"
        'requirepass "a b"\nrename-command FLUSHALL ""\nno-such-directive 1\n'
    )
    with running(tmp_path / "data", str(path)) as server, server.connect() as wire:
        assert "no-such-directive" in "".join(server.log)
        assert wire.ask(request("AUTH", "a b")) == b"+OK"
        assert wire.ask(request("SET", "k" * 5000, "v")) == b"+OK"
        assert wire.ask("FLUSHALL").startswith(b"-ERR unknown command")
        assert wire.ask("CONFIG GET maxclients") == b"*2"
        assert [wire.reply(), wire.reply()] == [b"maxclients", b"77"]
        assert server.stop() == 0


def test_a_unix_socket(tmp_path: Path) -> None:
    """It serves beside the port, has its mode, and is gone after the stop."""
    path = tmp_path / "m.sock"
    with running(
        tmp_path / "data", "--unixsocket", str(path), "--unixsocketperm", "700"
    ) as server:
        assert path.stat().st_mode & 0o777 == 0o700
        with Wire(str(path)) as wire:
            assert wire.ask("SET a 1") == b"+OK"
            assert f"addr={path}:0".encode() in wire.ask("CLIENT INFO")
        with server.connect() as wire:
            assert wire.ask("GET a") == b"1"
        assert server.stop() == 0
        assert not path.exists()


def test_a_value_of_a_megabyte(tmp_path: Path) -> None:
    """In and out through real sockets; one byte more than the limit is refused."""
    value = bytes(range(256)) * 4096
    with running(tmp_path) as server, server.connect() as wire:
        assert wire.ask(request("SET", "k", value)) == b"+OK"
        assert wire.ask("GET k") == value
        assert wire.ask(request("SET", "k", value + b"x")).startswith(b"-ERR")
        assert wire.ask("STRLEN k") == b":1048576"


def test_a_slow_reader_hurts_nobody(tmp_path: Path) -> None:
    """Megabytes that one client does not take stay bounded, others are served, it can go on."""
    value = b"v" * 1_000_000
    with running(tmp_path) as server, server.connect() as slow, server.connect() as other:
        assert other.ask(request("SET", "k", value)) == b"+OK"
        slow.send(line("GET k") * 200)
        for _ in range(100):
            assert other.ask("PING") == b"+PONG"
        waiting = int(other.ask("CLIENT LIST").split(b"omem=")[1].split()[0])
        assert waiting < 4_000_000
        for _ in range(200):
            assert slow.reply() == value


def test_a_stop_lets_clients_take_their_replies(tmp_path: Path) -> None:
    """SIGTERM while a client is slow: all it was answered arrives, and the end is graceful."""
    value = b"v" * 1_000_000
    with running(tmp_path) as server, server.connect() as slow, server.connect() as other:
        other.ask(request("SET", "k", value))
        slow.send(line("GET k") * 20)
        assert other.ask("PING") == b"+PONG"
        server.process.send_signal(signal.SIGTERM)
        received = slow.read(1 << 30)
        assert len(received) >= 1_000_000
        assert len(received) % len(b"$1000000\r\n%b\r\n" % value) == 0
        assert server.wait_end() == 0


def test_a_client_that_takes_nothing_delays_the_stop_for_its_timeout_only(
    tmp_path: Path,
) -> None:
    """After `shutdown-timeout` the process ends, and says why it waited."""
    with running(tmp_path, "--shutdown-timeout", "1") as server:
        with server.connect() as slow, server.connect() as other:
            other.ask(request("SET", "k", b"v" * 1_000_000))
            slow.send(line("GET k") * 20)
            assert other.ask("PING") == b"+PONG"
            assert server.stop() == 0
    assert "within shutdown-timeout" in "".join(server.log)


def test_redis_cli_talks_to_it(tmp_path: Path) -> None:
    """The usual first contact works, where redis-cli is installed."""
    with running(tmp_path) as server:
        try:
            done = subprocess.run(
                ["redis-cli", "-p", str(server.port), "set", "a", "b"],
                capture_output=True,
                text=True,
                check=True,
            )
        except FileNotFoundError:
            pytest.skip("there is no redis-cli")
        assert done.stdout == "OK\n"
