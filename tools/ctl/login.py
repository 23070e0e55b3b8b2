"""A connection with the address and the password of the command line."""

from __future__ import annotations

import argparse

from tools.connection import TIMEOUT_S, Address, Connection


def connect(options: argparse.Namespace, *, timeout_s: float = TIMEOUT_S) -> Connection:
    """Connect and, when there is a password, log in.

    Raises:
        ConnectionLost: the server cannot be reached.
        ErrorReply: it does not take the password.
    """
    return log_in(options.server, options.password, timeout_s=timeout_s)


def log_in(address: Address, password: str, *, timeout_s: float = TIMEOUT_S) -> Connection:
    """Connect to any server with a password, if there is one.

    Raises:
        ConnectionLost: the server cannot be reached.
        ErrorReply: it does not take the password.
    """
    connection = Connection(address, timeout_s=timeout_s)
    if password:
        try:
            connection.call("AUTH", password)
        except Exception:
            connection.close()
            raise
    return connection
