"""A connection with the address and the password of the command line."""

from __future__ import annotations

import argparse

from tools.connection import TIMEOUT_S, Connection


def connect(options: argparse.Namespace, *, timeout_s: float = TIMEOUT_S) -> Connection:
    """Connect and, when there is a password, log in.

    Raises:
        ConnectionLost: the server cannot be reached.
        ErrorReply: it does not take the password.
    """
    connection = Connection(options.server, timeout_s=timeout_s)
    if options.password:
        try:
            connection.call("AUTH", options.password)
        except Exception:
            connection.close()
            raise
    return connection
