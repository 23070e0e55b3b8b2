"""Data outlive the process: a crash, a graceful stop, and a start from a redis.conf."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compat_tests.both import Both, Pair
from compat_tests.conftest import EXAMPLES
from compat_tests.raw_client import RawClient, parse
from compat_tests.sequences import ANY_COMMAND, Runner, Step, contents, run_sequence, steps
from compat_tests.servers import (
    Server,
    is_redis_under_test,
    meridian_address,
    meridian_command,
    meridian_server,
)

if TYPE_CHECKING:
    from pathlib import Path

    from compat_tests.raw_client import Argument

#: Opens a connection that the test need not close.
Connect = Callable[[], RawClient]
FAR_MS = 4_102_444_800_000


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server of the test's own, to be killed and started again in the same directory."""
    if meridian_address() is not None or meridian_command() is None:
        pytest.skip("a server that these tests may kill is needed")
    options = ("--appendonly", "yes") if is_redis_under_test() else ()
    found = meridian_server(tmp_path, *options)
    found.start()
    yield found
    found.kill()


@pytest.fixture
def connect(server: Server) -> Iterator[Connect]:
    """Returns a new connection at each call; all are closed at the end."""
    opened: list[RawClient] = []

    def open_one() -> RawClient:
        opened.append(RawClient(server.address))
        return opened[-1]

    yield open_one
    for client in opened:
        client.close()


def _everything(server: Server) -> object:
    client = RawClient(server.address)
    try:
        return contents(client)
    finally:
        client.close()


COMMANDS: tuple[tuple[Argument, ...], ...] = (
    ("SET", "plain", "value"),
    ("SET", b"binary\x00\xff", bytes(range(256))),
    ("SET", "", "empty key"),
    ("SET", "timed", "value", "PXAT", FAR_MS),
    ("SET", "persisted", "value", "EX", "100"),
    ("PERSIST", "persisted"),
    ("SET", "deleted", "value"),
    ("DEL", "deleted"),
    ("SET", "old name", "value"),
    ("RENAME", "old name", "new name"),
    ("APPEND", "text", "one"),
    ("APPEND", "text", "two"),
    ("SETRANGE", "text", "10", "three"),
    ("INCRBY", "number", "41"),
    ("INCR", "number"),
    ("INCRBYFLOAT", "float", "1.5"),
    ("MSET", "m1", "1", "m2", "2"),
    ("SET", "big", "x" * 500_000),
    ("COPY", "plain", "copied", "DB", "1"),
    ("MOVE", "m2", "2"),
    ("MULTI",),
    ("SET", "in transaction", "1"),
    ("INCR", "in transaction"),
    ("EXEC",),
    ("SELECT", "3"),
    ("SET", "flushed", "1"),
    ("FLUSHDB",),
    ("SET", "after flush", "1"),
    ("SWAPDB", "1", "3"),
)


@pytest.mark.parametrize("ending", ["kill", "stop", "SHUTDOWN"])
def test_a_restart_keeps_everything(server: Server, connect: Connect, ending: str) -> None:
    """Whatever ended the process, the key space is the same after the next start, three times."""
    client = connect()
    for command in COMMANDS:
        assert not client.do(*command).startswith(b"-"), command
    expected = _everything(server)
    for round_number in range(3):
        if ending == "kill":
            server.kill()
        elif ending == "stop":
            assert server.stop() == 0
        else:
            client.send("SHUTDOWN")
            assert client.read_to_end() == b""
            server.stop()
        server.start()
        client = connect()
        assert expected == _everything(server)
        client.do("SELECT", "0")
        client.do("SET", f"round {round_number}", "x")
        expected = _everything(server)


def test_acknowledged_writes_survive_a_kill_under_load(server: Server, connect: Connect) -> None:
    """Every SET that was answered before the kill is there; half a transaction never is."""
    client = connect()
    acknowledged = -1
    batches = 60
    for batch in range(batches):
        commands: list[list[Argument]] = []
        for index in range(batch * 50, batch * 50 + 50):
            commands += [["MULTI"], ["SET", f"a{index}", index], ["SET", f"b{index}", index]]
            commands += [["EXEC"]]
        client.pipeline(commands)
        acknowledged = batch * 50 + 49
    # What follows is sent and not waited for: it may or may not have happened.
    for index in range(batches * 50, batches * 50 + 2000):
        for command in (("MULTI",), ("SET", f"a{index}", index), ("SET", f"b{index}", index)):
            client.send(*command)
        client.send("EXEC")
    server.kill()
    server.start()
    client = connect()
    last = batches * 50 + 2000
    first = [parse(reply) for reply in client.pipeline([["GET", f"a{n}"] for n in range(last)])]
    second = [parse(reply) for reply in client.pipeline([["GET", f"b{n}"] for n in range(last)])]
    assert first[: acknowledged + 1] == [str(n).encode() for n in range(acknowledged + 1)]
    assert first == second, "half a transaction is there"


def test_random_sequences_survive_kills(redis_process: Server, server: Server) -> None:
    """After random commands, a flush to tables or none, and a kill, all is as in a live Redis."""

    @settings(max_examples=max(EXAMPLES // 5, 3))
    @given(steps(ANY_COMMAND), st.booleans(), steps(ANY_COMMAND, 20))
    def check(first: list[Step], is_saved: bool, second: list[Step]) -> None:
        with closing(Both(Pair(redis_process, server))) as both:
            run_sequence(both, first)
            if is_saved:
                both.do("SAVE")
            with closing(Runner(both)) as runner:
                runner.run(second)
            server.kill()
            server.start()
            both.reopen()
            with closing(Runner(both)) as runner:
                runner.compare_contents()

    check()


def test_expired_keys_stay_gone(server: Server, connect: Connect) -> None:
    """A key that expired, before the kill or while the server was down, does not come back."""
    client = connect()
    client.do("SET", "before", "1", "PX", "10")
    while client.do("EXISTS", "before") != b":0\r\n":
        pass
    client.do("SET", "during", "1", "PX", "200")
    client.do("SET", "stays", "1")
    server.kill()
    server.start()
    client = connect()
    while client.do("EXISTS", "during") != b":0\r\n":
        pass
    assert client.value("KEYS", "*") == [b"stays"]


def test_writes_after_a_flushall_and_a_kill(server: Server, connect: Connect) -> None:
    """FLUSHALL is as durable as a write."""
    client = connect()
    client.pipeline([["SET", f"key{index}", "1"] for index in range(1000)])
    client.do("FLUSHALL")
    client.do("SET", "new", "1")
    server.kill()
    server.start()
    client = connect()
    assert client.value("KEYS", "*") == [b"new"]
    assert client.value("DBSIZE") == 1


def test_save_then_kill(server: Server, connect: Connect) -> None:
    """What SAVE put into files and what came after it are both there."""
    client = connect()
    client.pipeline([["SET", f"key{index}", "old"] for index in range(500)])
    assert client.do("SAVE") == b"+OK\r\n"
    client.pipeline([["SET", f"key{index}", "new"] for index in range(0, 500, 2)])
    client.pipeline([["DEL", f"key{index}"] for index in range(0, 500, 5)])
    server.kill()
    server.start()
    client = connect()
    for index in range(500):
        expected = None if index % 5 == 0 else b"new" if index % 2 == 0 else b"old"
        assert client.value("GET", f"key{index}") == expected
    assert client.value("DBSIZE") == 400


def test_always_survives_a_kill(server: Server, connect: Connect) -> None:
    """Under appendfsync always each answered write is there, and replies keep their order."""
    client = connect()
    assert client.do("CONFIG", "SET", "appendfsync", "always") == b"+OK\r\n"
    replies = client.pipeline([["INCR", "counter"] for _ in range(500)])
    assert replies == [b":%d\r\n" % number for number in range(1, 501)]
    server.kill()
    server.start()
    client = connect()
    assert client.value("GET", "counter") == b"500"


def test_a_redis_conf_starts_it(server: Server, connect: Connect, tmp_path: Path) -> None:
    """A redis.conf as first argument is obeyed; with it the limits are those of Redis."""
    server.kill()
    configuration = tmp_path / "redis.conf"
    configuration.write_text(
        f"# a user's own file\nport {server.address.port}\ndir {tmp_path}\nsave 900 1\n"
        'requirepass "a secret"\nmaxmemory-policy noeviction\nslowlog-max-len 17\n'
    )
    command, server.command = server.command, _with_file(server.command, str(configuration))
    try:
        server.start()
        client = connect()
        assert client.do("GET", "key").startswith(b"-NOAUTH")
        assert client.do("AUTH", "a secret") == b"+OK\r\n"
        assert client.value("CONFIG", "GET", "slowlog-max-len") == [b"slowlog-max-len", b"17"]
        assert client.do("SET", "k" * 2000, "x" * 3_000_000) == b"+OK\r\n"
        assert len(client.value("GET", "k" * 2000)) == 3_000_000
    finally:
        server.kill()
        server.command = command


def _with_file(command: list[str], path: str) -> list[str]:
    """Return a start command in which the file goes before the first option."""
    first = next(index for index, word in enumerate(command) if word.startswith("--"))
    options = command[first:]
    drop = {"--port", "--dir"}
    kept: list[str] = []
    for name, value in zip(options[::2], options[1::2], strict=True):
        kept += [] if name in drop else [name, value]
    return [*command[:first], path, *kept]


def test_a_second_process_is_refused(server: Server, connect: Connect) -> None:
    """A directory in use is not opened again; the first process goes on."""
    if is_redis_under_test():
        pytest.skip("redis-server does not lock its directory")
    assert shutil.which(server.command[0])
    other = meridian_server(server.directory)
    finished = subprocess.run(other.command, capture_output=True, timeout=30, check=False)
    assert finished.returncode != 0
    client = connect()
    assert client.do("SET", "key", "1") == b"+OK\r\n"
