"""Commands ready to run, their counters, and the tables made of them."""

from __future__ import annotations

import sys

import pytest

from meridian_resp.commands import build_table
from meridian_resp.server.runnable import DURATION_BOUNDS_S, Runnables
from tests.harness.simulated_server import SimulatedServer


def test_arity_bounds() -> None:
    """An exact arity bounds both ends, a negative one only the lower."""
    runnables = Runnables(build_table()).by_full_name
    assert (runnables["get"].least, runnables["get"].most) == (2, 2)
    assert (runnables["mget"].least, runnables["mget"].most) == (2, sys.maxsize)
    assert runnables["set"].is_write and not runnables["get"].is_write
    assert runnables["config|get"].least == -runnables["config|get"].spec.arity


def test_the_plain_table() -> None:
    """Both usual cases of names, and nothing that needs a gate."""
    plain = Runnables(build_table()).plain
    assert plain[b"get"] is plain[b"GET"]
    for name in (b"multi", b"exec", b"quit", b"select", b"auth", b"hello", b"keys", b"config"):
        assert name not in plain
        assert name.upper() not in plain


def test_a_call_timed_by_itself() -> None:
    """It counts in the bucket whose bound it does not exceed."""
    runnable = Runnables(build_table()).by_full_name["get"]
    runnable.add(DURATION_BOUNDS_S[3])
    runnable.add(100.0)
    assert runnable.calls == 2
    assert runnable.duration_buckets[3] == 1
    assert runnable.duration_buckets[-1] == 1
    assert runnable.usec == pytest.approx(100.0001e6)


def test_the_calls_of_a_tick() -> None:
    """Each has waited the whole tick, and has taken its share of it."""
    runnable = Runnables(build_table()).by_full_name["get"]
    runnable.tick_calls = 4
    runnable.end_tick(0.001, 0.0002)
    assert (runnable.calls, runnable.tick_calls) == (4, 0)
    assert runnable.usec == pytest.approx(800)
    assert runnable.duration_sum_s == pytest.approx(0.004)
    assert runnable.duration_buckets[DURATION_BOUNDS_S.index(0.001)] == 4
    runnable.reset()
    assert runnable.calls == sum(runnable.duration_buckets) == 0


def test_renamed_commands() -> None:
    """They answer to the new name on both paths, and not to the old one; "" takes them away."""
    server = SimulatedServer()
    server.table.rename(b"GET", b"Fetch")
    server.table.rename(b"keys", b"")
    server.open()
    client = server.connect()
    assert server.ask(client, "SET a 1", "FETCH a", "fetch a", "fEtch a", "FETCH") == (
        b"+OK\r\n" + b"$1\r\n1\r\n" * 3 + b"-ERR wrong number of arguments for 'get' command\r\n"
    )
    reply = server.ask(client, "GET a", "KEYS *")
    assert reply.count(b"-ERR unknown command") == 2


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"nosuch", b"x", "no command is called nosuch"),
        (b"get", b"SET", "get can't be called set: another command is"),
    ],
)
def test_names_that_cannot_be_given(old: bytes, new: bytes, message: str) -> None:
    """The command must exist and the new name be free; nothing is changed otherwise."""
    table = build_table()
    before = dict(table.by_name)
    with pytest.raises(ValueError, match=message):
        table.rename(old, new)
    assert table.by_name == before
