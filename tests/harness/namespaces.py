"""Machines of our own: network namespaces on a bridge, so that a real partition can be made.

Each host is a namespace with one address; its cable goes to a hub, a further namespace with two
bridges. All cables begin in the first bridge; a partition plugs some of them into the second.
Nothing is changed outside of the namespaces, which are named after this process and removed at
the end.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache

from attrs import frozen

NETWORK = "198.18.77"
_ANSWER_S = 10


@cache
def why_not() -> str:
    """Why namespaces can't be made here; empty if they can."""
    if shutil.which("ip") is None:
        return "the program ip (package iproute2) is not installed"
    probe = f"meridian-probe-{os.getpid()}"
    made = _ip("netns", "add", probe)
    if made.returncode:
        return f"network namespaces can't be made: {made.stderr.strip()}"
    try:
        bridge = _ip("-n", probe, "link", "add", "probe", "type", "bridge")
        return f"bridges can't be made: {bridge.stderr.strip()}" if bridge.returncode else ""
    finally:
        _ip("netns", "del", probe)


@frozen
class Host:
    """One namespace. `command` is what a program is started with to run in it."""

    number: int
    namespace: str
    address: str

    @property
    def command(self) -> tuple[str, ...]:
        """The words before a program's own."""
        return ("ip", "netns", "exec", self.namespace)


class Hub:
    """The namespace that all cables lead to."""

    def __init__(self, namespace: str, hosts: Sequence[Host]) -> None:
        self._namespace = namespace
        self.hosts = hosts

    def divide(self, side: Sequence[Host]) -> None:
        """Let these hosts reach each other only, and the others each other only."""
        for host in side:
            self._plug(host, "second")

    def heal(self) -> None:
        """Let everybody reach everybody."""
        for host in self.hosts:
            self._plug(host, "first")

    def _plug(self, host: Host, bridge: str) -> None:
        _must("-n", self._namespace, "link", "set", f"port{host.number}", "master", bridge)


@contextmanager
def hosts_on_a_hub(count: int) -> Iterator[Hub]:
    """So many hosts that reach each other."""
    prefix = f"meridian-{os.getpid()}"
    namespace = f"{prefix}-hub"
    hosts = [
        Host(number, f"{prefix}-{number}", f"{NETWORK}.{number}") for number in range(1, count + 1)
    ]
    made: list[str] = []
    try:
        for name in (namespace, *(host.namespace for host in hosts)):
            _must("netns", "add", name)
            made.append(name)
        for bridge in ("first", "second"):
            _must("-n", namespace, "link", "add", bridge, "type", "bridge")
            _must("-n", namespace, "link", "set", bridge, "up")
        for host in hosts:
            _cable(namespace, host)
        yield Hub(namespace, hosts)
    finally:
        for name in made:
            _ip("netns", "del", name)


def _cable(hub: str, host: Host) -> None:
    port = f"port{host.number}"
    _must(
        "-n", hub, "link", "add", port, "type", "veth",
        "peer", "name", "eth0", "netns", host.namespace,
    )  # fmt: skip
    _must("-n", hub, "link", "set", port, "master", "first")
    _must("-n", hub, "link", "set", port, "up")
    _must("-n", host.namespace, "addr", "add", f"{host.address}/24", "dev", "eth0")
    _must("-n", host.namespace, "link", "set", "eth0", "up")
    _must("-n", host.namespace, "link", "set", "lo", "up")


def _must(*words: str) -> None:
    done = _ip(*words)
    assert done.returncode == 0, (words, done.stderr)


def _ip(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["ip", *words], capture_output=True, text=True, timeout=_ANSWER_S, check=False
    )
