"""A small world of metadata logs with a perfect network and quick disks, for tests."""

from __future__ import annotations

from cluster.map.commands import MapCommand, SetSetting
from cluster.metadata.events import Propose, Result
from cluster.metadata.metadata_log import MetadataLog
from cluster.metadata.options import MetadataOptions
from tests.sim.metadata_world import MetadataWorld, NetworkOptions, SimulatedNode, genesis_of

QUIET = NetworkOptions(loss=0.0, delay_max_s=0.002, straggler=0.0, disk_delay_max_s=0.002)


def quiet_world(
    *,
    nodes: int,
    voters: int = 1,
    members: int | None = None,
    options: MetadataOptions | None = None,
) -> MetadataWorld:
    """Return a world with a genesis of so many members, which has just begun to hold."""
    world = MetadataWorld(1, options or MetadataOptions(voter_dead_s=5.0), QUIET)
    for number in range(1, nodes + 1):
        world.add(number)
    world.hold(genesis_of(voters, members or nodes))
    world.gossip()
    return world


def log_of(node: SimulatedNode) -> MetadataLog:
    """The running process of a node."""
    assert node.log is not None, node.node
    return node.log


def propose(world: MetadataWorld, node: SimulatedNode, command: MapCommand) -> Result:
    """Propose something and wait for the outcome."""
    token = world.propose(node, lambda token: Propose(token, command))
    for _ in range(100):
        if token in world.results:
            break
        world.run_for(0.1)
    return world.results[token]


def set_value(world: MetadataWorld, node: SimulatedNode, value: str) -> Result:
    """Change something small."""
    return propose(world, node, SetSetting("name", value))
