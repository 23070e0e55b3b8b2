"""Several servers that form a cluster, as processes of their own, on one machine or on hosts.

Every node is spoken to over its Unix socket, which reaches into network namespaces too. Waiting
means asking again until it is so, with a deadline: processes have their own time.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from attrs import define, field

from tests.harness.namespaces import Host
from tests.harness.server_process import ServerProcess, Wire, free_port

_PAUSE_S = 0.05


@define(eq=False)
class ClusterProcess:
    """One node: where it is, and its process while it runs."""

    number: int
    directory: Path
    port: int
    gossip_port: int
    host: Host | None = None
    options: tuple[str, ...] = ()
    server: ServerProcess | None = None
    log: list[str] = field(factory=list)
    _reader: threading.Thread | None = None

    @property
    def address(self) -> str:
        """Where the others reach it."""
        return "127.0.0.1" if self.host is None else self.host.address

    @property
    def socket_path(self) -> str:
        """Its Unix socket."""
        return str(self.directory / "socket")

    def command(self) -> list[str]:
        """How its process is started."""
        return [
            *(self.host.command if self.host is not None else ()),
            sys.executable, "-m", "meridian_resp", "--port", str(self.port),
            "--gossip-port", str(self.gossip_port), "--bind", self.address,
            "--protected-mode", "no", "--http-port", "0", "--dir", str(self.directory),
            "--unixsocket", self.socket_path, "--cluster-enabled", "yes", *self.options,
        ]  # fmt: skip

    def start(self) -> None:
        """Start the process and wait until it serves."""
        self.directory.mkdir(exist_ok=True)
        process = subprocess.Popen(
            self.command(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.server = ServerProcess(process, self.port)
        self.server.wait_ready()
        # Its log is read on, or a full pipe would stop it.
        self._reader = threading.Thread(target=self._read_log, args=(process,), daemon=True)
        self._reader.start()

    def _read_log(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for text in process.stdout:
            self.log.append(text)

    def kill(self) -> None:
        """End it without a word, as a fault would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it as an operator does."""
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        assert self.server is not None
        process = self.server.process
        process.send_signal(number)
        process.wait(timeout=20)
        if self._reader is not None:
            self._reader.join()
        assert process.stdout is not None
        process.stdout.close()
        self.server = None

    def ask(self, *commands: str) -> bytes:
        """The reply of the last of these commands, sent on one connection."""
        with Wire(self.socket_path) as wire:
            reply = b""
            for command in commands:
                reply = wire.ask(command)
            return reply

    def information(self) -> dict[str, str]:
        """CLUSTER INFO."""
        lines = self.ask("CLUSTER INFO").decode().split("\r\n")
        return dict(line.split(":", 1) for line in lines if ":" in line)

    def nodes(self) -> dict[str, list[str]]:
        """CLUSTER NODES: the words of each line, by the number of the client port."""
        lines = self.ask("CLUSTER NODES").decode().splitlines()
        return {line.split()[1].partition("@")[0]: line.split() for line in lines}

    def slots(self) -> str:
        """Who owns which slots, in one text that is equal on nodes that agree."""
        rows = [[words[0], *sorted(words[8:])] for words in self.nodes().values()]
        return "|".join(sorted(":".join(row) for row in rows))


@contextmanager
def cluster_of(
    directory: Path,
    count: int,
    *,
    hosts: Sequence[Host] = (),
    options: Sequence[str] = (),
) -> Iterator[list[ClusterProcess]]:
    """So many fresh nodes that run and know nothing of each other; killed at the end."""
    nodes = []
    for number in range(count):
        host = hosts[number] if hosts else None
        port, gossip_port = (7401, 7400) if host is not None else (free_port(), free_port())
        nodes.append(
            ClusterProcess(
                number, directory / f"n{number}", port, gossip_port, host, tuple(options)
            )
        )
    try:
        for node in nodes:
            node.start()
        yield nodes
    finally:
        for node in nodes:
            if node.server is not None:
                node.kill()


def wait_until(is_so: Callable[[], object], within_s: float, what: str) -> float:
    """Ask until it is so; how many seconds that took."""
    started = time.monotonic()
    failure: Exception | None = None
    while (took := time.monotonic() - started) < within_s:
        try:
            if is_so():
                return took
        except OSError as error:
            failure = error
        time.sleep(_PAUSE_S)
    raise AssertionError(f"not within {within_s} s: {what}" + (f" ({failure})" if failure else ""))


def agree(nodes: Sequence[ClusterProcess]) -> bool:
    """Whether all of them are in one cluster of at least these nodes, with the same slots."""
    if any(node.information().get("cluster_state") != "ok" for node in nodes):
        return False
    return len({node.slots() for node in nodes}) == 1 and all(
        int(node.information()["cluster_known_nodes"]) >= len(nodes) for node in nodes
    )
