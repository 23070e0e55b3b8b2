"""Relations between parameters."""

from __future__ import annotations

from typing import Any

import attrs
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


def member(**values: Any) -> Parameters:
    """The parameters of a node of a cluster."""
    return Parameters(cluster_enabled=True, **values)


def test_a_node_of_this_machine_needs_nothing_but_to_be_one() -> None:
    """cluster-enabled alone is enough where only this machine can connect."""
    assert broken_relations(member()) == []


@pytest.mark.parametrize("wildcard", ["*", "0.0.0.0", "::*", "::", "-::*"])
def test_who_listens_everywhere_must_say_where_it_is_reached(wildcard: str) -> None:
    """A wildcard is no address that others could be told; the error says what to set."""
    (problem,) = broken_relations(member(bind=(wildcard,), cluster_secret=b"x"))
    assert "set cluster-announce-ip" in problem
    told = member(bind=(wildcard,), cluster_secret=b"x", cluster_announce_ip="10.0.0.1")
    assert broken_relations(told) == []
    own = member(bind=(wildcard,), cluster_secret=b"x", gossip_bind="10.0.0.1")
    assert broken_relations(own) == []


def test_a_gossip_port_that_others_reach_needs_a_secret() -> None:
    """Whoever reaches it could read everything, so protected-mode does not let it stand open.

    Certificates are not enough: datagrams are sealed with the secret.
    """
    (problem,) = broken_relations(member(bind=("10.0.0.1",)))
    assert "set cluster-secret" in problem
    certificates = dict.fromkeys(TLS, "x.pem")
    assert broken_relations(member(bind=("10.0.0.1",), **certificates)) == [problem]
    for closed in (
        member(bind=("10.0.0.1",), cluster_secret=b"x"),
        member(bind=("10.0.0.1",), protected_mode=False),
        member(bind=("10.0.0.1",), gossip_bind="127.0.0.1"),
        Parameters(bind=("10.0.0.1",)),
    ):
        assert broken_relations(closed) == []


def test_a_password_was_gone_round_by_the_gossip_port() -> None:
    """Without protected-mode and a secret anybody was a node, and nodes need no password."""
    protected = member(bind=("10.0.0.1",), protected_mode=False, requirepass=b"x")
    (problem,) = broken_relations(protected)
    assert "set cluster-secret" in problem and "protected-mode" not in problem
    assert broken_relations(attrs.evolve(protected, cluster_secret=b"y")) == []
    assert broken_relations(attrs.evolve(protected, gossip_bind="127.0.0.1")) == []


TLS = ("cluster_tls_cert_file", "cluster_tls_key_file", "cluster_tls_ca_cert_file")


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        (member(gossip_port=0), ["needs a gossip-port"]),
        (member(cluster_name=""), ["needs a cluster-name"]),
        (member(datacenter=""), ["needs a datacenter"]),
        (member(bind=(), unixsocket="x"), ["set gossip-bind"]),
        (member(cluster_tls_cert_file="x"), ["missing: cluster-tls-key-file, cluster-tls-ca"]),
        (Parameters(phi_suspect=9.0), ["phi-suspect", "phi-threshold"]),
    ],
)
def test_broken_relations_of_a_cluster_are_named(parameters: Parameters, words: list[str]) -> None:
    """Each mistake is one sentence with what to set."""
    (problem,) = broken_relations(parameters)
    for word in words:
        assert word in problem
