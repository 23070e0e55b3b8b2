"""MONITOR: the stream of commands that another connection sends."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from compat_tests.both import Both
    from compat_tests.raw_client import Argument, RawClient

LINE = re.compile(rb"^\+\d+\.\d{6} \[(\d+) 127\.0\.0\.1:\d+\] (.*)\r\n$", re.DOTALL)


def parts(line: bytes) -> tuple[bytes, bytes]:
    """Return database and command of one monitor line; time and address are checked only."""
    match = LINE.match(line)
    assert match, f"not a monitor line: {line!r}"
    return match[1], match[2]


def expect_same_lines(watcher: Both, count: int) -> list[tuple[bytes, bytes]]:
    """Both monitors must show the same `count` commands."""
    lines = [
        [parts(client.read_reply()) for _ in range(count)]
        for client in (watcher.redis, watcher.meridian)
    ]
    assert lines[0] == lines[1]
    return lines[0]


@pytest.mark.parametrize(
    "command",
    [
        ("SET", "key", "value"),
        ("get", "key"),
        ("SET", "key", b"\x00\x01\xff\r\n\t\a\b\"\\'"),
        ("ECHO", "é"),
        ("ECHO", ""),
        ("ECHO", "x" * 1000),
        ("ECHO", "%s"),
        ("CLIENT", "GETNAME"),
        ("GET", "key", "-- with spaces --"),
    ],
    ids=lambda command: repr(command)[:40],
)
def test_a_command_is_shown(both: Both, command: tuple[Argument, ...]) -> None:
    """Time, database, address and quoted arguments stand in one simple string."""
    watcher = both.another()
    watcher.do("MONITOR")
    both.do(*command)
    both.do("ECHO", "end")
    lines = [_until(client, b'"ECHO" "end"') for client in (watcher.redis, watcher.meridian)]
    assert lines[0] == lines[1]


def test_the_database_is_that_after_the_command(both: Both) -> None:
    """A line is written when the command has run, so SELECT shows where it led."""
    watcher = both.another()
    watcher.do("MONITOR")
    both.do("SELECT", "3")
    both.do("ECHO", "in three")
    lines = expect_same_lines(watcher, 2)
    assert lines == [(b"3", b'"SELECT" "3"'), (b"3", b'"ECHO" "in three"')]


def test_what_is_not_shown(both: Both) -> None:
    """Administrative commands, wrong arity and unknown commands are hidden, AUTH too."""
    watcher = both.another()
    watcher.do("MONITOR")
    for command in (
        ("CONFIG", "GET", "maxmemory"),
        ("nonsense",),
        ("GET",),
        ("AUTH", "default", "secret"),
        ("CLIENT", "LIST", "foo"),
        ("SLOWLOG", "GET", "0"),
        ("DEBUG", "SLEEP", "0"),
        ("ECHO", "end"),
    ):
        both.do(*command)
    lines = [_until(client, b'"ECHO" "end"') for client in (watcher.redis, watcher.meridian)]
    assert lines[0] == lines[1]


def test_transactions_are_shown_when_they_run(both: Both) -> None:
    """Queued commands appear at EXEC, in their order."""
    watcher = both.another()
    watcher.do("MONITOR")
    for command in (("MULTI",), ("SET", "a", "1"), ("GET", "a"), ("EXEC",), ("ECHO", "end")):
        both.do(*command)
    lines = [_until(client, b'"ECHO" "end"') for client in (watcher.redis, watcher.meridian)]
    assert lines[0] == lines[1]


def _until(client: RawClient, last: bytes) -> list[tuple[bytes, bytes]]:
    lines: list[tuple[bytes, bytes]] = []
    while not lines or lines[-1][1] != last:
        assert len(lines) < 1000
        lines.append(parts(client.read_reply()))
    return lines


def test_several_monitors_and_many_commands(both: Both) -> None:
    """Each monitor sees every command once, in order."""
    watchers = [both.another() for _ in range(3)]
    for watcher in watchers:
        watcher.do("MONITOR")
    both.pipeline(*(("INCRBY", "key", str(index)) for index in range(300)))
    both.do("ECHO", "end")
    for watcher in watchers:
        seen = [_until(client, b'"ECHO" "end"') for client in (watcher.redis, watcher.meridian)]
        one, other = ([line for line in lines if b"MONITOR" not in line[1]] for lines in seen)
        assert one == other
        assert len(one) == 301


def test_commands_of_a_monitor(both: Both) -> None:
    """A second MONITOR is not answered; other commands of a monitor are refused or answered."""
    watcher = both.another()
    watcher.do("MONITOR")
    for client in (watcher.redis, watcher.meridian):
        client.send("MONITOR")
    watcher.silence()
    watcher.do("MONITOR", "x")
    watcher.do("GET")
