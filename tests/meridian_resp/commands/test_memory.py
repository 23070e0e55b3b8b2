from __future__ import annotations

import pytest

from meridian_resp.commands.memory import doctor_report
from meridian_resp.server.statistics import ServerStatistics
from storage import StorageStatistics
from tests.harness.fake_server import ServerRunner

GIGABYTE = 1 << 30


def test_usage_grows_with_the_value() -> None:
    """Null for no key; SAMPLES is taken and changes nothing for a string."""
    runner = ServerRunner()
    assert runner.run("memory usage k") == b"$-1\r\n"
    runner.run(b"set", b"k", b"x" * 1000)
    small = int(runner.run("memory usage k")[1:-2])
    runner.run(b"set", b"k", b"x" * 3000)
    assert int(runner.run("memory usage k samples 0")[1:-2]) == small + 2000
    assert small > 1000


@pytest.mark.parametrize("options", ["samples", "samples -1", "foo 3", "samples 1 2"])
def test_usage_refuses_other_options(options: str) -> None:
    """As Redis does."""
    runner = ServerRunner()
    assert runner.run(f"memory usage k {options}") == b"-ERR syntax error\r\n"
    assert runner.run("memory usage k samples x") == (
        b"-ERR value is not an integer or out of range\r\n"
    )


def test_stats_add_up() -> None:
    """Cached and buffered bytes are the data set, the rest of the process is overhead."""
    runner = ServerRunner()
    runner.run("set a 1")
    runner.run("select 2")
    runner.run("set b 1")
    runner.fake.server_statistics = ServerStatistics(version="0", cache_bytes=1000)
    runner.fake.engine_statistics = StorageStatistics(
        memtable_bytes=100, sealed_bytes=20, cache_bytes=3
    )
    reply = runner.run("memory stats")
    assert b"$10\r\nkeys.count\r\n:2\r\n" in reply
    assert b"$13\r\ndataset.bytes\r\n:1123\r\n" in reply
    assert b"$19\r\nkeys.bytes-per-key\r\n" not in reply
    assert b"$18\r\nkeys.bytes-per-key\r\n:561\r\n" in reply
    assert b"$4\r\ndb.0\r\n*2\r\n$12\r\nobject.cache\r\n" in reply
    assert b"$4\r\ndb.2\r\n" in reply
    assert b"$4\r\ndb.1\r\n" not in reply
    assert runner.resp3().run("memory stats").startswith(b"%")


def test_the_doctor_remarks_on_what_is_remarkable() -> None:
    """A small server, a machine that is full, memory nobody knows of, a slow disk."""
    quiet = {"used": GIGABYTE, "machine": 16 * GIGABYTE, "known": GIGABYTE // 2}
    small = doctor_report(used=1000, machine=2000, known=0, sealed_memtables=9)
    assert "little memory" in small
    assert "Nothing" in doctor_report(**quiet, sealed_memtables=0)
    assert "several memtables" in doctor_report(**quiet, sealed_memtables=5).lower()
    assert "80%" in doctor_report(**(quiet | {"machine": GIGABYTE}), sealed_memtables=0)
    assert "MEMORY PURGE" in doctor_report(**(quiet | {"known": 0}), sealed_memtables=0)


def test_small_ones() -> None:
    """DOCTOR reports, PURGE answers OK, MALLOC-STATS says that there are none."""
    runner = ServerRunner()
    assert runner.resp3().run("memory doctor").startswith(b"=")
    assert runner.run("memory purge") == b"+OK\r\n"
    assert b"Stats not supported for the current allocator" in runner.run("memory malloc-stats")
    assert runner.run("memory foo") == b"-ERR unknown subcommand 'foo'. Try MEMORY HELP.\r\n"
