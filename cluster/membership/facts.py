"""Facts: what a node says about itself and everybody should know.

Facts travel with the claim that the node is alive and change only by a new incarnation of it, so
two nodes that hold the same precedence hold the same facts. They are small on purpose: a claim
with facts must fit many times into a datagram of 1400 bytes.
"""

from __future__ import annotations

import enum

from attrs import field, frozen
from attrs.validators import ge, le, max_len

TEXT_CHARACTERS_MAX = 64
WEIGHT_MAX = 1000.0
WEIGHT_STEPS = 1000  # a weight travels as a whole number of thousandths


class Role(enum.Flag):
    """What a node does besides gossip, which all do. The numbers are on the wire."""

    NONE = 0
    COORDINATOR = 1
    STORAGE = 2
    REBALANCER = 4


ALL_ROLES = Role.COORDINATOR | Role.STORAGE | Role.REBALANCER


def _rounded(weight: float) -> float:
    return round(weight * WEIGHT_STEPS) / WEIGHT_STEPS


@frozen
class NodeFacts:
    """Where a node stands, how much it can take, and what it speaks.

    Attributes:
        datacenter, rack, machine: names of failure domains, widest first, at most 64 characters;
            a machine name is meant within its rack, a rack within its datacenter.
        capacity_weight: 0.001 to 1000, in thousandths; 1.0 is an ordinary node.
        roles: what it does.
        client_port: where Redis clients are served; 0 when they are not.
        software_version: version of the program, for people.
        protocol_min, protocol_max: peer protocol versions it speaks, both included.
    """

    datacenter: str = field(default="dc1", validator=max_len(TEXT_CHARACTERS_MAX))
    rack: str = field(default="", validator=max_len(TEXT_CHARACTERS_MAX))
    machine: str = field(default="", validator=max_len(TEXT_CHARACTERS_MAX))
    capacity_weight: float = field(
        default=1.0, converter=_rounded, validator=[ge(1 / WEIGHT_STEPS), le(WEIGHT_MAX)]
    )
    roles: Role = ALL_ROLES
    client_port: int = field(default=7401, validator=[ge(0), le(65535)])
    software_version: str = field(default="", validator=max_len(TEXT_CHARACTERS_MAX))
    protocol_min: int = field(default=1, validator=[ge(0), le(255)])
    protocol_max: int = field(default=1, validator=[ge(0), le(255)])
