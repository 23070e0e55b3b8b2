"""Who a client is: the one user `default`, whose password is `requirepass`."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from meridian_resp.commands.context import Context
    from meridian_resp.config.settings import Settings
    from meridian_resp.server.session import Session

#: The only user; without `requirepass` everybody is this user from the start.
DEFAULT_USER = "default"


def authenticate(context: Context, user: bytes, password: bytes) -> bool:
    """Make the client that user if the password is right; False changes nothing."""
    required = context.settings.requirepass
    if user != DEFAULT_USER.encode():
        return False
    if required and not hmac.compare_digest(password, required):
        return False
    context.session.user = DEFAULT_USER
    _set_authenticated(context.session, True)
    return True


def forget_user(session: Session, settings: Settings) -> None:
    """Make a client what a new connection is: the default user, who may need a password."""
    session.user = DEFAULT_USER
    _set_authenticated(session, not settings.requirepass)


def _set_authenticated(session: Session, is_authenticated: bool) -> None:
    session.is_authenticated = is_authenticated
    # The parser's limits are narrow for strangers.
    session.parser.authenticated = is_authenticated
