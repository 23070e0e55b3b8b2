"""Logging in with the password of the command line."""

from __future__ import annotations

import pytest

from tests.tools.answering_server import answering_server
from tools.ctl.__main__ import PASSWORD_VARIABLE, main


def guarded(command: list[bytes]) -> bytes:
    """A server that takes one password; it forgets who logged in and only knows AUTH."""
    if command[0] == b"AUTH":
        good = command[1] == b"secret"
        return b"+OK\r\n" if good else b"-WRONGPASS invalid username-password pair\r\n"
    return b"+PONG\r\n" if command[0] == b"PING" else b"$0\r\n\r\n"


def test_password_is_sent_first(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the option or from the variable; the right one lets in."""
    seen: list[bytes] = []

    def answering(command: list[bytes]) -> bytes:
        seen.append(command[0])
        return guarded(command)

    with answering_server(answering) as server:
        words = ["--server", str(server.address)]
        assert main([*words, "--password", "secret", "health"]) == 0
        assert seen[0] == b"AUTH"
        seen.clear()
        monkeypatch.setenv(PASSWORD_VARIABLE, "secret")
        assert main([*words, "health"]) == 0
        assert seen[0] == b"AUTH"
        monkeypatch.setenv(PASSWORD_VARIABLE, "wrong")
        assert main([*words, "health"]) == 1
    assert "WRONGPASS" in capsys.readouterr().err


def test_without_a_password_none_is_sent() -> None:
    """A server without a password would refuse AUTH."""
    seen: list[bytes] = []

    def answering(command: list[bytes]) -> bytes:
        seen.append(command[0])
        return guarded(command)

    with answering_server(answering) as server:
        assert main(["--server", str(server.address), "health"]) == 0
    assert b"AUTH" not in seen
