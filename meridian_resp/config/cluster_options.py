"""The options of a cluster's node that settings ask for.

The cluster never sees the settings; this is the one place that knows both.
"""

from __future__ import annotations

import ipaddress
import socket

from cluster.birth.options import BirthOptions
from cluster.control.options import ControlOptions
from cluster.identity import Endpoint, parse_endpoint
from cluster.membership.facts import TEXT_CHARACTERS_MAX, NodeFacts
from cluster.membership.phi import PhiOptions
from cluster.options import ClusterOptions, TlsFiles
from cluster.transport.options import TransportOptions
from meridian_resp import __version__
from meridian_resp.config.parameters import Parameters


def cluster_options(settings: Parameters) -> ClusterOptions:
    """Return the node's options for these settings, within all of its bounds.

    Raises:
        OSError: the name to listen at is no address of this machine.
    """
    listening = listening_endpoint(settings)
    options = ClusterOptions(
        data_directory=settings.dir,
        listening=listening,
        announced=Endpoint(
            settings.cluster_announce_ip or listening.host,
            settings.cluster_announce_bus_port or settings.gossip_port,
        ),
        cluster_name=settings.cluster_name,
        secret=settings.cluster_secret,
        tls=tls_files(settings),
        facts=node_facts(settings),
        control=control_options(settings),
        transport=TransportOptions(queue_bytes_max=settings.peer_queue_max_bytes),
    )
    options.validate()
    return options


def gossip_host(settings: Parameters) -> str:
    """Return the address to listen on for other nodes; empty when there is none."""
    first = settings.bind[0].removeprefix("-") if settings.bind else ""
    host = settings.gossip_bind or first
    return {"*": "0.0.0.0", "::*": "::"}.get(host, host)


def listening_endpoint(settings: Parameters) -> Endpoint:
    """Return where the node listens for others; a name is looked up.

    Raises:
        OSError: there is no such name.
    """
    host = gossip_host(settings)
    try:
        ipaddress.ip_address(host)
    except ValueError:
        found = socket.getaddrinfo(host, settings.gossip_port, type=socket.SOCK_STREAM)
        host = str(found[0][4][0])
    return Endpoint(host, settings.gossip_port)


def seed_endpoints(settings: Parameters) -> tuple[Endpoint, ...]:
    """Return the seeds; one without a port is at this node's own gossip port."""
    return tuple(parse_endpoint(seed, settings.gossip_port) for seed in settings.seeds)


def node_facts(settings: Parameters) -> NodeFacts:
    """Return what the node says about itself."""
    return NodeFacts(
        datacenter=settings.datacenter,
        rack=settings.rack,
        machine=settings.machine or socket.gethostname()[:TEXT_CHARACTERS_MAX],
        capacity_weight=settings.capacity_weight,
        roles=settings.roles,
        client_port=settings.cluster_announce_port or settings.port,
        software_version=__version__,
    )


def tls_files(settings: Parameters) -> TlsFiles | None:
    """Return the files of mutual TLS; None without."""
    if not settings.cluster_tls_cert_file:
        return None
    return TlsFiles(
        settings.cluster_tls_cert_file,
        settings.cluster_tls_key_file,
        settings.cluster_tls_ca_cert_file,
    )


def control_options(settings: Parameters) -> ControlOptions:
    """Return the options of the control plane: contacts, thresholds, and how clusters begin."""
    return ControlOptions(
        phi=PhiOptions(
            threshold_suspected=settings.phi_suspect, threshold_dead=settings.phi_threshold
        ),
        birth=BirthOptions(
            replicas=settings.cluster_replicas, is_bootstrap=settings.cluster_bootstrap
        ),
        seeds=seed_endpoints(settings),
        is_auto_rebalance=settings.auto_rebalance,
        rebalance_settle_s=float(settings.rebalance_settle_s),
    )
