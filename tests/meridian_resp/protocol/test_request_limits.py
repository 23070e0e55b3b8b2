"""Bounds that may change at run time, and the error as clients see it."""

from __future__ import annotations

import pytest

from meridian_resp.protocol.request_limits import (
    BULK_BYTES_MAX_MIN,
    ProtocolError,
    RequestLimits,
)


def test_defaults_are_those_of_redis() -> None:
    """A client meets the limits it knows from Redis 7.0."""
    limits = RequestLimits()
    assert limits.bulk_bytes_max == 536_870_912
    assert limits.arguments_max == 2_147_483_647
    assert limits.line_bytes_max == 65_536
    assert limits.unauthenticated_arguments_max == 10
    assert limits.unauthenticated_bulk_bytes_max == 16_384


def test_bounds_that_the_fast_parser_relies_on_hold() -> None:
    """Neither construction nor a later change may go below what is taken without asking."""
    with pytest.raises(ValueError, match="bulk_bytes_max"):
        RequestLimits(bulk_bytes_max=BULK_BYTES_MAX_MIN - 1)
    limits = RequestLimits()
    with pytest.raises(ValueError, match="arguments_max"):
        limits.arguments_max = 9_999
    assert limits.arguments_max == 2_147_483_647


def test_error_is_one_line_with_the_offending_byte_as_it_came() -> None:
    """The reply is `-ERR Protocol error: ...`; a byte that is no UTF-8 survives."""
    got = b"\xff".decode("utf-8", "surrogateescape")
    error = ProtocolError(f"expected '$', got '{got}'", [[b"PING"]])
    assert error.reply == b"-ERR Protocol error: expected '$', got '\xff'\r\n"
    assert error.commands == [[b"PING"]]
    assert str(error) == error.text
