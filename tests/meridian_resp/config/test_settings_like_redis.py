"""CONFIG GET and SET beside a real redis-server 7: the same answers, byte for byte."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from redis import Redis
from redis.exceptions import ResponseError

from meridian_resp.config.errors import ChangeError
from meridian_resp.config.parameter import Change
from meridian_resp.config.parameters import PARAMETERS, names
from meridian_resp.config.settings import Settings

pytestmark = [pytest.mark.redis, pytest.mark.process]

# Names that mean the same in both, of those that may be tried without harm at run time. Redis
# takes sizes beyond 64 bits and without a number, and wraps them; Meridian refuses those.
NAMES = [
    name
    for parameter in PARAMETERS
    if parameter.change is Change.LIVE and parameter.visible
    for name in parameter.names
    if name
    not in {
        "appendonly", "requirepass", "protected-mode", "maxclients", "key-size-max-bytes",
        "value-size-max-bytes", "turn-bytes-max", "turn-commands-max", "tick-time-max-us",
        "cache-size-mb", "consistency-default", "cluster-redirects", "cluster-forward-timeout",
    }
]  # fmt: skip
VALUES = st.one_of(
    st.integers(-10, 2**31).map(str),
    st.sampled_from(
        [
            "yes", "No", "1mb", "2k", "3GB", "x", "01", "+1", "900 1", "900 1 60 2", "900", "KEA",
            "Kg$z", "allkeys-lru", "noeviction", "9223372036854775807", "9223372036854775808",
            "normal 1 2 3", "replica 1mb 2k 3 pubsub 0 0 0", "normal 1 2", "none 1 2 3", "0 1",
        ]
    ),
)  # fmt: skip


@attrs.frozen
class Reference:
    """The real server."""

    client: Redis
    defaults: dict[str, str] = attrs.field(repr=False)


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reference]:
    """A redis-server of our own, on a Unix socket, with what it began with."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed")
    directory: Path = tmp_path_factory.mktemp("redis")
    path = directory / "redis.sock"
    command = [program, "--port", "0", "--unixsocket", str(path), "--dir", str(directory)]
    with subprocess.Popen([*command, "--save", ""], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert any("eady to accept connections" in line for line in process.stdout)
            with contextlib.closing(
                Redis(unix_socket_path=str(path), decode_responses=True)
            ) as client:
                version = str(client.info("server")["redis_version"])
                if not version.startswith("7.0."):
                    pytest.skip(f"answers of redis-server 7.0 are expected, this is {version}")
                found = client.config_get("*")
                yield Reference(client, {str(name): str(it) for name, it in found.items()})
        finally:
            process.terminate()


def answer_of_redis(redis: Redis, pairs: list[tuple[str, str]]) -> str:
    """What Redis answers to CONFIG SET."""
    (name, value), *others = pairs
    try:
        redis.config_set(name, value, *[word for pair in others for word in pair])
    except ResponseError as error:
        return f"ERR {error}".replace("ERR ERR", "ERR", 1)
    return "OK"


def answer_of_settings(settings: Settings, pairs: list[tuple[str, str]]) -> str:
    """What Meridian answers to CONFIG SET."""
    try:
        settings.change([(name.encode(), value.encode()) for name, value in pairs])
    except ChangeError as error:
        return error.text
    return "OK"


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(NAMES), VALUES), min_size=1, max_size=3))
def test_changes_are_answered_as_by_redis(
    reference: Reference, pairs: list[tuple[str, str]]
) -> None:
    """The same answer to any change, and the same values afterwards."""
    redis = reference.client
    settings = Settings()
    asked = sorted({name for name, _ in pairs})
    for name in asked:
        redis.config_set(name, ours(settings, name)[name])
    assert answer_of_settings(settings, pairs) == answer_of_redis(redis, pairs)
    for name in asked:
        assert ours(settings, name) == redis.config_get(name)


def ours(settings: Settings, pattern: str) -> dict[str, str]:
    """What Meridian answers to CONFIG GET."""
    found = settings.get_matching([pattern.encode()])
    return {name.decode(): value.decode() for name, value in found}


def test_defaults_are_those_of_redis(reference: Reference) -> None:
    """A parameter that Redis has too has the same default, with few exceptions on purpose."""
    theirs = reference.defaults
    different = {
        name
        for name, value in ours(Settings(), "*").items()
        if name in theirs and theirs[name] != value
    }
    assert different == {
        "port", "bind", "dir", "appendonly", "unixsocket", "cluster-require-full-coverage",
    }  # fmt: skip


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pattern=st.text("*?[]^-\\abhz", max_size=5))
def test_patterns_match_as_in_redis(reference: Reference, pattern: str) -> None:
    """Of the names that both have, the same ones match."""
    shared = set(reference.defaults) & set(names())
    expected = set(reference.client.config_get(pattern)) & shared
    assert set(ours(Settings(), pattern)) & shared == expected
