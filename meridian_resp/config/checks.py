"""Relations between parameters, which no single type can check.

All parameters in them change at start only, so they are checked there and nowhere else.
"""

from __future__ import annotations

from itertools import combinations

from meridian_resp.config.parameters import Parameters


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
    return problems
