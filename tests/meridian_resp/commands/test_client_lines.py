from __future__ import annotations

from collections import deque

from meridian_resp.commands.client_lines import SESSION_BYTES, client_flags, client_line
from tests.harness.fake_server import ServerRunner


def fields_of(line: str) -> dict[str, str]:
    """The fields of a line by name."""
    return dict(field.split("=", 1) for field in line.split(" "))


def test_the_fields_are_those_of_redis_in_order() -> None:
    """Redis 7.0's, then the two of 7.2 about the library."""
    runner = ServerRunner()
    names = list(fields_of(client_line(runner.session, 100.0)))
    expected = """
        id addr laddr fd name age idle flags db sub psub ssub multi qbuf qbuf-free argv-mem
        multi-mem rbs rbp obl oll omem tot-mem events cmd user redir resp lib-name lib-ver
    """
    assert " ".join(names) == " ".join(expected.split())


def test_a_client_that_never_asked_anything() -> None:
    """Its command is NULL, its age runs from the connection."""
    fields = fields_of(client_line(ServerRunner().session, 47.9))
    assert fields["cmd"] == "NULL"
    assert fields["age"] == fields["idle"] == "7"
    assert fields["multi"] == "-1"
    assert fields["tot-mem"] == str(SESSION_BYTES)


def test_what_waits_is_counted() -> None:
    """Bytes of queued commands, of commands not yet run, and of replies not yet sent."""
    runner = ServerRunner()
    session = runner.session
    spec = runner.commands.find(b"get")
    assert spec is not None
    session.queue = [(spec, [b"get", b"key"])]
    session.backlog, session.backlog_at = [[b"done"], [b"set", b"a", b"12345"]], 1
    session.unsent = deque([b"x" * 10, b"y" * 20])
    session.unsent_bytes = 30
    session.is_writing = True
    session.last_command = "get"
    fields = fields_of(client_line(session, 100.0))
    assert fields["multi"] == "1"
    assert fields["multi-mem"] == "6"
    assert fields["argv-mem"] == "9"
    assert (fields["oll"], fields["omem"]) == ("2", "30")
    assert fields["events"] == "rw"
    assert fields["cmd"] == "get"
    assert fields["tot-mem"] == str(SESSION_BYTES + 6 + 9 + 30)


def test_flags() -> None:
    """A letter for each state, N for none."""
    session = ServerRunner().session
    assert client_flags(session) == "N"
    session.is_monitor = session.is_busy = session.is_closing = session.is_unix = True
    session.queue, session.watch_dirty, session.is_no_evict = [], True, True
    assert client_flags(session) == "OxbdcUe"
    assert client_flags(session, is_asking=True) == "OxdcUe"
