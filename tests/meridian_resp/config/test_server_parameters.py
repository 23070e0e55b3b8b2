"""Defaults of the server's part of the table."""

from __future__ import annotations

from meridian_resp.config.parameters import PARAMETERS
from meridian_resp.config.server_parameters import ServerParameters


def test_defaults_are_those_of_the_specification() -> None:
    """Ports 7401 and 7402; keys of 512 bytes and values of 1 MB."""
    server = ServerParameters()
    assert (server.port, server.http_port) == (7401, 7402)
    assert (server.key_size_max_bytes, server.value_size_max_bytes) == (512, 1024 * 1024)


def test_nobody_from_outside_is_let_in_by_default() -> None:
    """Without any option only this machine can connect, to any port."""
    server = ServerParameters()
    assert server.bind == server.http_bind == ("127.0.0.1",)
    assert server.protected_mode


def test_turns_and_ticks_are_bounded() -> None:
    """A client's turn is 64 KB or 500 commands, a tick 2 ms."""
    server = ServerParameters()
    assert (server.turn_bytes_max, server.turn_commands_max) == (65536, 500)
    assert server.tick_time_max_us == 2000


def test_a_redis_conf_brings_the_limits_of_redis() -> None:
    """Started from a redis.conf keys and values may be as large as in Redis, on its port."""
    defaults = {it.attribute: it.redis_default for it in PARAMETERS}
    assert defaults["key_size_max_bytes"] == defaults["value_size_max_bytes"] == 512 << 20
    assert defaults["port"] == 6379
