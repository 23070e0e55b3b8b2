from __future__ import annotations

from typing import Any

import attrs
import pytest

from meridian_resp import REDIS_VERSION
from meridian_resp.commands.information_text import (
    SECTIONS,
    USUAL_SECTIONS,
    Facts,
    human,
    information_text,
    percentile_usec,
    sections_named,
)
from meridian_resp.commands.process_figures import ProcessFigures
from meridian_resp.config.settings import Settings
from meridian_resp.server.statistics import (
    CommandStatistics,
    DatabaseStatistics,
    ServerStatistics,
)
from storage import StorageStatistics
from storage.statistics import LevelStatistics

SERVER = ServerStatistics(
    version="0",
    run_id="ab" * 20,
    uptime_s=90000.5,
    connected_clients=3,
    commands_processed=12,
    errors_by_code={"WRONGTYPE": 1, "ERR": 4},
    cache_bytes=100,
    databases=(
        DatabaseStatistics(index=0, keys=5, expiring=2, ttl_ms_average=70),
        DatabaseStatistics(index=1),
        DatabaseStatistics(index=9, keys=1),
    ),
    duration_bounds_s=(0.00001, 0.001),
    commands=(
        CommandStatistics(
            name="config|get",
            calls_by_consistency={"ONE": 3, "ALL": 1},
            usec=10.0,
            errors=1,
            rejected=2,
            duration_buckets=(3, 1, 0),
        ),
        CommandStatistics(name="get", rejected=1, duration_buckets=(0, 0, 0)),
    ),
)
FACTS = Facts(
    now_ms=1_700_000_000_123,
    settings=Settings(),
    server=SERVER,
    storage=StorageStatistics(
        wal_size_bytes=77,
        appended_offset=100,
        synced_offset=40,
        levels=(LevelStatistics(0, 2, 1000), LevelStatistics(1, 3, 5000)),
    ),
    process=ProcessFigures(123, 2048, 4096, 8 << 30, 1.5, 2.25, 0.125, 0.5),
    last_save=(1_699_999_999, True),
    is_saving=False,
    system="Linux 6.1 x86_64",
    executable="/usr/bin/meridian",
)


def fields(section: str, **changes: Any) -> dict[str, str]:
    """A section's fields by name, for facts with changes."""
    text = information_text(attrs.evolve(FACTS, **changes), [section])
    lines = text.split("\r\n")
    assert lines[0] == f"# {SECTIONS[section][0]}"
    assert lines[-1] == ""
    return dict(line.split(":", 1) for line in lines[1:-1])


def test_sections_are_separated_by_a_blank_line() -> None:
    """In their own order, whatever the order asked for; what does not exist is nothing."""
    text = information_text(FACTS, ["cluster", "foo", "modules"])
    assert text == "# Modules\r\n\r\n# Cluster\r\ncluster_enabled:0\r\n"
    assert information_text(FACTS, ["foo"]) == ""


@pytest.mark.parametrize("section", SECTIONS)
def test_every_line_is_a_name_and_a_value(section: str) -> None:
    """No line breaks inside, no name twice."""
    text = information_text(FACTS, [section])
    lines = text.split("\r\n")[1:-1]
    names = [line.partition(":")[0] for line in lines]
    assert len(names) == len(set(names))
    assert all(line.index(":") > 0 for line in lines)
    assert "None" not in text


def test_what_clients_gate_on() -> None:
    """Versions, mode, port, role and loading are where every client library looks."""
    server = fields("server")
    assert server["redis_version"] == REDIS_VERSION
    assert server["redis_mode"] == "standalone"
    assert server["tcp_port"] == "7401"
    assert server["run_id"] == "ab" * 20
    assert (server["uptime_in_seconds"], server["uptime_in_days"]) == ("90000", "1")
    assert server["server_time_usec"] == "1700000000123000"
    assert server["config_file"] == ""
    assert fields("persistence")["loading"] == "0"
    assert fields("replication")["role"] == "master"
    assert fields("replication")["connected_slaves"] == "0"
    assert fields("memory")["maxmemory_policy"] == "noeviction"
    assert fields("cluster") == {"cluster_enabled": "0"}


def test_memory_is_that_of_the_process() -> None:
    """Used is resident; the data set is what is cached and buffered."""
    memory = fields("memory")
    assert memory["used_memory"] == "2048"
    assert memory["used_memory_human"] == "2.00K"
    assert memory["used_memory_peak_perc"] == "50.00%"
    assert (memory["used_memory_dataset"], memory["used_memory_overhead"]) == ("100", "1948")
    unknown = ProcessFigures(1, 0, 0, 0, 0.0, 0.0, 0.0, 0.0)
    assert fields("memory", process=unknown)["used_memory_peak_perc"] == "0.00%"


def test_persistence_in_the_terms_of_the_engine() -> None:
    """The log is the append-only file, a flush is a save; a refusal shows."""
    persistence = fields("persistence")
    assert persistence["rdb_last_save_time"] == "1699999999"
    assert persistence["rdb_last_bgsave_status"] == "ok"
    assert persistence["aof_enabled"] == "1"
    assert persistence["aof_last_write_status"] == "ok"
    assert persistence["meridian_wal_unsynced_bytes"] == "60"
    assert (persistence["meridian_tables"], persistence["meridian_table_bytes"]) == ("5", "6000")
    failed = fields(
        "persistence",
        storage=StorageStatistics(refusal="disk full"),
        last_save=(5, False),
        is_saving=True,
    )
    assert failed["aof_last_write_status"] == "err"
    assert failed["rdb_last_bgsave_status"] == "err"
    assert failed["rdb_bgsave_in_progress"] == "1"
    assert failed["meridian_writes_refused"] == "disk full"


def test_stats_lacked_the_rates_until_they_were_sampled() -> None:
    """A tool that asked at once found no field; it is 0 as in Redis, and then rounded likewise."""
    stats = fields("stats")
    assert stats["total_commands_processed"] == "12"
    assert stats["total_error_replies"] == "5"
    assert stats["instantaneous_ops_per_sec"] == "0"
    sampled = attrs.evolve(
        SERVER, commands_per_s=10.6, input_bytes_per_s=2048.0, output_bytes_per_s=512.0
    )
    stats = fields("stats", server=sampled)
    assert stats["instantaneous_ops_per_sec"] == "11"
    assert stats["instantaneous_input_kbps"] == "2.00"
    assert stats["instantaneous_output_kbps"] == "0.50"


def test_statistics_per_command_error_and_database() -> None:
    """One line each, in the forms that tools parse; empty databases have none."""
    assert fields("commandstats") == {
        "cmdstat_config|get": (
            "calls=4,usec=10,usec_per_call=2.50,rejected_calls=2,failed_calls=1"
        ),
        "cmdstat_get": "calls=0,usec=0,usec_per_call=0.00,rejected_calls=1,failed_calls=0",
    }
    assert fields("errorstats") == {"errorstat_ERR": "count=4", "errorstat_WRONGTYPE": "count=1"}
    assert fields("latencystats") == {
        "latency_percentiles_usec_config|get": "p50=10.000,p99=1000.000,p99.9=1000.000"
    }
    assert fields("keyspace") == {
        "db0": "keys=5,expires=2,avg_ttl=70",
        "db9": "keys=1,expires=0,avg_ttl=0",
    }
    assert fields("cpu")["used_cpu_user"] == "2.250000"


def test_percentiles_beyond_the_last_bound_are_the_last_bound() -> None:
    """The buckets cannot tell more."""
    slow = CommandStatistics(name="x", duration_buckets=(1, 0, 9))
    assert percentile_usec(slow, (0.001, 0.01), "50") == 10_000.0
    assert percentile_usec(slow, (0.001, 0.01), "10") == 1_000.0


def test_sizes_for_people() -> None:
    """As Redis writes them."""
    sizes = (0, 1023, 1024, 1187752, 25276502016, 2**60)
    written = [human(size) for size in sizes]
    assert written == ["0B", "1023B", "1.00K", "1.13M", "23.54G", "1024.00P"]


def test_words_for_several_sections() -> None:
    """No word is `default`; `all` and `everything` are all; case does not matter."""
    assert sections_named([]) == USUAL_SECTIONS == sections_named(["DEFAULT"])
    assert set(sections_named(["all"])) == set(SECTIONS) == set(sections_named(["Everything"]))
    assert set(SECTIONS) - set(USUAL_SECTIONS) == {"commandstats", "latencystats"}
    assert sections_named(["CPU", "cpu", "foo"]) == ("cpu", "foo")
