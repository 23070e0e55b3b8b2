from __future__ import annotations

from meridian_resp.commands.authentication import authenticate, forget_user
from tests.harness.fake_server import ServerRunner


def test_without_a_password_the_default_user_is_anybody() -> None:
    """Any password fits; other users do not exist."""
    runner = ServerRunner()
    assert authenticate(runner, b"default", b"anything")
    assert not authenticate(runner, b"Default", b"anything")
    assert not authenticate(runner, b"", b"")


def test_only_the_very_password_fits() -> None:
    """Not a prefix, not another case, and a failure leaves the client as it was."""
    runner = ServerRunner()
    runner.settings.requirepass = b"secret"
    runner.session.is_authenticated = False
    for wrong in (b"", b"secre", b"SECRET", b"secret\0"):
        assert not authenticate(runner, b"default", wrong)
    assert not runner.session.is_authenticated
    assert authenticate(runner, b"default", b"secret")
    assert runner.session.user == "default"


def test_a_forgotten_user_is_a_stranger_only_where_there_is_a_password() -> None:
    """That is what a new connection is."""
    runner = ServerRunner()
    forget_user(runner.session, runner.settings)
    assert runner.session.is_authenticated
    runner.settings.requirepass = b"secret"
    forget_user(runner.session, runner.settings)
    assert not runner.session.is_authenticated
    assert not runner.session.parser.authenticated
