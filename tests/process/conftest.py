"""What the tests of real processes need of the machine."""

from __future__ import annotations

import shutil

import pytest


@pytest.fixture
def redis_cli() -> str:
    """The path of redis-cli; skips where it is not installed."""
    found = shutil.which("redis-cli")
    if found is None:
        pytest.skip("redis-cli (package redis-tools) is not installed")
    return found
