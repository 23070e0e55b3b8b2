"""Simulate membership cores: `python -m tests.sim.swim_simulation --nodes 50 --seed 7`.

Without `--check` it prints what the chosen network does to a cluster of the chosen size. With
`--check` it runs the promised sizes and conditions one after the other, prints a table in the form
of docs/protocols/gossip.md, and ends with code 1 when a promise does not hold; `--write` then
draws the picture of that page anew. At 500 nodes that takes a quarter of an hour of processor
time.
"""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.sim import swim_plot
from tests.sim.swim_experiments import Calm, formed, measure_calm, measure_death, measure_spread
from tests.sim.swim_network import NetworkOptions

GOSSIP_INTERVAL_S = 0.2
RUMOURS = 10
SIZES = (50, 100, 200, 500)
SLOW_SHARE = 0.3
SLOW_S = 600.0
WELL_S = 300.0  # two pauses between exchanges of tables at 500 nodes


def main(arguments: Sequence[str]) -> int:
    """Run what the command line asks for; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.sim.swim_simulation")
    parser.add_argument("--nodes", type=int, default=50)
    parser.add_argument("--loss", type=float, default=0.0, help="share of datagrams lost")
    parser.add_argument("--duplication", type=float, default=0.0)
    parser.add_argument("--slow", type=float, default=0.0, help="share of nodes that stall")
    parser.add_argument("--minutes", type=float, default=2.0, help="calm to watch")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--check", action="store_true", help="run and judge the promised figures")
    parser.add_argument("--write", action="store_true", help="with --check: draw the picture")
    given = parser.parse_args(arguments)
    gc.disable()  # the cores leave no cycles behind; looking for some took a sixth of the time
    if given.check:
        return check(given.nodes, given.seed, is_written=given.write)
    network = NetworkOptions(given.loss, given.duplication, slow_share=given.slow)
    show(given.nodes, given.seed, network, given.minutes)
    return 0


def show(nodes: int, seed: int, network: NetworkOptions, minutes: float) -> None:
    """Form a cluster, then measure rumours, calm and a death in it."""
    world = formed(nodes, seed, network=network)
    print(f"{nodes} nodes, seed {seed}: formed after {world.now:.1f} s")
    world.slow_down(network.slow_share)
    world.start_heartbeats()
    spread = [measure_spread(world, world.rng.choice(world.nodes)) for _ in range(RUMOURS)]
    print(
        f"rumour to 99 %: median {sorted(s.most_s for s in spread)[RUMOURS // 2]:.2f} s,", end=" "
    )
    print(
        f"worst {max(s.most_s for s in spread):.2f} s, to all {max(s.all_s for s in spread):.2f} s"
    )
    print(measure_calm(world, 60.0 * minutes))
    print(measure_death(world, world.rng.choice(world.nodes)))
    world.check_invariants()


def check(nodes: int, seed: int, *, is_written: bool) -> int:
    """Run the promised conditions up to the given size; returns 1 when a promise does not hold."""
    sizes = [size for size in SIZES if size <= nodes] or [nodes]
    results = [check_spread(nodes, seed), check_death(nodes, seed)]
    well = {size: calm_of(size, seed, 0.0, WELL_S) for size in sizes}
    results.append(check_traffic(well))
    slow = {}
    for size in sizes:
        slow[size] = calm_of(size, seed, SLOW_SHARE, SLOW_S)
        results.append(check_calm(size, slow[size]))
    if is_written:
        swim_plot.write([*points(well, 0.0), *points(slow, SLOW_SHARE)], Path())
    return 0 if all(results) else 1


def check_spread(nodes: int, seed: int) -> bool:
    """A rumour reaches 99 % within 10 gossip intervals at 10 % loss."""
    world = formed(nodes, seed, network=NetworkOptions(loss=0.1))
    spread = [measure_spread(world, world.rng.choice(world.nodes)) for _ in range(RUMOURS)]
    intervals = sorted(s.most_s / GOSSIP_INTERVAL_S for s in spread)
    return row(
        f"rumour at 99 % of {nodes} nodes, 10 % loss",
        f"median {intervals[RUMOURS // 2]:.1f}, worst of {RUMOURS} {intervals[-1]:.1f} intervals",
        "at most 10",
        intervals[-1] <= 10,
    )


def check_death(nodes: int, seed: int) -> bool:
    """A killed node is dead in all tables within two minutes."""
    world = formed(nodes, seed, network=NetworkOptions(loss=0.02))
    deaths = [measure_death(world, world.rng.choice(world.up())) for _ in range(3)]
    worst = max(death.all_dead_s for death in deaths)
    return row(
        f"killed node dead at all {nodes} nodes, 2 % loss",
        f"suspected after {max(d.suspected_s for d in deaths):.1f} s, dead after {worst:.1f} s",
        "at most 120 s",
        worst <= 120,
    )


def calm_of(nodes: int, seed: int, slow_share: float, duration_s: float) -> Calm:
    """Let a formed cluster be for a while, with heartbeats, at 2 % loss."""
    world = formed(nodes, seed, network=NetworkOptions(loss=0.02))
    world.forget_changes()
    world.slow_down(slow_share)
    world.start_heartbeats()
    calm = measure_calm(world, duration_s)
    world.check_invariants()
    return calm


def check_calm(nodes: int, calm: Calm) -> bool:
    """Nobody is held dead in ten minutes at 2 % loss with 30 % of the nodes slow."""
    return row(
        f"{calm.duration_s / 60:.0f} min, {nodes} nodes, 2 % loss, 30 % slow",
        f"{calm.false_deaths} false deaths ({calm.refutations} refutations, "
        f"{calm.bytes_per_s:.0f} B/s per node)",
        "0 false deaths",
        calm.false_deaths == 0,
    )


def check_traffic(well: dict[int, Calm]) -> bool:
    """What a node sends by gossip does not depend on how many there are, when all are well."""
    gossip = {n: calm.bytes_per_s - calm.heartbeat_bytes_per_s for n, calm in well.items()}
    return row(
        "bytes sent per node and second, 2 % loss: gossip + heartbeats",
        ", ".join(
            f"{n}: {rate:.0f} + {well[n].heartbeat_bytes_per_s:.0f}" for n, rate in gossip.items()
        ),
        "flat: gossip at most 1.25 of least",
        max(gossip.values()) <= 1.25 * min(gossip.values()),
    )


def points(measured: dict[int, Calm], slow_share: float) -> list[swim_plot.Point]:
    """Return what the picture shows of these runs."""
    return [
        swim_plot.Point(slow_share, nodes, calm.bytes_per_s, calm.heartbeat_bytes_per_s)
        for nodes, calm in measured.items()
    ]


def row(what: str, measured: str, promised: str, is_kept: bool) -> bool:
    """Print a row of the table as soon as it is known."""
    print(f"| {what} | {measured} | {promised} | {'yes' if is_kept else 'NO'} |", flush=True)
    return is_kept


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
