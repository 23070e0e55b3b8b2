"""Defaults of the part of the table about running and watching the server."""

from __future__ import annotations

import pytest

from meridian_resp.config.operation_parameters import OperationParameters
from meridian_resp.config.parameters import find


def test_the_slow_log_is_that_of_redis() -> None:
    """128 commands of more than 10 ms."""
    operation = OperationParameters()
    assert operation.slowlog_log_slower_than_us == 10_000
    assert operation.slowlog_max_len == 128


@pytest.mark.parametrize("kind", ["hash", "zset"])
def test_ziplists_are_listpacks(kind: str) -> None:
    """Redis' old names of the encodings' bounds lead to the new ones."""
    for subject in ("entries", "value"):
        parameter = find(f"{kind}-max-ziplist-{subject}")
        assert parameter is not None
        assert parameter.name == f"{kind}-max-listpack-{subject}"
        assert parameter.no_effect
