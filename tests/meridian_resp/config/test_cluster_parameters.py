"""Defaults of the cluster's part of the table."""

from __future__ import annotations

import pytest

from cluster.membership.facts import ALL_ROLES
from meridian_resp.config.cluster_parameters import ClusterParameters
from meridian_resp.config.errors import ChangeError
from meridian_resp.config.loading import load
from meridian_resp.config.parameters import find
from meridian_resp.config.settings import Settings


def test_defaults_are_those_of_the_specification() -> None:
    """Gossip on 7400, three replicas, phi 1 and 8, weight 1, all roles, no cluster by itself."""
    node = ClusterParameters()
    assert not node.cluster_enabled
    assert node.gossip_port == 7400
    assert node.cluster_replicas == 3
    assert (node.phi_suspect, node.phi_threshold) == (1.0, 8.0)
    assert node.capacity_weight == 1.0
    assert node.roles is ALL_ROLES
    assert not (node.cluster_bootstrap or node.cluster_redirects)


def test_cluster_enabled_is_all_that_a_node_needs() -> None:
    """It was refused in versions without a cluster."""
    assert load(["--cluster-enabled", "yes"]).cluster_enabled


def test_seeds_are_given_with_commas_or_blanks() -> None:
    """Both forms of the command line mean the same list."""
    seeds = ("a:7400", "10.0.0.2", "[::1]:7500")
    assert load(["--seeds", "a:7400,10.0.0.2,[::1]:7500"]).seeds == seeds
    assert load(["--seeds", *seeds]).seeds == seeds


def test_the_secret_is_neither_shown_nor_named() -> None:
    """CONFIG GET does not find it, CONFIG SET does not know it."""
    settings = Settings(cluster_secret=b"s3cret")
    assert settings.get_matching([b"*"]) != []
    assert not any(b"secret" in word for pair in settings.get_matching([b"*"]) for word in pair)
    assert settings.get_matching([b"cluster-secret"]) == []
    with pytest.raises(ChangeError):
        settings.change([(b"cluster-secret", b"x")])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cluster-redirects", "yes"),
        ("cluster-require-full-coverage", "yes"),
        ("cluster-forward-timeout", "100"),
    ],
)
def test_what_a_node_answers_may_change_at_run_time(name: str, value: str) -> None:
    """CONFIG SET takes it."""
    settings = Settings()
    settings.change([(name.encode(), value.encode())])
    parameter = find(name)
    assert parameter is not None
    assert parameter.type.format(settings.value(parameter)) == value


def test_the_timeout_of_redis_is_taken_and_explained() -> None:
    """A redis.conf that sets it starts the server; the warning says what holds instead."""
    (warning,) = load(["--cluster-node-timeout", "5000"]).start_warnings
    assert "phi-threshold" in warning
