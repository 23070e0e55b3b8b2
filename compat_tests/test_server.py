"""INFO CONFIG TIME SAVE BGSAVE LASTSAVE SLOWLOG LATENCY MEMORY DEBUG SHUTDOWN."""

from __future__ import annotations

import re
import time
from functools import partial
from typing import TYPE_CHECKING

import pytest

from compat_tests.both import wait_until
from compat_tests.raw_client import ErrorReply, RawClient, as_map

if TYPE_CHECKING:
    from compat_tests.both import Both
    from compat_tests.raw_client import Argument

INTEGER = r"-?\d+"
DECIMAL = r"-?\d+\.\d+"
PERCENT = r"\d+\.\d+%"
SIZE = r"\d+(\.\d+)?[BKMGT]"
YES_NO = r"[01]"
ANY = r".*"

#: The fields that clients, dashboards and exporters read, by section, with what they must match.
INFO_FIELDS: dict[str, dict[str, str]] = {
    "server": {
        "redis_version": r"7\.\d+\.\d+",
        "redis_mode": r"standalone",
        "os": ANY,
        "arch_bits": r"64",
        "process_id": INTEGER,
        "run_id": r"[0-9a-f]{40}",
        "tcp_port": INTEGER,
        "uptime_in_seconds": INTEGER,
        "uptime_in_days": INTEGER,
        "hz": INTEGER,
        "executable": ANY,
        "config_file": ANY,
    },
    "clients": {
        "connected_clients": INTEGER,
        "maxclients": INTEGER,
        "blocked_clients": INTEGER,
        "tracking_clients": INTEGER,
    },
    "memory": {
        "used_memory": INTEGER,
        "used_memory_human": SIZE,
        "used_memory_rss": INTEGER,
        "used_memory_peak": INTEGER,
        "used_memory_peak_human": SIZE,
        "total_system_memory": INTEGER,
        "maxmemory": INTEGER,
        "maxmemory_human": SIZE,
        "maxmemory_policy": r"noeviction",
        "mem_fragmentation_ratio": DECIMAL,
        "mem_allocator": ANY,
    },
    "persistence": {
        "loading": r"0",
        "rdb_changes_since_last_save": INTEGER,
        "rdb_bgsave_in_progress": YES_NO,
        "rdb_last_save_time": INTEGER,
        "rdb_last_bgsave_status": r"ok",
        "aof_enabled": YES_NO,
        "aof_rewrite_in_progress": YES_NO,
        "aof_last_bgrewrite_status": r"ok",
        "aof_last_write_status": r"ok",
    },
    "stats": {
        "total_connections_received": INTEGER,
        "total_commands_processed": INTEGER,
        "instantaneous_ops_per_sec": INTEGER,
        "total_net_input_bytes": INTEGER,
        "total_net_output_bytes": INTEGER,
        "instantaneous_input_kbps": DECIMAL,
        "instantaneous_output_kbps": DECIMAL,
        "rejected_connections": INTEGER,
        "expired_keys": INTEGER,
        "evicted_keys": INTEGER,
        "keyspace_hits": INTEGER,
        "keyspace_misses": INTEGER,
        "pubsub_channels": INTEGER,
        "pubsub_patterns": INTEGER,
        "latest_fork_usec": INTEGER,
        "total_error_replies": INTEGER,
    },
    "replication": {
        "role": r"master",
        "connected_slaves": r"0",
        "master_replid": r"[0-9a-f]{40}",
        "master_repl_offset": INTEGER,
    },
    "cpu": {"used_cpu_sys": DECIMAL, "used_cpu_user": DECIMAL},
    "cluster": {"cluster_enabled": r"0"},
}


def info(client: RawClient, *sections: str) -> dict[str, str]:
    """Return INFO's fields."""
    text = client.value("INFO", *sections).decode()
    return dict(line.split(":", 1) for line in text.split("\r\n") if ":" in line)


@pytest.mark.parametrize("section", INFO_FIELDS)
def test_info_fields_exist_and_have_their_type(both: Both, section: str) -> None:
    """Each field that tools read is there, alone and in the whole, and reads as they expect."""
    for client in (both.redis, both.meridian):
        for fields in (info(client, section), info(client), info(client, section.upper())):
            for name, pattern in INFO_FIELDS[section].items():
                assert name in fields, f"{name} is missing in section {section}"
                assert re.fullmatch(pattern, fields[name]), f"{name}:{fields[name]}"


def test_info_form(both: Both) -> None:
    """INFO has the headers of Redis in the same order, empty lines between, CRLF at each end."""
    for arguments in ((), ("default",), ("server", "clients"), ("nothing",), ("keyspace",)):
        headers = []
        for client in (both.redis, both.meridian):
            text = client.value("INFO", *arguments).decode()
            assert "\n" not in text.replace("\r\n", "")
            assert not text or text.endswith("\r\n")
            headers.append([line for line in text.split("\r\n") if line.startswith("#")])
        # Sections of its own may come between; those of Redis keep their order.
        assert headers[0] == [line for line in headers[1] if line in headers[0]], arguments


def test_info_everything(both: Both) -> None:
    """`all` and `everything` add commandstats and errorstats, in the form exporters parse."""
    both.do("SET", "key", "1")
    both.do("GET")
    for arguments in (("all",), ("everything",), ("commandstats", "errorstats")):
        for client in (both.redis, both.meridian):
            fields = info(client, *arguments)
            pattern = (
                r"calls=\d+,usec=\d+,usec_per_call=\d+\.\d\d,rejected_calls=\d+,failed_calls=\d+"
            )
            assert re.fullmatch(pattern, fields["cmdstat_set"]), fields["cmdstat_set"]
            assert re.fullmatch(r"count=\d+", fields["errorstat_ERR"])


def test_info_counts_commands(both: Both) -> None:
    """CONFIG RESETSTAT sets counters to zero; from there both count the same."""
    both.do("CONFIG", "RESETSTAT")
    for command in (
        ("SET", "a", "1"),
        ("GET", "a"),
        ("GET", "missing"),
        ("MGET", "a", "missing", "b"),
        ("INCR", "a"),
        ("GET",),
        ("INCRBY", "a", "x"),
        ("EXISTS", "a", "missing"),
        ("STRLEN", "a"),
        ("CLIENT", "GETNAME"),
    ):
        both.do(*command)
    one, other = (info(client, "everything") for client in (both.redis, both.meridian))
    for name in ("keyspace_hits", "keyspace_misses", "errorstat_ERR", "total_error_replies"):
        assert one[name] == other[name], name
    for name in ("set", "get", "mget", "incr", "incrby", "exists", "strlen", "client|getname"):
        counts = [
            re.sub(r"usec=\d+,usec_per_call=[\d.]+,", "", fields[f"cmdstat_{name}"])
            for fields in (one, other)
        ]
        assert counts[0] == counts[1], name


def test_info_keyspace(both: Both) -> None:
    """Each database with keys has a line of keys, expires and avg_ttl."""
    both.do("SELECT", "3")
    both.do("SET", "a", "1", "EX", "1000")
    both.do("SET", "b", "1")
    both.do("SELECT", "0")
    both.do("SET", "c", "1")
    for client in (both.redis, both.meridian):
        fields = info(client, "keyspace")
        assert list(fields) == ["db0", "db3"]
        assert re.fullmatch(r"keys=1,expires=0,avg_ttl=0", fields["db0"])
        assert re.fullmatch(r"keys=2,expires=1,avg_ttl=\d+", fields["db3"])
    both.do("SELECT", "3")
    both.do("PERSIST", "a")
    both.do("DEL", "b")
    for client in (both.redis, both.meridian):
        assert info(client, "keyspace")["db3"].startswith("keys=1,expires=0,")


@pytest.mark.parametrize(
    "arguments",
    [
        ("GET", "maxmemory"),
        ("GET", "maxmemory-policy"),
        ("GET", "MaxMemory-Policy"),
        ("GET", "databases"),
        ("GET", "appendfsync"),
        ("GET", "proto-max-bulk-len"),
        ("GET", "slowlog-log-slower-than"),
        ("GET", "slowlog-max-len"),
        ("GET", "timeout"),
        ("GET", "requirepass"),
        ("GET", "nothing-of-this-name"),
        ("GET", ""),
        ("GET", "nothing", "maxmemory-policy", "nothing"),
        ("GET", "maxmemory-policy", "maxmemory-polic?"),
        ("GET",),
        ("SET",),
        ("SET", "maxmemory-policy"),
        ("SET", "nothing-of-this-name", "1"),
        ("SET", "maxmemory-policy", "nonsense"),
        ("SET", "timeout", "abc"),
        ("SET", "timeout", "-1"),
        ("SET", "databases", "17"),
        ("SET", "port"),
        ("SET", "slowlog-max-len", "128", "slowlog-max-len", "128"),
        ("SET", "slowlog-max-len", "128", "nothing", "1"),
        ("SET", "appendfsync", "sometimes"),
        ("RESETSTAT",),
        ("RESETSTAT", "x"),
        ("REWRITE",),
        ("foo",),
        (),
    ],
    ids=str,
)
def test_config(both: Both, arguments: tuple[Argument, ...]) -> None:
    """CONFIG answers and refuses with the same bytes."""
    both.do("CONFIG", *arguments)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("maxmemory", ["100mb", "1gb", "0", "1024", "5k", "7kb", "-1", "abc", "1.5gb", "0"]),
        ("slowlog-log-slower-than", ["0", "-1", "99", "10000", "x", "10000"]),
        ("slowlog-max-len", ["0", "1000000", "-1", "128"]),
        ("timeout", ["10", "0", "1.5", "0"]),
        ("appendfsync", ["always", "no", "EVERYSEC", "everysec"]),
        ("maxclients", ["100", "0", "10000"]),
        ("latency-monitor-threshold", ["100", "-1", "0"]),
        ("proto-max-bulk-len", ["1048576", "1", "512mb"]),
        ("client-output-buffer-limit", ["normal 1mb 2mb 60", "nobody 1 1 1", "normal 0 0 0"]),
    ],
)
def test_config_set_and_get(both2: Both, name: str, values: list[str]) -> None:
    """A value is normalised and refused in the same way; the last one restores the default."""
    for value in values:
        both2.do("CONFIG", "SET", name, value)
        both2.do("CONFIG", "GET", name)


def test_config_set_is_all_or_nothing(both: Both) -> None:
    """If one of several settings is refused none is made."""
    both.do("CONFIG", "SET", "slowlog-max-len", "77", "timeout", "abc")
    both.do("CONFIG", "GET", "slowlog-max-len")
    both.do("CONFIG", "SET", "slowlog-max-len", "128", "timeout", "0")


def test_config_get_by_pattern(both: Both) -> None:
    """Patterns give pairs; the parameters tools ask for are there with Redis' values."""
    for pattern in ("*", "max*", "*fsync*"):
        for client in (both.redis, both.meridian):
            pairs = as_map(client.value("CONFIG", "GET", pattern))
            assert pairs
            assert all(isinstance(item, bytes) for pair in pairs.items() for item in pair)
    both.unordered("CONFIG", "GET", "slowlog*")


def test_time_and_lastsave(both: Both) -> None:
    """TIME is two strings, seconds and microseconds; LASTSAVE a moment that is not ahead."""
    redis, meridian = both.shape("clock", "TIME")
    for seconds, microseconds in (redis, meridian):
        assert abs(int(seconds) - time.time()) < 5
        assert 0 <= int(microseconds) < 1_000_000
    for moment in both.shape("clock", "LASTSAVE"):
        assert 0 < moment <= time.time() + 1
    both.do("TIME", "x")
    both.do("LASTSAVE", "x")


def _is_saved(client: RawClient) -> bool:
    return info(client, "persistence")["rdb_bgsave_in_progress"] == "0"


def test_save(both: Both) -> None:
    """SAVE answers OK once data are on disk; BGSAVE starts; LASTSAVE moves."""
    both.do("SET", "key", "1")
    both.do("SAVE")
    after = both.values("LASTSAVE")
    assert all(abs(moment - time.time()) < 10 for moment in after)
    replies = both.shape("save", "BGSAVE")
    assert all(reply.startswith(b"Background saving") for reply in replies)
    for client in (both.redis, both.meridian):
        wait_until(partial(_is_saved, client), 10, "BGSAVE")
    both.do("BGSAVE", "foo")
    both.do("SAVE", "x")
    both.do("GET", "key")


def test_slowlog(both: Both) -> None:
    """Every command is logged at threshold 0, in the same form, arguments shortened alike."""
    long_arguments = [f"key{index}" for index in range(40)]
    both.do("CONFIG", "SET", "slowlog-log-slower-than", "0")
    try:
        both.do("SLOWLOG", "RESET")
        both.do("CLIENT", "SETNAME", "me")
        both.do("SET", "key", "x" * 200)
        both.do("MGET", *long_arguments)
        both.do("GET")
        for arguments in (("GET", "2"), ("GET",), ("GET", "-1"), ("GET", "0")):
            redis, meridian = both.values("SLOWLOG", *arguments)
            assert [[entry[3], entry[5]] for entry in redis] == [
                [entry[3], entry[5]] for entry in meridian
            ]
            for entry in meridian:
                assert len(entry) == 6
                assert all(isinstance(number, int) for number in entry[:3])
                assert re.fullmatch(rb"127\.0\.0\.1:\d+", entry[4])
    finally:
        both.do("CONFIG", "SET", "slowlog-log-slower-than", "-1")
    both.do("SLOWLOG", "LEN")
    both.do("SLOWLOG", "RESET")
    both.do("SLOWLOG", "LEN")
    both.do("CONFIG", "SET", "slowlog-log-slower-than", "10000")
    for wrong in (("GET", "-2"), ("GET", "abc"), ("foo",), ("LEN", "x"), ()):
        both.do("SLOWLOG", *wrong)


def test_slowlog_keeps_the_newest(both: Both) -> None:
    """slowlog-max-len bounds the log; ids go on counting."""
    both.do("CONFIG", "SET", "slowlog-max-len", "3", "slowlog-log-slower-than", "0")
    for index in range(6):
        both.do("ECHO", f"number {index}")
    both.do("CONFIG", "SET", "slowlog-log-slower-than", "-1")
    redis, meridian = both.values("SLOWLOG", "GET", "10")
    assert [entry[3] for entry in redis] == [entry[3] for entry in meridian]
    identifiers = [entry[0] for entry in meridian]
    assert identifiers == sorted(identifiers, reverse=True)
    both.do("CONFIG", "SET", "slowlog-max-len", "128", "slowlog-log-slower-than", "10000")


def test_latency(both: Both) -> None:
    """LATENCY reports the event `command` after a slow command, in the same form."""
    both.do("CONFIG", "SET", "latency-monitor-threshold", "10")
    both.do("LATENCY", "RESET")
    both.do("LATENCY", "LATEST")
    both.do("DEBUG", "SLEEP", "0.02")
    both.do("CONFIG", "SET", "latency-monitor-threshold", "0")
    for reply in both.shape("clock", "LATENCY", "LATEST"):
        assert b"command" in [entry[0] for entry in reply]
    for reply in both.shape("clock", "LATENCY", "HISTORY", "command"):
        assert all(15 <= milliseconds < 2000 for _, milliseconds in reply)
    for arguments in (
        ("HISTORY", "nothing"),
        ("RESET", "nothing"),
        ("RESET", "command"),
        ("HISTORY",),
        ("LATEST", "x"),
        ("GRAPH", "nothing"),
        ("foo",),
        (),
        ("LATEST",),
    ):
        both.do("LATENCY", *arguments)
    assert all(isinstance(text, bytes) for text in both.values("LATENCY", "DOCTOR"))


def test_latency_histogram(both: Both) -> None:
    """LATENCY HISTOGRAM names the commands that ran, with their calls and buckets."""
    both.do("CONFIG", "RESETSTAT")
    both.do("LATENCY", "HISTOGRAM", "set")
    for _ in range(10):
        both.do("SET", "key", "1")

    for reply in both.values("LATENCY", "HISTOGRAM", "set", "nonsense"):
        assert list(as_map(reply)) == [b"set"]
        histogram = as_map(as_map(reply)[b"set"])
        assert histogram[b"calls"] == 10
        buckets = as_map(histogram[b"histogram_usec"])
        assert max(buckets.values()) == 10
        assert all(isinstance(bound, int) for bound in buckets)


def test_memory(both: Both) -> None:
    """USAGE is a size or null, STATS a map with the fields tools read, DOCTOR a text."""
    both.do("SET", "small", "x")
    both.do("SET", "big", "x" * 10_000)
    sizes = [both.shape("memory", "MEMORY", "USAGE", key) for key in ("small", "big")]
    for small, big in zip(*sizes, strict=True):
        assert 0 < small < 1000 < 10_000 <= big < 100_000
    both.shape("memory", "MEMORY", "USAGE", "small", "SAMPLES", "0")
    for command in (
        ("USAGE", "missing"),
        ("USAGE",),
        ("USAGE", "small", "SAMPLES"),
        ("USAGE", "small", "SAMPLES", "x"),
        ("USAGE", "small", "SAMPLES", "-1"),
        ("USAGE", "small", "foo", "1"),
        ("foo",),
        (),
        ("DOCTOR", "x"),
        ("PURGE",),
    ):
        both.do("MEMORY", *command)
    for reply in both.values("MEMORY", "STATS"):
        pairs = as_map(reply)
        for field in (b"peak.allocated", b"total.allocated", b"keys.count", b"dataset.bytes"):
            assert isinstance(pairs[field], int), field
        assert pairs[b"keys.count"] == 2
    for name in ("DOCTOR", "MALLOC-STATS"):
        assert all(isinstance(text, bytes) and text for text in both.values("MEMORY", name))


def test_debug(both: Both) -> None:
    """DEBUG SLEEP holds the server, OBJECT describes a value, what is unknown is refused."""
    started = time.monotonic()
    both.do("DEBUG", "SLEEP", "0.05")
    assert time.monotonic() - started >= 0.05
    both.do("DEBUG", "SLEEP", "0")
    both.do("SET", "key", "12345")
    for text in both.values("DEBUG", "OBJECT", "key"):
        assert re.match(rb"Value at:\S+ refcount:\d+ encoding:int serializedlength:\d+", text), (
            text
        )
    for command in (
        ("OBJECT", "missing"),
        ("OBJECT",),
        ("SLEEP",),
        ("SET-ACTIVE-EXPIRE", "1"),
        ("JMAP",),
        (),
    ):
        both.do("DEBUG", *command)


def test_active_expiry_can_be_stopped(both2: Both) -> None:
    """Without the active cycle expired keys are counted until somebody reads them."""
    both2.do("DEBUG", "SET-ACTIVE-EXPIRE", "0")
    try:
        both2.do("MSET", "a", "1", "b", "1")
        both2.do("PEXPIRE", "a", "1")
        both2.do("SET", "probe", "1", "PX", "2")
        both2.eventually(-2, "PTTL", "probe")
        both2.do("DBSIZE")
        both2.do("GET", "a")
        both2.do("DBSIZE")
    finally:
        both2.do("DEBUG", "SET-ACTIVE-EXPIRE", "1")


@pytest.mark.parametrize("arguments", [("foo",), ("SAVE", "NOSAVE"), ("ABORT",), ("NOW", "x")])
def test_shutdown_that_is_refused(both: Both, arguments: tuple[str, ...]) -> None:
    """SHUTDOWN with a wrong option is refused and the server goes on."""
    both.do("SHUTDOWN", *arguments)
    both.do("PING")


@pytest.mark.parametrize(
    "container", ["CLIENT", "CONFIG", "COMMAND", "OBJECT", "MEMORY", "LATENCY", "SLOWLOG", "DEBUG"]
)
def test_help(both: Both, container: str) -> None:
    """HELP is an array of simple strings that begins and ends like Redis'."""
    redis, meridian = both.values(container, "HELP")
    assert not isinstance(meridian, ErrorReply)
    assert redis[0] == meridian[0]
    assert redis[-2:] == meridian[-2:]
    both.do(container, "HELP", "x")
