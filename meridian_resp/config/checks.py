"""Relations between parameters, which no single type can check.

All parameters in them change at start only, so they are checked there and nowhere else.
"""

from __future__ import annotations

import ipaddress
from itertools import combinations

from meridian_resp.config.cluster_options import gossip_host
from meridian_resp.config.parameters import Parameters

_WILDCARDS = ("0.0.0.0", "::")


def broken_relations(parameters: Parameters) -> list[str]:
    """Return a sentence for each relation that does not hold."""
    problems: list[str] = []
    if parameters.port == 0 and not parameters.unixsocket:
        problems.append("port is 0 and unixsocket is empty: there is nothing to listen on")
    elif not parameters.bind and not parameters.unixsocket:
        problems.append("bind and unixsocket are empty: there is nothing to listen on")
    ports = {
        "port": parameters.port,
        "http-port": parameters.http_port,
        "gossip-port": parameters.gossip_port,
    }
    for (name, port), (other_name, other_port) in combinations(ports.items(), 2):
        if port == other_port != 0:
            problems.append(f"{name} and {other_name} must differ; both are {port}")
    if parameters.level0_tables_stop <= parameters.level0_tables_slow:
        problems.append(
            f"level0-tables-stop must be more than level0-tables-slow"
            f" ({parameters.level0_tables_slow}), not {parameters.level0_tables_stop}"
        )
    if not parameters.dir:
        problems.append("dir must be the path of a directory, not empty")
    if parameters.phi_suspect > parameters.phi_threshold:
        problems.append("phi-suspect must be at most phi-threshold")
    if parameters.cluster_enabled:
        problems += _broken_in_clusters(parameters)
    return problems


def is_loopback(host: str) -> bool:
    """Say whether only this machine can reach what listens on an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _broken_in_clusters(parameters: Parameters) -> list[str]:
    """Relations that matter only for a node of a cluster."""
    problems: list[str] = []
    if parameters.gossip_port == 0:
        problems.append("cluster-enabled needs a gossip-port other than 0")
    for name, value in (
        ("cluster-name", parameters.cluster_name),
        ("datacenter", parameters.datacenter),
    ):
        if not value:
            problems.append(f"cluster-enabled needs a {name}; it is empty")
    host = gossip_host(parameters)
    if not host:
        problems.append("cluster-enabled needs an address for other nodes: set gossip-bind")
    elif host in _WILDCARDS and not parameters.cluster_announce_ip:
        problems.append(
            "this node listens on every address, so other nodes cannot know which one to use:"
            " set cluster-announce-ip to the address they reach it at, or gossip-bind to one"
            " address"
        )
    tls = {
        "cluster-tls-cert-file": parameters.cluster_tls_cert_file,
        "cluster-tls-key-file": parameters.cluster_tls_key_file,
        "cluster-tls-ca-cert-file": parameters.cluster_tls_ca_cert_file,
    }
    missing = [name for name, path in tls.items() if not path]
    if 0 < len(missing) < len(tls):
        problems.append(f"TLS between nodes needs {', '.join(tls)}; missing: {', '.join(missing)}")
    # Who asks clients for a password does not want others to go round it.
    is_protected = parameters.protected_mode or bool(parameters.requirepass)
    if host and is_protected and not parameters.cluster_secret and not is_loopback(host):
        way_out = (
            ""
            if parameters.requirepass
            else (" (or protected-mode no, where nobody else is on the network)")
        )
        problems.append(
            f"other machines can reach the gossip port at {host}, and whoever does could read and"
            f" write everything: set cluster-secret to the same long text on all nodes{way_out}"
        )
    return problems
