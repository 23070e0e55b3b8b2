"""Who writes much waits while flushes are behind, and only who does."""

from __future__ import annotations

import pytest

from meridian_resp.server.parking import Parking
from meridian_resp.server.session import Session
from tests.harness.simulated_server import SimulatedServer, line


def test_who_writes_much_is_parked_while_flushes_are_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One turn of a heavy session per pause; light ones are served meanwhile; then all go on."""
    server = SimulatedServer(turn_commands_max=10).open()
    heavy, light = server.connect(), server.connect()
    pause = [0.003]
    monkeypatch.setattr(server.node.engine, "delay_s", lambda: pause[0])
    heavy.send(line("INCR n") * 40)
    for _ in range(5):
        server.tick()
    assert server.ask(light, "GET n") == b"$2\r\n20\r\n"
    server.pass_s(0.01)
    server.tick()
    server.tick()
    assert server.ask(light, "GET n") == b"$2\r\n30\r\n"
    pause[0] = 0.0
    server.step()
    assert server.ask(light, "GET n") == b"$2\r\n40\r\n"
    assert heavy.take().count(b":") == 40


def test_one_goes_on_per_pause_in_order() -> None:
    """Those who left meanwhile take nobody's turn; without pressure all go on at once."""
    server = SimulatedServer().open()
    sessions = [server.session(server.connect()) for _ in range(5)]
    went_on: list[Session] = []
    parking = Parking(lambda session: None, went_on.append)
    parking.pressure_s = 0.1
    for session in sessions:
        parking.park(session)
        parking.park(session)
    sessions[1].is_gone = True
    assert list(parking.waiting) == sessions
    parking.release(10.0)
    assert went_on == sessions[:1] and parking.wait_s(10.04) == pytest.approx(0.06)
    parking.release(10.05)
    assert went_on == sessions[:1]
    parking.release(10.1)
    assert went_on == [sessions[0], sessions[2]]
    parking.pressure_s = 0.0
    parking.release(10.11)
    assert went_on == [sessions[0], *sessions[2:]]
    assert not parking.waiting and not any(session.is_parked for session in sessions)
