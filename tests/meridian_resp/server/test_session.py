"""A session's derived facts."""

from __future__ import annotations

from meridian_resp.protocol.replies import Map, text
from tests.harness.simulated_server import SimulatedServer


def test_a_new_session() -> None:
    """Database 0, protocol 2, no name, nothing pending, reading."""
    server = SimulatedServer().open()
    session = server.session(server.connect(peer="127.0.0.1:5000"))
    assert session.database.index == 0
    assert session.protocol == 2
    assert session.name == b""
    assert session.pending_output_bytes == 0
    assert session.is_reading and not session.is_writing
    assert repr(session) == "<Session 1 127.0.0.1:5000>"


def test_it_is_held_up_while_busy_or_waiting() -> None:
    """Either reason is enough."""
    session_of = SimulatedServer().open()
    session = session_of.session(session_of.connect())
    facts = []
    for busy, waiting in ((False, False), (True, False), (False, True)):
        session.is_busy, session.is_waiting = busy, waiting
        facts.append(session.is_held_up)
    assert facts == [False, True, True]


def test_replies_take_the_form_of_its_protocol() -> None:
    """A map is a flat array in RESP2 and a map in RESP3."""
    server = SimulatedServer().open()
    session = server.session(server.connect())
    reply = Map([(text("a"), text("b"))])
    assert session.encode(reply).startswith(b"*2\r\n")
    session.protocol = 3
    assert session.encode(reply).startswith(b"%1\r\n")


def test_pending_output_is_what_waits_for_the_client_and_for_the_log() -> None:
    """Both sums count."""
    server = SimulatedServer().open()
    session = server.session(server.connect())
    session.unsent_bytes, session.held_bytes = 3, 4
    assert session.pending_output_bytes == 7
