"""The options of every command of `meridian-ctl`: which server, and how to show what it says."""

from __future__ import annotations

import argparse

from tools.connection import Address, parse_address

PASSWORD_VARIABLE = "MERIDIAN_PASSWORD"


def add_general(
    parser: argparse.ArgumentParser, *, server: object, password: object, json: object
) -> None:
    """Add them, with these defaults; `argparse.SUPPRESS` leaves what stands before the command."""
    parser.add_argument(
        "--server",
        type=address,
        default=server,
        metavar="HOST:PORT",
        help="the server (default 127.0.0.1:7401), or the path of its Unix socket",
    )
    parser.add_argument(
        "--password",
        default=password,
        help=f"its password (default: the variable {PASSWORD_VARIABLE}, which no one else sees)",
    )
    parser.add_argument(
        "--json", action="store_true", default=json, help="one JSON object per line"
    )


def address(text: str) -> Address:
    """An address, or a complaint that argparse shows."""
    try:
        return parse_address(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
