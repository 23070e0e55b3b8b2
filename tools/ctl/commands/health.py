"""`meridian-ctl health`: can the server read and write now? The exit code is the answer."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from tools.ctl.cluster import Cluster
from tools.ctl.commands import add_command
from tools.ctl.login import connect
from tools.ctl.output import Failure, Line, Value

if TYPE_CHECKING:
    from tools.ctl.commands import Commands


def add(commands: Commands) -> None:
    """Add the command."""
    add_command(commands, "health", run, "exit code 0 when the server can read and write")


def run(options: argparse.Namespace) -> Iterator[Line]:
    """Ask for a PONG and for what hinders writing.

    Raises:
        Failure: it is not healthy; the text says why.
    """
    with connect(options) as connection:
        begin = time.perf_counter()
        connection.call("PING")
        answer_ms = (time.perf_counter() - begin) * 1000
        troubles = troubles_of(connection.info("persistence"))
        is_node = connection.info("cluster").get("cluster_enabled") == "1"
        if is_node and not Cluster(connection).status().is_formed:
            troubles.append("it belongs to no cluster yet, so it serves no keys")
    data: dict[str, Value] = {
        "healthy": not troubles,
        "answer_ms": round(answer_ms, 3),
        "troubles": troubles,
    }
    yield Line("" if troubles else f"healthy, answers within {answer_ms:.1f} ms", data)
    if troubles:
        raise Failure(f"{options.server} is not healthy: {'; '.join(troubles)}")


def troubles_of(persistence: Mapping[str, str]) -> list[str]:
    """What the server says of its own troubles, in words."""
    troubles = []
    if persistence.get("loading", "0") != "0":
        troubles.append("it is still loading its data")
    if persistence.get("aof_last_write_status", "ok") != "ok":
        troubles.append("it cannot write to its log")
    failures = persistence.get("meridian_read_failures", "0")
    if failures != "0":
        last = persistence.get("meridian_last_read_failure", "")
        troubles.append(f"{failures} commands since its start could not read storage: {last}")
    return troubles
