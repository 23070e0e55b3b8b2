"""Relations between parameters."""

from __future__ import annotations

import pytest

from meridian_resp.config.checks import broken_relations
from meridian_resp.config.parameters import Parameters


def test_the_defaults_hold_together() -> None:
    """Nothing is wrong with the defaults."""
    assert broken_relations(Parameters()) == []


def test_a_server_may_listen_on_a_unix_socket_only() -> None:
    """Port 0 is fine beside a Unix socket; several ports may be 0."""
    parameters = Parameters(port=0, http_port=0, unixsocket="meridian.sock", bind=())
    assert broken_relations(parameters) == []


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        (Parameters(port=0), ["port", "unixsocket", "nothing to listen on"]),
        (Parameters(bind=()), ["bind", "nothing to listen on"]),
        (Parameters(port=7402), ["port and http-port must differ", "7402"]),
        (Parameters(gossip_port=7402), ["http-port and gossip-port must differ"]),
        (Parameters(level0_tables_slow=40), ["level0-tables-stop", "more than", "(40)"]),
        (Parameters(dir=""), ["dir must be"]),
    ],
)
def test_broken_relations_are_named(parameters: Parameters, words: list[str]) -> None:
    """The sentence holds the names and what was given."""
    (problem,) = broken_relations(parameters)
    for word in words:
        assert word in problem
