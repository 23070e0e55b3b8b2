from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from meridian_resp.server.slow_log import (
    ARGUMENT_BYTES_MAX,
    ARGUMENTS_MAX,
    SlowLog,
    cut_arguments,
)


def filled(count: int, entries_max: int = 128) -> SlowLog:
    """A log to which commands were added at the seconds 0, 1, 2, ..."""
    log = SlowLog(entries_max=entries_max)
    for number in range(count):
        log.add(number, 10 * number, [b"get", b"%d" % number], "1.2.3.4:5", b"joe")
    return log


def test_newest_first_and_bounded() -> None:
    """The oldest leaves when the log is full; ids count on."""
    log = filled(5, entries_max=3)
    assert [entry.identifier for entry in log] == [4, 3, 2]
    assert [entry.identifier for entry in log.newest(2)] == [4, 3]
    assert [entry.identifier for entry in log.newest(-1)] == [4, 3, 2]
    assert log.newest(0) == []
    assert (len(log), log.total) == (3, 5)
    newest = log.newest(1)[0]
    assert (newest.at_s, newest.duration_usec, newest.arguments) == (4, 40, (b"get", b"4"))
    assert (newest.address, newest.client_name) == ("1.2.3.4:5", b"joe")


def test_clearing_keeps_the_count() -> None:
    """An id is never given twice."""
    log = filled(2)
    log.clear()
    assert len(log) == 0
    log.add(9, 1, [b"ping"], "", b"")
    assert log.newest(1)[0].identifier == 2


def test_secrets_are_not_kept() -> None:
    """SLOWLOG is read by others than those who typed them."""
    log = SlowLog()
    log.add(1, 1, [b"AUTH", b"secret"], "", b"")
    assert log.newest(1)[0].arguments == (b"AUTH", b"(redacted)")


def test_resizing_keeps_the_newest() -> None:
    """A smaller log forgets the oldest; 0 keeps nothing."""
    log = filled(5)
    log.resize(2)
    assert [entry.identifier for entry in log] == [4, 3]
    log.resize(0)
    log.add(1, 1, [b"ping"], "", b"")
    assert len(log) == 0


def test_long_commands_are_cut_as_redis_cuts_them() -> None:
    """The 32nd place says how many arguments more, the end of an argument how many bytes more."""
    cut = cut_arguments([b"a" * 130] + [b"b"] * 40)
    assert cut[0] == b"a" * 128 + b"... (2 more bytes)"
    assert cut[31] == b"... (10 more arguments)"
    assert len(cut) == 32
    exact = [b"c" * ARGUMENT_BYTES_MAX] * ARGUMENTS_MAX
    assert cut_arguments(exact) == exact


@given(st.lists(st.binary(max_size=300), max_size=60))
def test_an_entry_is_always_small(arguments: list[bytes]) -> None:
    """However long the command was."""
    cut = cut_arguments(arguments)
    assert len(cut) <= ARGUMENTS_MAX
    assert all(len(argument) < ARGUMENT_BYTES_MAX + 40 for argument in cut)
    assert len(cut) == min(len(arguments), ARGUMENTS_MAX)
