"""The composition root: listeners, names of commands, limits of the process, one whole life."""

from __future__ import annotations

import gc
import logging
import resource
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
import trio

from meridian_resp import app
from meridian_resp.config.redis_values import CommandRename
from meridian_resp.config.settings import Settings
from meridian_resp.server.io import Listener
from meridian_resp.server.node import Node
from tests.harness.server_process import free_port
from tests.harness.simulated_server import line

#: An address for documentation: no machine has it.
UNREACHABLE = "198.51.100.7"


@pytest.fixture(autouse=True)
def _restored_process() -> Iterator[None]:
    """Leave logging, the collector and the limits of the process as they were."""
    root = logging.getLogger()
    handlers, level, thresholds = list(root.handlers), root.level, gc.get_threshold()
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    gc.set_threshold(*thresholds)
    gc.unfreeze()
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_renamed_commands() -> None:
    """Each line of the settings is done, in order; a chain of renames works."""
    renames = (CommandRename(b"GET", b"x"), CommandRename(b"x", b"y"), CommandRename(b"SET", b""))
    table = app._command_table(Settings(rename_command=renames))
    assert table.find(b"Y") is not None
    assert table.find(b"get") is table.find(b"set") is table.find(b"x") is None


def test_a_logfile_that_cannot_be_opened(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The server says which file and why, and does not start."""
    settings = Settings(logfile=str(tmp_path / "missing" / "meridian.log"))
    assert app.main(settings) == 1
    assert "missing/meridian.log" in capsys.readouterr().err


def test_a_rename_that_cannot_be_done(capsys: pytest.CaptureFixture[str]) -> None:
    """The process ends with 1 and names the option."""
    assert app.main(Settings(rename_command=(CommandRename(b"nosuch", b"x"),))) == 1
    assert "rename-command: no command is called nosuch" in capsys.readouterr().out


class CollectedListeners:
    """A node and its reactor, as far as opening listeners needs them."""

    def __init__(self) -> None:
        self.reactor = self
        self.listeners = self
        self.collected: list[Listener] = []

    def add(self, listener: Listener) -> None:
        """Keep it."""
        self.collected.append(listener)


def listen(settings: Settings) -> list[Listener]:
    """The listeners that settings ask for. Raises OSError."""
    collected = CollectedListeners()
    app._listen(cast(Node, collected), settings)
    return collected.collected


def test_listeners(tmp_path: Path) -> None:
    """Every address of `bind` and the Unix socket; addresses with a minus may fail."""
    port = free_port()
    path = str(tmp_path / "m.sock")
    bind = ("127.0.0.1", f"-{UNREACHABLE}")
    listeners = listen(Settings(port=port, bind=bind, unixsocket=path))
    with socket.create_connection(("127.0.0.1", port)), socket.socket(socket.AF_UNIX) as unix:
        unix.connect(path)
    assert len(listeners) == 2
    for listener in listeners:
        listener.close()


def test_an_address_that_must_work() -> None:
    """Without a minus its failure is an error that names it."""
    with pytest.raises(OSError, match=rf"can't listen on {UNREACHABLE} port \d+: "):
        listen(Settings(port=free_port(), bind=(UNREACHABLE,)))


def test_nothing_to_listen_on() -> None:
    """No port and no Unix socket is a mistake."""
    with pytest.raises(OSError, match="set port, or unixsocket"):
        listen(Settings(port=0))


def test_the_limit_of_open_files_follows_the_limit_of_clients(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is raised as far as allowed; if that is too little, a warning says so."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (600, hard))
    app._raise_descriptor_limit(300)
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 812
    app._raise_descriptor_limit(10)
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 812
    if hard != resource.RLIM_INFINITY:
        app._raise_descriptor_limit(hard)
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == hard
        assert "only" in caplog.text


async def test_a_whole_life(tmp_path: Path) -> None:
    """Start, serve, SHUTDOWN: the run returns 0, and the next one finds the data."""
    settings = Settings(
        dir=str(tmp_path), port=free_port(), http_port=0, compaction_workers=0, memtable_size_mb=1
    )
    answers = []
    for command in ("SET a 1", "GET a"):
        async with trio.open_nursery() as nursery:
            codes: list[int] = []

            async def live(codes: list[int] = codes) -> None:
                codes.append(await app.run(settings, app._command_table(settings)))

            nursery.start_soon(live)
            with trio.fail_after(20):
                stream = await connected(settings.port)
            await stream.send_all(line(command) + line("SHUTDOWN"))
            answers.append(b"".join([part async for part in stream]))
            await stream.aclose()
        assert codes == [0]
    assert answers == [b"+OK\r\n", b"$1\r\n1\r\n"]


async def connected(port: int) -> trio.SocketStream:
    """A connection, as soon as somebody listens."""
    while True:
        try:
            return await trio.open_tcp_stream("127.0.0.1", port)
        except OSError:
            await trio.lowlevel.checkpoint()


def test_a_directory_that_cannot_be_opened(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1 and one line that says why, without a traceback."""
    path = tmp_path / "file"
    path.write_text("")
    settings = Settings(dir=str(path), port=free_port(), http_port=0)
    assert app.main(settings) == 1
    told = capsys.readouterr().out
    assert "Meridian can't run" in told
    assert "Traceback" not in told
