"""Tests of OBJECT. Expected replies were taken from redis-server 7.0."""

from __future__ import annotations

import pytest

from tests.harness.command_runner import CommandRunner

NULL = b"$-1\r\n"


@pytest.fixture
def runner() -> CommandRunner:
    """An empty server."""
    return CommandRunner()


@pytest.mark.parametrize(
    ("value", "encoding"),
    [(b"5", b"int"), (b"-9223372036854775808", b"int"), (b"9223372036854775808", b"embstr"),
     (b"05", b"embstr"), (b"", b"embstr"), (b"x" * 44, b"embstr"), (b"x" * 45, b"raw")],
)  # fmt: skip
def test_encoding(runner: CommandRunner, value: bytes, encoding: bytes) -> None:
    """Integers, short strings and long strings, as after SET in Redis."""
    runner.run(b"SET", b"k", value)
    assert runner.run("OBJECT ENCODING k") == b"$%d\r\n%b\r\n" % (len(encoding), encoding)
    runner.run("EXPIRE k 100")
    assert runner.run("object encoding k") == b"$%d\r\n%b\r\n" % (len(encoding), encoding)


@pytest.mark.parametrize(
    ("value", "count"),
    [(b"0", 2**31 - 1), (b"9999", 2**31 - 1), (b"10000", 1), (b"-1", 1), (b"x", 1)],
)
def test_refcount(runner: CommandRunner, value: bytes, count: int) -> None:
    """Redis shares the small integers and says so by the greatest number."""
    runner.run(b"SET", b"k", value)
    assert runner.run("OBJECT REFCOUNT k") == b":%d\r\n" % count


def test_idletime_counts_from_the_last_write(runner: CommandRunner) -> None:
    """Whole seconds; a write starts anew, also one that is not committed yet."""
    runner.run("SET k v")
    assert runner.run("OBJECT IDLETIME k") == b":0\r\n"
    runner.pass_ms(3999)
    assert runner.run("OBJECT IDLETIME k") == b":3\r\n"
    runner.commits = False
    runner.run("APPEND k w")
    assert runner.run("OBJECT IDLETIME k") == b":0\r\n"


def test_frequency_is_not_counted(runner: CommandRunner) -> None:
    """The error of a Redis whose policy is not LFU."""
    runner.run("SET k v")
    assert runner.run("OBJECT FREQ k").startswith(b"-ERR An LFU maxmemory policy is not selected")


@pytest.mark.parametrize("word", ["ENCODING", "REFCOUNT", "IDLETIME", "FREQ"])
def test_no_key(runner: CommandRunner, word: str) -> None:
    """Null for a key that does not exist."""
    assert runner.run(f"OBJECT {word} none") == NULL


def test_help_and_unknown_words(runner: CommandRunner) -> None:
    """HELP lists every sub-command; anything else points to it."""
    text = runner.run("OBJECT HELP")
    spec = runner.commands.by_name["object"]
    assert all(child.name.upper().encode() in text for child in spec.subcommands)
    assert runner.run("OBJECT foo") == b"-ERR unknown subcommand 'foo'. Try OBJECT HELP.\r\n"
    wrong = b"-ERR wrong number of arguments for 'object|encoding' command\r\n"
    assert runner.run("OBJECT ENCODING") == wrong
