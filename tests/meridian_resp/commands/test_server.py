from __future__ import annotations

import pytest
import trio

from meridian_resp import REDIS_VERSION, __version__
from tests.harness.command_runner import START_MS
from tests.harness.fake_server import ServerRunner


def test_time_is_that_of_the_tick() -> None:
    """Seconds and the microseconds within, both as text."""
    runner = ServerRunner()
    runner.pass_ms(7)
    assert runner.run("time") == b"*2\r\n$10\r\n%d\r\n$4\r\n7000\r\n" % (START_MS // 1000)


def test_role_is_a_master_without_replicas() -> None:
    """Byte for byte what Redis answers on its own."""
    assert ServerRunner().run("role") == b"*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n"


@pytest.mark.parametrize(
    ("command", "text"),
    [
        ("wait a b", "value is not an integer or out of range"),
        ("wait 0 x", "timeout is not an integer or out of range"),
        ("wait 0 -1", "timeout is negative"),
        ("lolwut version x", "value is not an integer or out of range"),
    ],
)
def test_refusals_have_the_texts_of_redis(command: str, text: str) -> None:
    """Whatever is wrong first is named."""
    assert ServerRunner().run(command) == f"-ERR {text}\r\n".encode()


def test_wait_for_no_replica_is_over_at_once() -> None:
    """As is any WAIT inside a transaction, which may not wait."""
    runner = ServerRunner()
    assert runner.run("wait 0 0") == b":0\r\n"
    assert runner.run("wait -1 0") == b":0\r\n"
    runner.fake.is_in_transaction = True
    assert runner.run("wait 5 0") == b":0\r\n"


def test_wait_for_replicas_lasts_as_long_as_asked() -> None:
    """0 is for ever; there is nobody who could end it earlier."""
    runner = ServerRunner()
    assert trio.run(runner.later("wait 1 1500").work) == b":0\r\n"
    assert trio.run(runner.later("wait 1 0").work) == b":0\r\n"
    assert runner.fake.slept == [1.5, None]


def test_lolwut_ends_with_the_versions() -> None:
    """Whichever figure is asked for."""
    runner = ServerRunner()
    line = f"Meridian ver. {__version__}, Redis ver. {REDIS_VERSION}\n\r\n".encode()
    assert runner.run("lolwut").endswith(line)
    assert runner.run("lolwut version 5 1 2").endswith(line)
    assert runner.resp3().run("lolwut").startswith(b"=")
