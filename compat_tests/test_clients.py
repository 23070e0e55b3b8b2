"""Real programs against the server under test: redis-py, redis-cli, redis-benchmark.

Nothing is compared here; what a user of these programs expects is asserted, and the same tests
pass with redis-server in Meridian's place.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
import redis
import redis.asyncio
from redis.exceptions import ResponseError, WatchError

from compat_tests.raw_client import encode_command

if TYPE_CHECKING:
    from compat_tests.servers import Server

PROGRAM_DEADLINE_S = 50


@pytest.fixture(params=[2, 3], ids=["resp2", "resp3"])
def client(meridian_process: Server, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A redis-py client of the server under test, on an empty database."""
    address = meridian_process.address
    with closing(redis.Redis(address.host, address.port, protocol=request.param)) as found:
        found.flushall()
        yield found


def _program(name: str, server: Server, *arguments: str, data: bytes = b"", code: int = 0) -> str:
    """Run a program of the redis-tools package against a server and return what it printed."""
    program = shutil.which(name)
    if program is None:
        pytest.skip(f"{name} is not installed")
    command = [program, "-h", server.address.host, "-p", str(server.address.port), *arguments]
    finished = subprocess.run(
        command, input=data, capture_output=True, timeout=PROGRAM_DEADLINE_S, check=False
    )
    output = finished.stdout.decode(errors="replace")
    assert finished.returncode == code, output + finished.stderr.decode(errors="replace")
    return output


def test_strings(client: Any) -> None:
    """The string methods return what their documentation says."""
    assert client.set("key", "value") is True
    assert client.get("key") == b"value"
    assert client.set("key", "other", nx=True) is None
    assert client.set("key", "third", get=True) == b"value"
    assert client.getex("key", ex=100) == b"third"
    assert 90 < client.ttl("key") <= 100
    assert client.getdel("key") == b"third"
    assert client.get("key") is None
    assert client.incr("counter", 5) == 5
    assert client.decr("counter") == 4
    assert client.incrbyfloat("counter", 0.5) == 4.5
    assert client.append("text", "abc") == 3
    assert client.getrange("text", 1, -1) == b"bc"
    assert client.setrange("text", 1, "XX") == 3
    assert client.strlen("text") == 3
    assert client.mset({"a": 1, "b": 2}) is True
    assert client.mget("a", "missing", "b") == [b"1", None, b"2"]
    assert client.msetnx({"c": 1, "a": 1}) is False
    assert client.lcs("a", "b", len=True) == 0


def test_keys(client: Any) -> None:
    """The generic methods return what their documentation says."""
    client.mset({f"key:{index}": index for index in range(50)})
    assert client.exists("key:1", "key:2", "nothing") == 2
    assert client.type("key:1") == b"string"
    assert client.expire("key:1", 100) is True
    assert client.persist("key:1") is True
    assert client.rename("key:1", "renamed") is True
    assert client.renamenx("renamed", "key:2") is False
    assert client.copy("renamed", "copied") is True
    assert client.move("copied", 5) is True
    assert client.delete("renamed", "nothing") == 1
    assert client.unlink("key:2") == 1
    assert client.touch("key:3") == 1
    assert client.dbsize() == 48
    assert len(client.keys("key:1*")) == 10
    assert client.randomkey().startswith(b"key:")
    assert sorted(client.scan_iter(match="key:4*", count=5)) == sorted(client.keys("key:4*"))
    assert client.object("encoding", "key:3") == b"int"
    assert client.swapdb(0, 5) is True
    assert client.keys() == [b"copied"]


def test_server_methods(client: Any) -> None:
    """What redis-py parses it can parse: INFO, CONFIG, CLIENT, COMMAND, SLOWLOG, TIME, MEMORY."""
    client.set("key", "value")
    info = client.info()
    assert info["redis_version"].startswith("7.")
    assert info["db0"]["keys"] == 1
    assert client.info("replication")["role"] == "master"
    assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    assert client.config_set("slowlog-max-len", 64) is True
    assert client.config_set("slowlog-max-len", 128) is True
    assert client.client_setname("tester") is True
    assert client.client_id() in [int(line["id"]) for line in client.client_list()]
    assert client.client_info()["name"] in ("tester", "")
    assert client.command_count() == len(client.command())
    assert client.command()["get"]["arity"] == 2
    assert client.command_getkeys("SET", "a", "b") in (["a"], [b"a"])
    assert isinstance(client.slowlog_get(), list)
    assert client.slowlog_reset() is True
    assert len(client.time()) == 2
    assert client.memory_usage("key") > 0
    assert client.memory_stats()["keys.count"] == 1
    assert client.ping() is True
    assert client.echo("hello") == b"hello"
    assert client.lastsave() is not None
    assert client.save() is True
    assert client.config_resetstat() is True
    assert client.latency_latest() == []
    assert client.flushdb() is True


def test_pipelines_and_transactions(client: Any) -> None:
    """Pipelines with and without MULTI return all results; errors come where they belong."""
    with client.pipeline(transaction=False) as pipe:
        assert pipe.set("a", 1).incr("a").get("a").execute() == [True, 2, b"2"]
    with client.pipeline() as pipe:
        assert pipe.set("a", 1).incr("a").get("a").execute() == [True, 2, b"2"]
    with client.pipeline() as pipe:
        pipe.set("text", "abc").incr("text").set("after", 1)
        results = pipe.execute(raise_on_error=False)
    assert isinstance(results[1], ResponseError)
    assert client.get("after") == b"1"
    with client.pipeline(transaction=False) as pipe:
        for index in range(5000):
            pipe.set(f"key{index}", index)
        assert all(pipe.execute())


def test_watch_retries_until_it_succeeds(client: Any) -> None:
    """Counters of several threads under WATCH lose nothing; a dirty watch raises WatchError."""
    with client.pipeline() as pipe:
        pipe.watch("key")
        client.set("key", "changed")
        pipe.multi()
        pipe.set("key", "mine")
        with pytest.raises(WatchError):
            pipe.execute()

    def add_many() -> None:
        for _ in range(20):
            client.transaction(add_one, "counter")

    def add_one(pipe: Any) -> None:
        value = int(pipe.get("counter") or 0)
        pipe.multi()
        pipe.set("counter", value + 1)

    threads = [threading.Thread(target=add_many) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert client.get("counter") == b"80"


@pytest.mark.parametrize("protocol", [2, 3])
def test_asyncio_client(meridian_process: Server, protocol: int) -> None:
    """redis.asyncio does the same: commands, pipelines, WATCH, iteration, many at once."""

    async def work() -> None:
        address = meridian_process.address
        found: Any = redis.asyncio.Redis(host=address.host, port=address.port, protocol=protocol)
        async with found:
            await found.flushall()
            await found.set("key", "value", ex=100)
            assert await found.get("key") == b"value"
            async with found.pipeline() as pipe:
                assert await pipe.incr("n").incr("n").execute() == [1, 2]
            await asyncio.gather(*(found.incr("many") for _ in range(50)))
            assert await found.get("many") == b"50"
            await found.mset({f"scan:{index}": index for index in range(100)})
            names = [name async for name in found.scan_iter(match="scan:*")]
            assert len(set(names)) == 100
            async with found.pipeline() as pipe:
                await pipe.watch("key")
                await found.set("key", "changed")
                pipe.multi()
                pipe.set("key", "mine")
                with pytest.raises(WatchError):
                    await pipe.execute()

    asyncio.run(work())


def test_decoded_responses_and_database(meridian_process: Server) -> None:
    """A client made from a URL works in its database and decodes."""
    address = meridian_process.address
    url = f"redis://{address}/7?decode_responses=true"
    with closing(redis.Redis.from_url(url)) as found:
        found.flushdb()
        found.set("ключ", "значение")
        assert found.keys() == ["ключ"]
        assert found.get("ключ") == "значение"


def test_locks(client: Any) -> None:
    """A redis-py lock is taken with SET NX PX; releasing it needs scripts."""
    if not client.command_list(module=None) or b"evalsha" not in client.command_list():
        first = client.lock("lock", timeout=10, blocking=False)
        second = client.lock("lock", timeout=10, blocking=False)
        assert first.acquire() is True
        assert second.acquire() is False
        assert 0 < client.pttl("lock") <= 10_000
        pytest.skip("releasing a lock needs EVALSHA, which the server under test does not have")
    with client.lock("lock", timeout=10) as held:
        assert held.owned()
    assert client.get("lock") is None


def test_redis_cli_commands(meridian_process: Server) -> None:
    """redis-cli sets, gets, chooses a database, speaks RESP3, shows INFO."""
    _program("redis-cli", meridian_process, "flushall")
    assert _program("redis-cli", meridian_process, "set", "a", "b") == "OK\n"
    assert _program("redis-cli", meridian_process, "get", "a") == "b\n"
    assert _program("redis-cli", meridian_process, "-n", "3", "get", "a") == "\n"
    assert _program("redis-cli", meridian_process, "-n", "3", "set", "a", "three") == "OK\n"
    assert _program("redis-cli", meridian_process, "-n", "3", "dbsize") == "1\n"
    assert _program("redis-cli", meridian_process, "-3", "get", "a") == "b\n"
    assert "maxmemory-policy" in _program(
        "redis-cli", meridian_process, "-3", "config", "get", "maxmemory-policy"
    )
    assert "redis_version:7" in _program("redis-cli", meridian_process, "info")
    assert "db3:keys=1" in _program("redis-cli", meridian_process, "info", "keyspace")
    assert "PONG" in _program("redis-cli", meridian_process, "-r", "3", "ping")
    assert _program("redis-cli", meridian_process, "-x", "set", "piped", data=b"input") == "OK\n"
    assert _program("redis-cli", meridian_process, "get", "piped") == "input\n"
    assert (
        _program("redis-cli", meridian_process, data=b"set i 1\nincr i\nget i\n") == "OK\n2\n2\n"
    )


def test_redis_cli_help_comes_from_the_server(meridian_process: Server) -> None:
    """An interactive start reads COMMAND DOCS without an error."""
    output = _program("redis-cli", meridian_process, "command", "docs", "get")
    assert "summary" in output
    assert "since" in output


def test_redis_cli_scan(meridian_process: Server) -> None:
    """--scan lists every key, with a pattern the matching ones; --bigkeys and --memkeys finish."""
    _program("redis-cli", meridian_process, "flushall")
    load = b"".join(encode_command("SET", f"key:{index}", "x" * index) for index in range(300))
    _program("redis-cli", meridian_process, "--pipe", data=load)
    lines = _program("redis-cli", meridian_process, "--scan").split()
    assert sorted(set(lines)) == sorted(f"key:{index}" for index in range(300))
    lines = _program("redis-cli", meridian_process, "--scan", "--pattern", "key:1?").split()
    assert sorted(set(lines)) == [f"key:1{digit}" for digit in range(10)]
    assert "300 strings with" in _program("redis-cli", meridian_process, "--bigkeys")
    assert "300 strings with" in _program("redis-cli", meridian_process, "--memkeys")


def test_redis_cli_pipe(meridian_process: Server) -> None:
    """--pipe loads raw protocol and counts replies and errors."""
    data = b"".join(encode_command("SET", f"pipe:{index}", index) for index in range(2000))
    data += encode_command("INCR", "pipe:0", "x")
    output = _program("redis-cli", meridian_process, "--pipe", data=data, code=1)
    assert "errors: 1, replies: 2001" in output
    assert _program("redis-cli", meridian_process, "get", "pipe:1999") == "1999\n"


def test_redis_cli_stat(meridian_process: Server) -> None:
    """--stat reads INFO every interval and prints a line of numbers."""
    program = shutil.which("redis-cli")
    if program is None:
        pytest.skip("redis-cli is not installed")
    address = meridian_process.address
    command = [program, "-h", address.host, "-p", str(address.port), "--stat", "-i", "0.01"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        lines = [process.stdout.readline().decode() for _ in range(4)]
    finally:
        process.kill()
        process.communicate()
    assert "keys" in lines[1]
    assert lines[2].split()[0].isdigit()


def test_redis_cli_latency_and_monitor(meridian_process: Server) -> None:
    """--latency measures PING; MONITOR streams what others send."""
    program = shutil.which("redis-cli")
    if program is None:
        pytest.skip("redis-cli is not installed")
    address = meridian_process.address
    process = subprocess.Popen(
        [program, "-h", address.host, "-p", str(address.port), "monitor"], stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"OK\n"
        _program("redis-cli", meridian_process, "set", "seen", "yes")
        assert b'"set" "seen" "yes"' in process.stdout.readline()
    finally:
        process.kill()
        process.communicate()
    numbers = _program("redis-cli", meridian_process, "--raw", "--latency", "-i", "1").split()
    assert len(numbers) == 4


def test_redis_benchmark(meridian_process: Server) -> None:
    """A small benchmark finishes for each test, plain and pipelined."""
    for options in (("-n", "2000", "-c", "20"), ("-n", "4000", "-P", "16", "-c", "20")):
        output = _program(
            "redis-benchmark",
            meridian_process,
            *options,
            *("-t", "ping,set,get,incr,mset", "-q", "-r", "1000", "--csv"),
        )
        for test in ("PING_INLINE", "PING_MBULK", "SET", "GET", "INCR", "MSET (10 keys)"):
            assert f'"{test}",' in output
