"""Tests of LCS. Examples were taken from redis-server 7.0."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meridian_resp.commands import string_lcs
from meridian_resp.commands.outcomes import Slices
from meridian_resp.config.settings import Settings
from tests.harness.command_runner import CommandRunner

texts = st.lists(st.sampled_from([b"a", b"b", b"c"]), max_size=14).map(b"".join)


@pytest.fixture
def runner() -> CommandRunner:
    """Two keys with the example of Redis' documentation."""
    made = CommandRunner()
    made.run("MSET a ohmytext b mynewtext")
    return made


def table(first: bytes, second: bytes) -> list[list[int]]:
    """The classic table of lengths."""
    rows = [[0] * (len(second) + 1) for _ in range(len(first) + 1)]
    for at, byte in enumerate(first):
        for column, other in enumerate(second):
            rows[at + 1][column + 1] = (
                rows[at][column] + 1
                if byte == other
                else max(rows[at][column + 1], rows[at + 1][column])
            )
    return rows


def walk(first: bytes, second: bytes) -> tuple[bytes, list[bytes]]:
    """Subsequence and ranges by the table, as Redis walks it, ranges as IDX writes them."""
    rows = table(first, second)
    at, column = len(first), len(second)
    text = b""
    pairs: list[list[tuple[int, int]]] = [[]]
    while at and column:
        if first[at - 1] == second[column - 1]:
            at, column = at - 1, column - 1
            text = first[at : at + 1] + text
            pairs[-1].append((at, column))
        else:
            pairs.append([])
            if rows[at - 1][column] > rows[at][column - 1]:
                at -= 1
            else:
                column -= 1
    ranges = [
        b"*3\r\n*2\r\n:%d\r\n:%d\r\n*2\r\n:%d\r\n:%d\r\n:%d\r\n"
        % (run[-1][0], run[0][0], run[-1][1], run[0][1], len(run))
        for run in pairs
        if run
    ]
    return text, ranges


@given(texts, texts)
def test_equals_the_classic_table(first: bytes, second: bytes) -> None:
    """Length, subsequence and ranges are those of the table, not merely equally long ones."""
    runner = CommandRunner()
    runner.run(b"MSET", b"a", first, b"b", second)
    text, ranges = walk(first, second)
    assert runner.run("LCS a b LEN") == b":%d\r\n" % len(text)
    assert runner.run("LCS a b") == b"$%d\r\n%b\r\n" % (len(text), text)
    expected = b"*4\r\n$7\r\nmatches\r\n*%d\r\n%b$3\r\nlen\r\n:%d\r\n" % (
        len(ranges),
        b"".join(ranges),
        len(text),
    )
    assert runner.run("LCS a b IDX WITHMATCHLEN") == expected


def test_example(runner: CommandRunner) -> None:
    """The words, the length, and the ranges with and without a least length."""
    assert runner.run("LCS a b") == b"$6\r\nmytext\r\n"
    assert runner.run("LCS a b len") == b":6\r\n"
    long_range = b"*2\r\n*2\r\n:4\r\n:7\r\n*2\r\n:5\r\n:8\r\n"
    short_range = b"*2\r\n*2\r\n:2\r\n:3\r\n*2\r\n:0\r\n:1\r\n"
    ranges = runner.run("LCS a b IDX")
    assert ranges == (
        b"*4\r\n$7\r\nmatches\r\n*2\r\n" + long_range + short_range + b"$3\r\nlen\r\n:6\r\n"
    )
    only_long = b"*4\r\n$7\r\nmatches\r\n*1\r\n" + long_range + b"$3\r\nlen\r\n:6\r\n"
    assert runner.run("LCS a b IDX MINMATCHLEN 4") == only_long
    assert runner.run("LCS a b IDX MINMATCHLEN -4") == ranges


def test_ranges_are_a_map_in_resp3(runner: CommandRunner) -> None:
    """RESP3 clients get two fields."""
    runner.session.protocol = 3
    assert runner.run("LCS a b IDX").startswith(b"%2\r\n$7\r\nmatches\r\n")


def test_keys_that_do_not_exist(runner: CommandRunner) -> None:
    """They count as empty strings."""
    assert runner.run("LCS a none") == b"$0\r\n\r\n"
    assert runner.run("LCS none nothing LEN") == b":0\r\n"
    assert runner.run("LCS none a IDX") == b"*4\r\n$7\r\nmatches\r\n*0\r\n$3\r\nlen\r\n:0\r\n"


@pytest.mark.parametrize(
    ("options", "refusal"),
    [
        ("FOO", b"-ERR syntax error\r\n"),
        ("MINMATCHLEN", b"-ERR syntax error\r\n"),
        ("MINMATCHLEN x", b"-ERR value is not an integer or out of range\r\n"),
        (
            "IDX LEN",
            b"-ERR If you want both the length and indexes, please just use IDX.\r\n",
        ),
    ],
)
def test_refusals(runner: CommandRunner, options: str, refusal: bytes) -> None:
    """Unknown and contradicting options."""
    assert runner.run(f"LCS a b {options}") == refusal


def test_tables_beyond_redis_limit() -> None:
    """What Redis would not allocate is refused with its text."""
    settings = Settings()
    settings.proto_max_bulk_len_bytes = 1 << 20
    runner = CommandRunner(settings=settings)
    runner.run("MSET", "a", "x" * 600, "b", "y" * 600)
    assert runner.run("LCS a b LEN").startswith(b"-ERR Insufficient memory, transient memory")


def test_long_strings_are_worked_on_in_slices(runner: CommandRunner) -> None:
    """Beyond a bound the handler gives way between slices, and answers the same."""
    first, second = b"abcd" * 800, b"badc" * 700
    runner.run(b"MSET", b"a", first, b"b", second)
    spec = runner.commands.by_name["lcs"]
    outcome = spec.handler(runner, [b"lcs", b"a", b"b", b"LEN"])
    assert isinstance(outcome, Slices)
    slices = 0
    while True:
        try:
            next(outcome.steps)
        except StopIteration as stop:
            reply = stop.value
            break
        slices += 1
    assert slices >= len(first) * len(second) // string_lcs.CELLS_AT_ONCE
    assert reply == b":%d\r\n" % table(first, second)[-1][-1]
