from __future__ import annotations

import pytest

from tests.harness.fake_server import ServerRunner


def test_an_entry_has_six_parts() -> None:
    """Id, Unix time, microseconds, arguments, address, name; newest first."""
    runner = ServerRunner()
    assert runner.run("slowlog get") == b"*0\r\n"
    runner.fake.slow_log.add(100, 20, [b"get", b"k"], "1.2.3.4:5", b"joe")
    runner.fake.slow_log.add(101, 30, [b"ping"], "1.2.3.4:6", b"")
    assert runner.run("slowlog get 1") == (
        b"*1\r\n*6\r\n:1\r\n:101\r\n:30\r\n*1\r\n$4\r\nping\r\n$9\r\n1.2.3.4:6\r\n$0\r\n\r\n"
    )
    assert runner.run("slowlog get -1").startswith(b"*2\r\n*6\r\n:1\r\n")
    assert runner.run("slowlog len") == b":2\r\n"
    assert runner.run("slowlog reset") == b"+OK\r\n"
    assert runner.run("slowlog len") == b":0\r\n"


def test_get_usually_answers_ten() -> None:
    """As many as Redis."""
    runner = ServerRunner()
    for number in range(15):
        runner.fake.slow_log.add(number, 1, [b"ping"], "", b"")
    assert runner.run("slowlog get").startswith(b"*10\r\n")


@pytest.mark.parametrize("count", ["-2", "x", "1.5", str(2**63)])
def test_a_wrong_count_is_refused(count: str) -> None:
    """One text for all that is wrong about it."""
    reply = ServerRunner().run(f"slowlog get {count}")
    assert reply == b"-ERR count should be greater than or equal to -1\r\n"


def test_other_calls_are_refused() -> None:
    """Too many arguments, and words nobody knows."""
    runner = ServerRunner()
    assert runner.run("slowlog get 1 2") == (
        b"-ERR unknown subcommand or wrong number of arguments for 'get'. Try SLOWLOG HELP.\r\n"
    )
    assert runner.run("slowlog x") == b"-ERR unknown subcommand 'x'. Try SLOWLOG HELP.\r\n"
