"""The options of a cluster's node out of the settings."""

from __future__ import annotations

import socket

import pytest

from cluster.control.options import ControlOptions
from cluster.identity import Endpoint
from cluster.membership.facts import Role
from cluster.options import TlsFiles
from meridian_resp import __version__
from meridian_resp.config.cluster_options import (
    cluster_options,
    control_options,
    gossip_host,
    listening_endpoint,
    node_facts,
    seed_endpoints,
    tls_files,
)
from meridian_resp.config.parameters import find
from meridian_resp.config.settings import Settings
from meridian_resp.config.values import MemoryType


def test_a_node_listens_where_clients_do_and_says_so() -> None:
    """Without options it is reached at the first address of bind and the gossip port."""
    settings = Settings(bind=("10.0.0.1", "127.0.0.1"))
    assert listening_endpoint(settings) == Endpoint("10.0.0.1", 7400)
    assert cluster_options(settings).announced == Endpoint("10.0.0.1", 7400)


def test_a_node_behind_a_translation_says_where_it_is_reached() -> None:
    """It listens on all addresses and tells others the one that leads to it."""
    settings = Settings(
        bind=("*",),
        cluster_announce_ip="192.0.2.1",
        cluster_announce_bus_port=17400,
        cluster_announce_port=17401,
    )
    assert listening_endpoint(settings) == Endpoint("0.0.0.0", 7400)
    assert cluster_options(settings).announced == Endpoint("192.0.2.1", 17400)
    assert node_facts(settings).client_port == 17401


def test_a_name_to_listen_at_is_looked_up() -> None:
    """A socket is bound to a numeric address, and that is what others are told."""
    options = cluster_options(Settings(bind=("localhost",)))
    assert options.listening.host in ("127.0.0.1", "::1")
    assert options.announced == options.listening


def test_identity_and_protection_reach_the_node() -> None:
    """Directory, name, secret and certificates; no file stands for no TLS."""
    settings = Settings(
        dir="d",
        cluster_name="c",
        cluster_secret=b"s",
        cluster_tls_cert_file="cert",
        cluster_tls_key_file="key",
        cluster_tls_ca_cert_file="ca",
    )
    options = cluster_options(settings)
    assert (options.data_directory, options.cluster_name, options.secret) == ("d", "c", b"s")
    assert options.tls == TlsFiles("cert", "key", "ca")
    assert tls_files(Settings()) is None


def test_a_seed_without_a_port_is_at_our_own() -> None:
    """All nodes of a cluster usually have the same gossip port."""
    settings = Settings(gossip_port=9000, seeds=("a", "b:1", "[::1]", "::2"))
    assert seed_endpoints(settings) == (
        Endpoint("a", 9000),
        Endpoint("b", 1),
        Endpoint("::1", 9000),
        Endpoint("::2", 9000),
    )


def test_a_machine_is_called_like_its_host() -> None:
    """So that two nodes of one machine know it; a name that is given outweighs it."""
    assert node_facts(Settings()).machine == socket.gethostname()[:64]
    assert node_facts(Settings(machine="m1")).machine == "m1"


def test_facts_are_those_of_the_settings() -> None:
    """Each of them reaches the node."""
    settings = Settings(
        port=7, datacenter="d", rack="r", capacity_weight=2.5, roles=Role.STORAGE, machine="m"
    )
    facts = node_facts(settings)
    assert (facts.datacenter, facts.rack, facts.machine) == ("d", "r", "m")
    assert (facts.capacity_weight, facts.roles, facts.client_port) == (2.5, Role.STORAGE, 7)
    assert facts.software_version == __version__


def test_every_choice_reaches_the_control_plane() -> None:
    """Thresholds, seeds, what a new cluster keeps, and whether it moves partitions by itself."""
    options = control_options(
        Settings(
            phi_suspect=2.0,
            phi_threshold=12.0,
            seeds=("a:1",),
            cluster_replicas=5,
            cluster_bootstrap=True,
            auto_rebalance=False,
            rebalance_settle_s=9,
        )
    )
    assert (options.phi.threshold_suspected, options.phi.threshold_dead) == (2.0, 12.0)
    assert options.seeds == (Endpoint("a", 1),)
    assert (options.birth.replicas, options.birth.is_bootstrap) == (5, True)
    assert (options.is_auto_rebalance, options.rebalance_settle_s) == (False, 9.0)


def test_defaults_are_those_of_the_control_plane() -> None:
    """Without options a node has the control plane's own defaults."""
    assert control_options(Settings()) == ControlOptions()


def test_the_transport_takes_all_that_the_table_takes() -> None:
    """The least queue of the table holds a whole message."""
    parameter = find("peer-queue-max")
    assert parameter is not None
    assert isinstance(parameter.type, MemoryType)
    least = parameter.type.minimum
    options = cluster_options(Settings(peer_queue_max_bytes=least))
    assert options.transport.queue_bytes_max == least


@pytest.mark.parametrize(
    ("bind", "own", "host"),
    [
        (("127.0.0.1", "10.0.0.1"), "", "127.0.0.1"),
        (("-::1",), "", "::1"),
        (("*",), "", "0.0.0.0"),
        (("127.0.0.1",), "10.0.0.1", "10.0.0.1"),
        ((), "", ""),
    ],
)
def test_gossip_listens_where_clients_do(bind: tuple[str, ...], own: str, host: str) -> None:
    """On the first address of bind, unless gossip-bind names another."""
    assert gossip_host(Settings(bind=bind, gossip_bind=own)) == host
