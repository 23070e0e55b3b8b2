"""MULTI EXEC DISCARD WATCH UNWATCH."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from compat_tests.raw_client import ErrorReply, encode_command

if TYPE_CHECKING:
    from compat_tests.both import Both

FAR_MS = 4_102_444_800_000


def test_exec_returns_all_replies(both: Both) -> None:
    """Queued commands answer QUEUED and run in order at EXEC, errors among them included."""
    for command in (
        ("MULTI",),
        ("SET", "a", "1"),
        ("GET", "a"),
        ("INCR", "a"),
        ("SET", "text", "abc"),
        ("INCR", "text"),
        ("GET", "missing"),
        ("MGET", "a", "missing"),
        ("PING",),
        ("PING", "hello"),
        ("LCS", "a", "text", "IDX"),
        ("CONFIG", "GET", "maxmemory-policy"),
        ("SELECT", "1"),
        ("SET", "b", "in one"),
        ("SELECT", "0"),
        ("DBSIZE",),
        ("EXEC",),
        ("GET", "a"),
        ("MULTI",),
        ("EXEC",),
    ):
        both.do(*command)


def test_wrong_use(both: Both) -> None:
    """Nested MULTI, EXEC and DISCARD outside, WATCH inside give their errors and do not abort."""
    for command in (
        ("EXEC",),
        ("DISCARD",),
        ("UNWATCH",),
        ("MULTI",),
        ("MULTI",),
        ("WATCH", "a"),
        ("UNWATCH",),
        ("SET", "a", "1"),
        ("EXEC",),
        ("GET", "a"),
        ("MULTI", "x"),
        ("EXEC", "x"),
        ("DISCARD", "x"),
        ("WATCH",),
        ("UNWATCH", "x"),
        ("EXEC",),
    ):
        both.do(*command)


@pytest.mark.parametrize(
    "refused",
    [
        ("nonsense",),
        ("nonsense", "with", "arguments"),
        ("GET",),
        ("SET", "a"),
        ("CLIENT", "foo"),
        ("CONFIG", "GET"),
        ("OBJECT", "foo", "bar"),
        ("EXEC", "x"),
        ("MULTI", "x"),
        ("DISCARD", "x"),
        ("WATCH",),
        ("MULTI",),
        ("WATCH", "a"),
        ("MONITOR",),
        ("SAVE",),
        ("SHUTDOWN",),
        ("HELLO", "2"),
        ("RESET", "x"),
        ("AUTH", "x", "y", "z"),
    ],
)
def test_what_cannot_be_queued_aborts(both: Both, refused: tuple[str, ...]) -> None:
    """A command refused at queue time aborts the transaction, the same ones in both."""
    both.do("MULTI")
    both.do("SET", "a", "1")
    both.do(*refused)
    both.do("SET", "b", "2")
    if refused != ("HELLO", "2"):
        both.do("EXEC")
        both.do("MGET", "a", "b")
        both.do("EXEC")


def test_syntax_errors_are_found_at_exec(both: Both) -> None:
    """Errors that only the command itself can see do not abort and do not undo the others."""
    for command in (
        ("MULTI",),
        ("SET", "a", "1", "EX", "abc"),
        ("SET", "a", "1", "FOO"),
        ("SET", "b", "2"),
        ("EXPIRE", "b", "abc"),
        ("SELECT", "99"),
        ("INCRBY", "b", "x"),
        ("EXEC",),
        ("MGET", "a", "b"),
    ):
        both.do(*command)


def test_discard(both: Both) -> None:
    """DISCARD drops the queue and the watches."""
    other = both.another()
    both.do("SET", "a", "1")
    both.do("WATCH", "a")
    both.do("MULTI")
    both.do("SET", "a", "2")
    both.do("DISCARD")
    both.do("GET", "a")
    other.do("SET", "a", "3")
    both.do("MULTI")
    both.do("GET", "a")
    both.do("EXEC")


#: What another connection may do to a database that holds `key` = "10" and `timed` = "20".
TOUCHING = (
    (("SET", "key", "10"),),
    (("SET", "key", "other"),),
    (("SET", "key", "x", "NX"),),
    (("SETNX", "key", "x"),),
    (("SET", "key", "x", "GET"),),
    (("GET", "key"),),
    (("GETEX", "key"),),
    (("GETEX", "key", "PERSIST"),),
    (("GETEX", "key", "EX", "100"),),
    (("GETEX", "timed", "PERSIST"),),
    (("GETDEL", "key"),),
    (("GETDEL", "missing"),),
    (("GETSET", "key", "10"),),
    (("APPEND", "key", ""),),
    (("APPEND", "key", "x"),),
    (("APPEND", "missing", "x"),),
    (("SETRANGE", "key", "0", ""),),
    (("SETRANGE", "key", "0", "x"),),
    (("INCR", "key"),),
    (("INCRBY", "key", "0"),),
    (("INCR", "missing"),),
    (("INCRBYFLOAT", "key", "0.5"),),
    (("INCRBYFLOAT", "key", "abc"),),
    (("MSET", "other", "1", "key", "1"),),
    (("MSET", "other", "1"),),
    (("MSETNX", "other", "1", "key", "1"),),
    (("MSETNX", "missing", "1"),),
    (("DEL", "key"),),
    (("UNLINK", "key"),),
    (("DEL", "missing"),),
    (("DEL", "key"), ("SET", "key", "10")),
    (("SET", "missing", "1"), ("DEL", "missing")),
    (("EXPIRE", "key", "100"),),
    (("EXPIRE", "key", "100", "XX"),),
    (("EXPIRE", "key", "-1"),),
    (("EXPIRE", "missing", "100"),),
    (("PEXPIREAT", "key", str(FAR_MS)),),
    (("PERSIST", "key"),),
    (("PERSIST", "timed"),),
    (("TOUCH", "key"),),
    (("EXISTS", "key"),),
    (("RENAME", "key", "other"),),
    (("RENAME", "timed", "key"),),
    (("RENAME", "key", "key"),),
    (("RENAMENX", "timed", "key"),),
    (("RENAMENX", "timed", "missing"),),
    (("COPY", "timed", "key"),),
    (("COPY", "timed", "key", "REPLACE"),),
    (("COPY", "key", "other"),),
    (("MOVE", "key", "1"),),
    (("MOVE", "missing", "1"),),
    (("FLUSHDB",),),
    (("FLUSHALL",),),
    (("SELECT", "1"), ("FLUSHDB",)),
    (("SELECT", "1"), ("SET", "key", "x")),
    (("SELECT", "1"), ("SET", "key", "x"), ("MOVE", "key", "0")),
    (("SWAPDB", "0", "1"),),
    (("SWAPDB", "1", "2"),),
    (("SWAPDB", "0", "0"),),
    (("SELECT", "1"), ("SET", "key", "x"), ("SWAPDB", "0", "1")),
    (("MULTI",), ("SET", "key", "x"), ("EXEC",)),
    (("MULTI",), ("SET", "key", "x"), ("DISCARD",)),
    (("CONFIG", "SET", "maxmemory-policy", "noeviction"),),
)


@pytest.mark.parametrize("touching", TOUCHING, ids=str)
@pytest.mark.parametrize("watched", [("key",), ("missing",), ("timed", "key"), ("unrelated",)])
@pytest.mark.parametrize("same_connection", [False, True], ids=["other", "same"])
def test_watch(
    both2: Both,
    touching: tuple[tuple[str, ...], ...],
    watched: tuple[str, ...],
    same_connection: bool,
) -> None:
    """EXEC is null exactly when a watched key was changed since WATCH, by whomever."""
    both2.do("SET", "key", "10")
    both2.do("SET", "timed", "20", "PXAT", FAR_MS)
    both2.do("WATCH", *watched)
    actor = both2 if same_connection else both2.another()
    for command in touching:
        actor.do(*command)
    both2.do("SELECT", "0")
    both2.do("MULTI")
    both2.do("SET", "done", "yes")
    both2.do("EXEC")
    both2.do("EXISTS", "done")


def test_watched_key_that_expires(both2: Both) -> None:
    """A watched key that expires before EXEC makes it fail; one that had expired does not."""
    other = both2.another()
    both2.do("SET", "key", "1", "PX", "20")
    both2.do("WATCH", "key")
    other.do("SET", "probe", "1", "PX", "25")
    other.eventually(0, "EXISTS", "probe")
    both2.do("MULTI")
    both2.do("PING")
    both2.do("EXEC")
    both2.do("WATCH", "key")
    both2.do("MULTI")
    both2.do("PING")
    both2.do("EXEC")


def test_watch_ends_with_exec_unwatch_and_the_connection(both: Both) -> None:
    """After EXEC, a failed EXEC or UNWATCH nothing is watched any more."""
    other = both.another()
    for ending in (("UNWATCH",), ("EXEC",), ("DISCARD",)):
        both.do("WATCH", "key")
        if ending != ("UNWATCH",):
            both.do("MULTI")
        both.do(*ending)
        other.do("INCR", "key")
        both.do("MULTI")
        both.do("GET", "key")
        both.do("EXEC")
    both.do("WATCH", "key")
    other.do("INCR", "key")
    both.do("MULTI")
    both.do("EXEC")
    both.do("MULTI")
    both.do("EXEC")


def test_watch_twice_and_in_two_databases(both: Both) -> None:
    """A key is watched in the database it was watched in, once."""
    other = both.another()
    both.do("WATCH", "key", "key")
    both.do("SELECT", "1")
    both.do("WATCH", "key")
    other.do("SELECT", "2")
    other.do("SET", "key", "1")
    both.do("MULTI")
    both.do("EXEC")
    both.do("WATCH", "key")
    both.do("SELECT", "0")
    other.do("SELECT", "1")
    other.do("SET", "key", "1")
    both.do("MULTI")
    both.do("EXEC")


def test_an_aborted_exec_ends_the_watch_too(both: Both) -> None:
    """EXECABORT goes before a dirty watch, and both states are gone afterwards."""
    other = both.another()
    both.do("WATCH", "key")
    other.do("SET", "key", "1")
    both.do("MULTI")
    both.error("unknown command", "nonsense")
    both.error("EXECABORT", "EXEC")
    both.do("MULTI")
    both.do("EXEC")


def test_isolation(both: Both) -> None:
    """Queued commands have no effect before EXEC, and EXEC sees what happened meanwhile."""
    other = both.another()
    both.do("MULTI")
    both.do("APPEND", "key", "queued")
    both.do("GET", "key")
    other.do("GET", "key")
    other.do("SET", "key", "first ")
    both.do("EXEC")
    other.do("GET", "key")


def test_a_lost_connection_drops_its_transaction(both: Both) -> None:
    """What was queued by a client that went away never happens."""
    lost = both.another()
    lost.do("MULTI")
    lost.do("SET", "key", "1")
    lost.close()
    both.do("EXISTS", "key")


def test_a_whole_transaction_in_one_packet(both: Both) -> None:
    """A pipelined transaction, as client libraries send it, answers in order."""
    commands = [("MULTI",), ("SET", "a", "1"), ("INCR", "a"), ("EXEC",), ("GET", "a")]
    both.pipeline(*commands)
    both.pipeline(("WATCH", "a"), ("GET", "a"), ("MULTI",), ("SET", "a", "9"), ("EXEC",))
    replies = both.pipeline(("MULTI",), ("SET", "a"), ("SET", "b", "1"), ("EXEC",), ("GET", "b"))
    assert isinstance(replies[3], ErrorReply)


def test_protocol_switch_inside(both: Both) -> None:
    """RESET inside MULTI ends it; HELLO is refused or queued as Redis does."""
    both.do("MULTI")
    both.do("RESET")
    both.do("EXEC")
    both.do("MULTI")
    both.values("HELLO", "3")
    both.values("EXEC")
    both.do("GET", "missing")


def test_large_transaction(both: Both) -> None:
    """A thousand commands are queued and run."""
    commands = [("MULTI",), *(("INCRBY", f"key{index % 7}", str(index)) for index in range(1000))]
    both.pipeline(*commands, ("EXEC",))
    both.do("MGET", *(f"key{index}" for index in range(7)))


def test_bytes_after_exec_in_the_same_packet(both: Both) -> None:
    """EXEC does not swallow what follows, complete or not."""
    data = encode_command("MULTI") + encode_command("PING") + encode_command("EXEC")
    tail = encode_command("ECHO", "later")
    both.send_bytes(data + tail[:9])
    for _ in range(3):
        both.reply()
    both.send_bytes(tail[9:])
    both.reply()
