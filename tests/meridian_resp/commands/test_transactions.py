"""Tests of transactions. Expected replies were taken from redis-server 7.0."""

from __future__ import annotations

import pytest

from meridian_resp.commands.transactions import give_up
from tests.harness.command_runner import CommandRunner

OK, QUEUED = b"+OK\r\n", b"+QUEUED\r\n"
NULL_ARRAY = b"*-1\r\n"


@pytest.fixture
def runner() -> CommandRunner:
    """A key `k`."""
    made = CommandRunner()
    made.run("SET k 1")
    return made


def transact(runner: CommandRunner, *calls: str) -> bytes:
    """MULTI, the calls, EXEC."""
    assert runner.run("MULTI") == OK
    assert [runner.run(call) for call in calls] == [QUEUED] * len(calls)
    return runner.run("EXEC")


def test_replies_come_in_order(runner: CommandRunner) -> None:
    """EXEC's array has one reply per command, errors among them, and others still run."""
    reply = transact(runner, "INCR k", "GET none", "INCRBYFLOAT k x", "GET k")
    not_float = b"-ERR value is not a valid float\r\n"
    assert reply == b"*4\r\n:2\r\n$-1\r\n" + not_float + b"$1\r\n2\r\n"
    assert transact(runner) == b"*0\r\n"


def test_a_transaction_is_one_batch(runner: CommandRunner) -> None:
    """Everything EXEC wrote is logged by one append: all of it or nothing after a crash."""
    before = len(runner.store.batches)
    transact(runner, "SET a 1", "SET b 2", "INCR a", "FLUSHDB", "SET c 3")
    assert len(runner.store.batches) == before + 1


def test_each_command_sees_the_ones_before(runner: CommandRunner) -> None:
    """Effects are applied between the commands of a transaction."""
    reply = transact(runner, "DEL k", "EXISTS k", "SETNX k 9", "GET k")
    assert reply == b"*4\r\n:1\r\n:0\r\n:1\r\n$1\r\n9\r\n"


def test_states_that_do_not_fit(runner: CommandRunner) -> None:
    """Each command says where it does not belong; MULTI goes on after such errors."""
    assert runner.run("EXEC") == b"-ERR EXEC without MULTI\r\n"
    assert runner.run("DISCARD") == b"-ERR DISCARD without MULTI\r\n"
    runner.run("MULTI")
    assert runner.run("MULTI") == b"-ERR MULTI calls can not be nested\r\n"
    assert runner.run("WATCH k") == b"-ERR WATCH inside MULTI is not allowed\r\n"
    assert runner.run("GET k") == QUEUED
    assert runner.run("EXEC") == b"*1\r\n$1\r\n1\r\n"


def test_discard_forgets(runner: CommandRunner) -> None:
    """Neither the queue nor the watches are left."""
    runner.run("WATCH k")
    runner.run("MULTI")
    runner.run("SET k 2")
    assert runner.run("DISCARD") == OK
    assert runner.session.watched == set()
    assert runner.run("GET k") == b"$1\r\n1\r\n"


def test_an_error_while_queueing_dooms_the_transaction(runner: CommandRunner) -> None:
    """EXEC runs nothing and the client is out of the transaction."""
    runner.run("MULTI")
    runner.run("SET k 2")
    runner.run("GET")
    aborted = b"-EXECABORT Transaction discarded because of previous errors.\r\n"
    assert runner.run("EXEC") == aborted
    assert runner.run("GET k") == b"$1\r\n1\r\n"
    assert transact(runner, "GET k") == b"*1\r\n$1\r\n1\r\n"


@pytest.mark.parametrize(
    "change", ["SET k 2", "INCR k", "DEL k", "EXPIRE k 100", "FLUSHDB", "FLUSHALL", "SWAPDB 0 1",
               "MOVE k 1", "RENAME k l", "SET l 1", "COPY k l", "SET k 1"],
)  # fmt: skip
def test_watched_keys_that_change(runner: CommandRunner, change: str) -> None:
    """Any write to a watched key, by anybody, makes EXEC answer null and run nothing."""
    other = runner.new_session()
    mine = runner.session
    assert runner.run("WATCH l k") == OK
    runner.run(change, session=other)
    runner.session = mine
    assert transact(runner, "SET m 2") == NULL_ARRAY
    assert runner.run("EXISTS m") == b":0\r\n"
    assert transact(runner, "SET m 2") == b"*1\r\n+OK\r\n"


@pytest.mark.parametrize(
    "change", ["GET k", "SET m 1", "DEL none", "SET k 2 NX", "EXPIRE none 5", "PERSIST k",
               "SWAPDB 1 2"],
)  # fmt: skip
def test_watched_keys_that_stay(runner: CommandRunner, change: str) -> None:
    """Reads, writes to other keys and writes that did nothing do not matter."""
    runner.run("WATCH k none")
    runner.run(change)
    assert transact(runner, "GET k") == b"*1\r\n$1\r\n1\r\n"


def test_own_writes_count_before_multi_only(runner: CommandRunner) -> None:
    """A client's own write after WATCH breaks it; those in the transaction do not."""
    runner.run("WATCH k")
    assert transact(runner, "INCR k", "INCR k") == b"*2\r\n:2\r\n:3\r\n"
    runner.run("WATCH k")
    runner.run("INCR k")
    assert transact(runner, "INCR k") == NULL_ARRAY


def test_unwatch(runner: CommandRunner) -> None:
    """Forgets also that something has changed already."""
    runner.run("WATCH k")
    runner.run("SET k 2")
    assert runner.run("UNWATCH") == OK
    assert transact(runner, "GET k") == b"*1\r\n$1\r\n2\r\n"
    assert runner.keyspace.observers is None


def test_watching_more_after_a_change(runner: CommandRunner) -> None:
    """What has happened stays happened until EXEC, DISCARD or UNWATCH."""
    runner.run("WATCH k")
    runner.run("SET k 2")
    assert runner.run("WATCH other") == OK
    assert transact(runner, "GET k") == NULL_ARRAY


def test_a_watched_key_that_expires(runner: CommandRunner) -> None:
    """Its time being over is a change, read by somebody or not."""
    runner.run("PEXPIRE k 10")
    runner.run("WATCH k")
    runner.pass_ms(10)
    assert transact(runner, "SET m 1") == NULL_ARRAY


def test_a_key_expired_before_it_was_watched(runner: CommandRunner) -> None:
    """It is gone already: its deletion later is no change."""
    runner.run("PEXPIRE k 10")
    runner.pass_ms(10)
    runner.run("WATCH k")
    runner.run("GET k")
    assert transact(runner, "EXISTS k") == b"*1\r\n:0\r\n"


def test_watches_belong_to_a_database(runner: CommandRunner) -> None:
    """The same key elsewhere is another key."""
    runner.run("WATCH k")
    other = runner.new_session()
    mine = runner.session
    other.database = runner.keyspace.databases[1]
    runner.run("SET k 5", session=other)
    runner.session = mine
    assert transact(runner, "GET k") == b"*1\r\n$1\r\n1\r\n"


def test_gates_are_derived_anew(runner: CommandRunner) -> None:
    """Entering and leaving a transaction tells the server that the session's state changed."""
    session = runner.session
    runner.run("MULTI")
    runner.run("DISCARD")
    runner.run("MULTI")
    runner.run("EXEC")
    assert runner.recorder.changed == [session] * 4


def test_giving_up(runner: CommandRunner) -> None:
    """Queue, errors and watches are gone; it may be done outside of a transaction too."""
    runner.run("WATCH k")
    runner.run("MULTI")
    runner.run("GET")
    give_up(runner)
    session = runner.session
    assert (session.queue, session.queue_error, session.watched) == (None, False, set())
    give_up(runner)
    assert runner.run("EXEC") == b"-ERR EXEC without MULTI\r\n"
