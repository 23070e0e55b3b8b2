from __future__ import annotations

import shlex

from hypothesis import given
from hypothesis import strategies as st

from meridian_resp.commands.monitor import format_monitor_line, quote
from tests.harness.fake_server import ServerRunner


def test_a_line_is_that_of_redis() -> None:
    """Time with microseconds, database and address, then every argument quoted."""
    line = format_monitor_line(1339518083.107412, 3, "127.0.0.1:60866", [b"set", b'a "b"\r\n\xff'])
    assert line == (b'+1339518083.107412 [3 127.0.0.1:60866] "set" "a \\"b\\"\\r\\n\\xff"\r\n')


def test_secrets_are_not_shown() -> None:
    """A password typed by one user is not for the eyes of another."""
    assert b'"AUTH" "(redacted)"' in format_monitor_line(1.0, 0, "", [b"AUTH", b"secret"])


def test_special_bytes_are_named_as_redis_names_them() -> None:
    """Seven have a letter, others two hexadecimal digits."""
    assert quote(b'\\"\n\r\t\a\b\0\x7f ~') == b'"\\\\\\"\\n\\r\\t\\a\\b\\x00\\x7f ~"'


@given(st.binary())
def test_a_quoted_argument_is_one_printable_word(argument: bytes) -> None:
    """Nothing in it can end the line or the quotes."""
    quoted = quote(argument)
    assert all(0x20 <= byte <= 0x7E for byte in quoted)
    assert len(shlex.split(quoted.decode())) == 1


def test_monitor_begins_and_is_refused_inside_a_transaction() -> None:
    """A transaction's replies could not be told from what MONITOR shows."""
    runner = ServerRunner()
    assert runner.run("monitor") == b"+OK\r\n"
    assert runner.fake.monitors == [runner.session]
    runner.fake.is_in_transaction = True
    assert runner.run("monitor") == (b"-ERR MONITOR isn't allowed for DENY BLOCKING client\r\n")
