"""Fixtures: a pair of servers per test process, fresh connections and empty databases per test."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from compat_tests.both import Both, Pair
from compat_tests.servers import (
    REFERENCE_VERSION,
    Server,
    ServerNotRunningError,
    meridian_address,
    meridian_command,
    meridian_server,
    redis_program,
    redis_server,
    redis_version,
)

EXAMPLES = int(os.environ.get("COMPAT_EXAMPLES", "25"))

settings.register_profile(
    "compat",
    max_examples=EXAMPLES,
    deadline=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
settings.register_profile(
    "compat-long", settings.get_profile("compat"), max_examples=max(EXAMPLES, 1000)
)
settings.load_profile("compat")


@pytest.fixture(scope="session")
def redis_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running redis-server 7.0, the reference."""
    program = redis_program()
    if program is None:
        pytest.skip("redis-server is not installed: there is nothing to compare with")
    version = redis_version(program)
    if not version.startswith(REFERENCE_VERSION):
        pytest.skip(f"redis-server is {version}; replies are compared with {REFERENCE_VERSION}")
    server = redis_server(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="session")
def meridian_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The running server under test."""
    address = meridian_address()
    directory = tmp_path_factory.mktemp("meridian")
    if address is not None:
        server = Server("meridian", address, directory)
        server.wait_ready()
        yield server
        return
    if meridian_command() is None:
        pytest.skip("there is no meridian to test: set MERIDIAN_COMMAND or MERIDIAN_ADDRESS")
    server = meridian_server(directory)
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="session")
def pair(redis_process: Server, meridian_process: Server) -> Pair:
    """Both running servers."""
    return Pair(redis_process, meridian_process)


def _opened(pair: Pair, protocol: int) -> Iterator[Both]:
    both = Both(pair, protocol)
    try:
        both.do("FLUSHALL")
        yield both
    finally:
        both.close()
    for server in (pair.redis, pair.meridian):
        if not server.is_alive():
            text = f"{server.name} ended during the test\n{server.tail()}"
            server.start()
            raise ServerNotRunningError(text)


@pytest.fixture(params=[2, 3], ids=["resp2", "resp3"])
def both(pair: Pair, request: pytest.FixtureRequest) -> Iterator[Both]:
    """Connections to both servers with empty databases; each test runs in RESP2 and RESP3."""
    yield from _opened(pair, request.param)


@pytest.fixture
def both2(pair: Pair) -> Iterator[Both]:
    """The same in RESP2 only, for what does not depend on the protocol."""
    yield from _opened(pair, 2)
