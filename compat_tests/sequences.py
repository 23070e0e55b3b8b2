"""Random command sequences: what Hypothesis chooses from, how a sequence runs and is compared.

A sequence is a list of steps, each a connection and a command over a few keys, so that commands
meet each other's results. Arguments are weighted towards the bounds of their kind. Nothing in a
sequence depends on the time at which it runs: lifetimes are long or over, and each relative one is
distinct, so that no comparison of GT and LT hangs on a millisecond.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from compat_tests.both import Both, is_close
from compat_tests.known_differences import reason_for
from compat_tests.raw_client import Argument, RawClient, parse, split_elements

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

CONNECTIONS = 3
DATABASES = 4
STEPS_MAX = 60
#: Two relative lifetimes of one sequence differ by at least this; far more than a sequence takes.
LIFETIME_STEP_S = 50
FAR_S = 4_102_444_800
MAXIMUM = 2**63 - 1


@dataclass(frozen=True)
class Lifetime:
    """A relative lifetime that becomes distinct when its place in the sequence is known."""

    seconds: int
    milliseconds: bool

    def argument(self, step: int) -> int:
        """Return the number to send at that step."""
        seconds = self.seconds + LIFETIME_STEP_S * step
        return seconds * 1000 if self.milliseconds else seconds


Word = Argument | Lifetime
Command = tuple[Word, ...]
Step = tuple[int, Command]

KEYS: SearchStrategy[Word] = st.sampled_from(["a", "b", "c", "{t}d", "", b"\x00"])
WRONG_INTEGERS = st.sampled_from(["", "x", "1.5", " 1", "01", "-0", "9223372036854775808", "1e3"])
INTEGERS = st.one_of(
    st.sampled_from([0, 1, -1, 2, 10, -10, MAXIMUM, -MAXIMUM - 1, MAXIMUM - 1, 2**32]),
    st.integers(-(2**63), MAXIMUM),
    WRONG_INTEGERS,
)
FLOATS = st.one_of(
    st.sampled_from(["0.1", "-0.1", "3.0", "1e3", "5.0e-3", "inf", "-inf", "nan", "", "x", "0"]),
    st.sampled_from(["1e17", "1e18", "1e308", "1e-17", "12345678901234567", "0x10", " 1"]),
    st.decimals(-1000, 1000, places=4).map(str),
)
VALUES: SearchStrategy[Word] = st.one_of(
    st.sampled_from(["", "0", "1", "10", "-5", "text", "3.25", "9223372036854775807", "inf"]),
    st.sampled_from([b"\x00\xff\r\n", "x" * 44, "x" * 45, "y" * 5000, "01", " 1", "1 ", "-0"]),
    st.integers(-(2**63), MAXIMUM).map(str),
    st.binary(max_size=12),
)
OFFSETS = st.one_of(
    st.integers(-12, 12), st.sampled_from([100, -100, MAXIMUM, -MAXIMUM - 1, 5000, "x", ""])
)
WRITE_OFFSETS = st.sampled_from([0, 1, 2, 5, 10, 100, 3000, -1, 536_870_912, MAXIMUM, "x", ""])
DATABASE = st.sampled_from([0, 0, 1, 2, 3])
ANY_DATABASE = st.one_of(DATABASE, DATABASE, st.sampled_from([16, -1, "x"]))
PATTERNS = st.sampled_from(["*", "a*", "?", "[abc]", "", "\\*", "[^a]", "x"])
PAST = st.sampled_from([0, -1, -MAXIMUM - 1])
TOO_FAR = st.sampled_from([MAXIMUM, MAXIMUM // 1000 + 1, "x", "", "1.5"])
SECONDS = st.one_of(
    st.sampled_from([100, 100_000]).map(lambda base: Lifetime(base, False)), PAST, TOO_FAR
)
MILLISECONDS = st.one_of(
    st.sampled_from([100, 100_000]).map(lambda base: Lifetime(base, True)), PAST, TOO_FAR
)
FUTURE = st.sampled_from([FAR_S, FAR_S + 1, FAR_S + 100_000])
FUTURE_MS = st.sampled_from([FAR_S * 1000, FAR_S * 1000 + 1, FAR_S * 1000 + 10**8])
MOMENTS = st.one_of(FUTURE, st.just(1), PAST, TOO_FAR)
MOMENTS_MS = st.one_of(FUTURE_MS, st.just(1), PAST, TOO_FAR)
EXPIRE_FLAGS = st.one_of(
    st.just(()),
    st.sampled_from([("NX",), ("XX",), ("GT",), ("LT",), ("gt",), ("XX", "GT"), ("NX", "XX")]),
)
RELATIVE_OPTIONS: SearchStrategy[Command] = st.one_of(
    SECONDS.map(lambda number: ("EX", number)), MILLISECONDS.map(lambda number: ("PX", number))
)
EXPIRY_OPTIONS: SearchStrategy[Command] = st.one_of(
    RELATIVE_OPTIONS,
    MOMENTS.map(lambda number: ("EXAT", number)),
    MOMENTS_MS.map(lambda number: ("PXAT", number)),
)
#: SET with a moment in the past leaves an expired key, which DBSIZE counts until it is noticed:
#: when that is depends on the clock, so sequences do not do it.
SET_EXPIRY_OPTIONS: SearchStrategy[Command] = st.one_of(
    RELATIVE_OPTIONS,
    st.one_of(FUTURE, PAST, TOO_FAR).map(lambda number: ("EXAT", number)),
    st.one_of(FUTURE_MS, PAST, TOO_FAR).map(lambda number: ("PXAT", number)),
)
SET_OPTIONS: SearchStrategy[Command] = st.lists(
    st.one_of(
        SET_EXPIRY_OPTIONS,
        st.sampled_from([("NX",), ("XX",), ("GET",), ("KEEPTTL",), ("nx",), ("FOO",)]),
    ),
    max_size=3,
).map(lambda options: tuple(word for option in options for word in option))
GETEX_OPTIONS: SearchStrategy[Command] = st.one_of(
    st.just(()), st.just(("PERSIST",)), EXPIRY_OPTIONS
)
LCS_OPTIONS = st.sampled_from(
    [(), ("LEN",), ("IDX",), ("IDX", "WITHMATCHLEN"), ("IDX", "MINMATCHLEN", "2"), ("LEN", "IDX")]
)
COPY_OPTIONS: SearchStrategy[Command] = st.one_of(
    st.just(()),
    st.just(("REPLACE",)),
    ANY_DATABASE.map(lambda index: ("DB", index)),
    ANY_DATABASE.map(lambda index: ("DB", index, "REPLACE")),
)
FLUSH_OPTIONS = st.sampled_from([(), ("SYNC",), ("ASYNC",), ("FOO",)])


def _tail(name: str, *words: SearchStrategy[Any], rest: Any = None) -> SearchStrategy[Command]:
    """Return commands of a name, one word from each strategy, and a tuple of words at the end."""
    fixed = st.tuples(st.just(name), *words)
    return fixed if rest is None else st.builds(lambda head, tail: head + tail, fixed, rest)


def _several(words: SearchStrategy[Any]) -> SearchStrategy[Command]:
    return st.lists(words, min_size=1, max_size=4).map(tuple)


def _flat(pairs: list[tuple[Word, Word]]) -> Command:
    return tuple(word for pair in pairs for word in pair)


def _pairs() -> SearchStrategy[Command]:
    return st.lists(st.tuples(KEYS, VALUES), min_size=1, max_size=3).map(_flat)


COMMAND_STRATEGIES: dict[str, SearchStrategy[Command]] = {
    "append": _tail("APPEND", KEYS, VALUES),
    "decr": _tail("DECR", KEYS),
    "decrby": _tail("DECRBY", KEYS, INTEGERS),
    "get": _tail("GET", KEYS),
    "getdel": _tail("GETDEL", KEYS),
    "getex": _tail("GETEX", KEYS, rest=GETEX_OPTIONS),
    "getrange": _tail("GETRANGE", KEYS, OFFSETS, OFFSETS),
    "getset": _tail("GETSET", KEYS, VALUES),
    "incr": _tail("INCR", KEYS),
    "incrby": _tail("INCRBY", KEYS, INTEGERS),
    "incrbyfloat": _tail("INCRBYFLOAT", KEYS, FLOATS),
    "lcs": _tail("LCS", KEYS, KEYS, rest=LCS_OPTIONS),
    "mget": _tail("MGET", rest=_several(KEYS)),
    "mset": _tail("MSET", rest=_pairs()),
    "msetnx": _tail("MSETNX", rest=_pairs()),
    "psetex": _tail("PSETEX", KEYS, MILLISECONDS, VALUES),
    "set": _tail("SET", KEYS, VALUES, rest=SET_OPTIONS),
    "setex": _tail("SETEX", KEYS, SECONDS, VALUES),
    "setnx": _tail("SETNX", KEYS, VALUES),
    "setrange": _tail("SETRANGE", KEYS, WRITE_OFFSETS, VALUES),
    "strlen": _tail("STRLEN", KEYS),
    "substr": _tail("SUBSTR", KEYS, OFFSETS, OFFSETS),
    "copy": _tail("COPY", KEYS, KEYS, rest=COPY_OPTIONS),
    "dbsize": _tail("DBSIZE"),
    "del": _tail("DEL", rest=_several(KEYS)),
    "exists": _tail("EXISTS", rest=_several(KEYS)),
    "expire": _tail("EXPIRE", KEYS, SECONDS, rest=EXPIRE_FLAGS),
    "expireat": _tail("EXPIREAT", KEYS, MOMENTS, rest=EXPIRE_FLAGS),
    "expiretime": _tail("EXPIRETIME", KEYS),
    "flushall": _tail("FLUSHALL", rest=FLUSH_OPTIONS),
    "flushdb": _tail("FLUSHDB", rest=FLUSH_OPTIONS),
    "keys": _tail("KEYS", PATTERNS),
    "move": _tail("MOVE", KEYS, ANY_DATABASE),
    "persist": _tail("PERSIST", KEYS),
    "pexpire": _tail("PEXPIRE", KEYS, MILLISECONDS, rest=EXPIRE_FLAGS),
    "pexpireat": _tail("PEXPIREAT", KEYS, MOMENTS_MS, rest=EXPIRE_FLAGS),
    "pexpiretime": _tail("PEXPIRETIME", KEYS),
    "pttl": _tail("PTTL", KEYS),
    "randomkey": _tail("RANDOMKEY"),
    "rename": _tail("RENAME", KEYS, KEYS),
    "renamenx": _tail("RENAMENX", KEYS, KEYS),
    "swapdb": _tail("SWAPDB", ANY_DATABASE, ANY_DATABASE),
    "touch": _tail("TOUCH", rest=_several(KEYS)),
    "ttl": _tail("TTL", KEYS),
    "type": _tail("TYPE", KEYS),
    "unlink": _tail("UNLINK", rest=_several(KEYS)),
    "scan": _tail("SCAN", st.just(0), st.just("COUNT"), st.just(10_000)),
    "object": _tail("OBJECT", st.just("REFCOUNT"), KEYS),
    "multi": _tail("MULTI"),
    "exec": _tail("EXEC"),
    "discard": _tail("DISCARD"),
    "watch": _tail("WATCH", rest=_several(KEYS)),
    "unwatch": _tail("UNWATCH"),
    "select": _tail("SELECT", ANY_DATABASE),
    "ping": _tail("PING"),
    "echo": _tail("ECHO", VALUES),
    "reset": _tail("RESET"),
    "client": st.sampled_from([("CLIENT", "GETNAME"), ("CLIENT", "SETNAME", "n"), ("CLIENT",)]),
}

WRONG_COMMANDS: SearchStrategy[Command] = st.sampled_from(
    [("GET",), ("SET", "a"), ("nonsense", "a"), ("MSET", "a"), ("OBJECT", "x"), ("INCR", "a", "b")]
)

#: Commands that empty or exchange databases, and wrong ones, would drown the others.
_RARE = ("flushall", "flushdb", "swapdb", "reset", "ping", "echo", "client", "dbsize", "randomkey")
_COMMON = [strategy for name, strategy in COMMAND_STRATEGIES.items() if name not in _RARE]
_TRANSACTIONAL = [COMMAND_STRATEGIES[name] for name in ("multi", "exec", "exec", "watch")]

RARE_COMMANDS = st.one_of(WRONG_COMMANDS, *(COMMAND_STRATEGIES[name] for name in _RARE))
ANY_COMMAND = st.one_of(
    *_COMMON, *_TRANSACTIONAL, COMMAND_STRATEGIES["set"], COMMAND_STRATEGIES["set"], RARE_COMMANDS
)


def steps(commands: SearchStrategy[Command], steps_max: int = STEPS_MAX) -> Any:
    """Return sequences of these commands over several connections."""
    connection = st.sampled_from([0, 0, 0, 1, 1, 2])
    return st.lists(st.tuples(connection, commands), min_size=1, max_size=steps_max)


_TOLERANCES = {"TTL": 3, "EXPIRETIME": 3, "PTTL": 3000, "PEXPIRETIME": 3000}


def agree(name: str, redis: bytes, meridian: bytes) -> bool:
    """Return whether two raw replies to a command agree as far as they can."""
    if redis == meridian:
        return True
    if redis[:1] != meridian[:1] or redis.startswith(b"-"):
        return False
    one, other = parse(redis), parse(meridian)
    if name in _TOLERANCES:
        return is_close(one, other, _TOLERANCES[name])
    if name == "RANDOMKEY":
        return (one is None) == (other is None)
    if name == "SCAN":
        return set(other[1]) <= set(one[1])  # an iteration may need several calls
    if name == "KEYS":
        return sorted(one) == sorted(other)
    return False


def _are_references(name: str, redis: bytes, meridian: bytes) -> bool:
    """Say whether two replies of a transaction differ as known_differences "references" says."""
    reason_for("references")
    return (name, redis, meridian) == ("OBJECT", b":2\r\n", b":1\r\n")


def arguments_of(command: Command, step: int) -> list[Argument]:
    """Return what to send for a command at that step of a sequence."""
    return [word.argument(step) if isinstance(word, Lifetime) else word for word in command]


class Runner:
    """Runs one sequence on both servers, step by step, and compares each reply."""

    def __init__(self, both: Both) -> None:
        self._inspector = both
        self._connections = [both.another() for _ in range(CONNECTIONS)]
        self._queued: list[list[str]] = [[] for _ in range(CONNECTIONS)]

    def close(self) -> None:
        """Close the sequence's own connections."""
        for connection in self._connections:
            connection.close()

    def run(self, sequence: list[Step]) -> None:
        """Run all steps one after the other, then compare the whole key space.

        Raises:
            AssertionError: a reply or a stored value differs.
        """
        for number, (index, command) in enumerate(sequence):
            arguments = arguments_of(command, number)
            self._judge(index, arguments, *self._connections[index].send(*arguments))
        self.compare_contents()

    def run_pipelined(self, sequence: list[Step]) -> None:
        """Run all steps on one connection in a single write, then compare the whole key space.

        A server may run them all in one turn, and log them as one batch.

        Raises:
            AssertionError: a reply or a stored value differs.
        """
        commands = [arguments_of(command, number) for number, (_, command) in enumerate(sequence)]
        connection = self._connections[0]
        replies = connection.redis.pipeline(commands), connection.meridian.pipeline(commands)
        for arguments, redis, meridian in zip(commands, *replies, strict=True):
            connection.note(arguments)
            self._judge(0, arguments, redis, meridian)
        self.compare_contents()

    def _judge(self, index: int, arguments: list[Argument], redis: bytes, meridian: bytes) -> None:
        name = str(arguments[0]).upper()
        connection, queued = self._connections[index], self._queued[index]
        if name == "EXEC":
            is_right = self._agree_exec(queued, redis, meridian)
        else:
            is_right = agree(name, redis, meridian)
        if not is_right:
            connection.fail(f"connection {index}: the replies to {name} differ", redis, meridian)
        if redis == b"+QUEUED\r\n":
            queued.append(name)
        elif name in ("EXEC", "DISCARD", "RESET", "MULTI") and not redis.startswith(b"-ERR"):
            queued.clear()

    @staticmethod
    def _agree_exec(queued: list[str], redis: bytes, meridian: bytes) -> bool:
        if redis == meridian:
            return True
        if not (redis.startswith(b"*") and meridian.startswith(b"*")) or b"*-1\r\n" in (
            redis,
            meridian,
        ):
            return False
        pairs = list(zip(split_elements(redis), split_elements(meridian), strict=False))
        return len(pairs) == len(queued) == len(split_elements(meridian)) and all(
            agree(name, one, other) or _are_references(name, one, other)
            for name, (one, other) in zip(queued, pairs, strict=True)
        )

    def compare_contents(self) -> None:
        """Compare keys, values, types and lifetimes of all databases."""
        redis = contents(self._inspector.redis)
        meridian = contents(self._inspector.meridian)
        assert redis.keys() == meridian.keys(), "the keys differ"
        for key, (value, kind, expiry) in redis.items():
            other_value, other_kind, other_expiry = meridian[key]
            assert (value, kind) == (other_value, other_kind), f"{key}: the values differ"
            assert is_close(expiry, other_expiry, 3000), f"{key}: {expiry} and {other_expiry}"


def contents(client: RawClient) -> dict[tuple[int, bytes], tuple[Any, Any, int]]:
    """Return value, type and expiry time in ms of every key, by database and name."""
    found: dict[tuple[int, bytes], tuple[Any, Any, int]] = {}
    for database in range(DATABASES):
        client.do("SELECT", database)
        keys = client.value("KEYS", "*")
        assert len(keys) == client.value("DBSIZE"), f"DBSIZE of database {database} is wrong"
        questions: list[list[Argument]] = [
            [word, key] for key in keys for word in ("GET", "TYPE", "PEXPIRETIME")
        ]
        answers = [parse(reply) for reply in client.pipeline(questions)]
        for index, key in enumerate(keys):
            value, kind, expiry = answers[index * 3 : index * 3 + 3]
            found[database, key] = (value, kind, expiry)
    client.do("SELECT", 0)
    return found


def run_sequence(both: Both, sequence: list[Step], *, pipelined: bool = False) -> None:
    """Run one sequence on empty databases, step by step or in one write."""
    both.do("SELECT", 0)
    both.do("FLUSHALL")
    runner = Runner(both)
    try:
        if pipelined:
            runner.run_pipelined(sequence)
        else:
            runner.run(sequence)
    finally:
        runner.close()
