"""Stories of faults in small text files: how many nodes, how bad the network, what happens when.

    # comments tell the story
    nodes 5..7                      how many machines; a range is drawn from
    duration 90                     seconds of trouble
    settle 60                       seconds of peace afterwards, in which everything must heal
    network loss 0.02 duplication 0.01 delay 0.001..0.05
    clocks 0.02                     each clock runs up to this share fast or slow
    disk 0.001..0.05                how long a sync takes
    start bootstrap | meet | claims how the cluster is born
    nemesis kill every 10..30 for 2..20
    workload join every 20..40

Nemeses: kill (the process dies, its disk keeps all pages), power (the disk loses what was not
synced, or tears it), pause, partition, oneway, clog. Workloads: join (a new machine), drain,
weight, slots, settings, decommission, config, keys (written by whoever leads them). All times are
in seconds.
"""

from __future__ import annotations

from pathlib import Path
from random import Random

from attrs import field, frozen

from tests.sim.cluster_network import NetworkOptions

DIRECTORY = Path(__file__).parent / "faults"
NEMESES = frozenset({"kill", "power", "pause", "partition", "oneway", "clog"})
WORKLOADS = frozenset(
    {"join", "drain", "weight", "slots", "settings", "decommission", "config", "keys"}
)
STARTS = frozenset({"bootstrap", "meet", "claims"})

Range = tuple[float, float]


@frozen
class Recurring:
    """Something that happens again and again."""

    name: str
    every_s: Range
    lasts_s: Range = (0.0, 0.0)


@frozen
class Faults:
    """A parsed story."""

    nodes: Range = (5, 5)
    duration_s: float = 60.0
    settle_s: float = 60.0
    network: NetworkOptions = field(factory=NetworkOptions)
    clock_drift: float = 0.01
    disk_s: Range = (0.001, 0.02)
    start: str = "meet"
    recurring: tuple[Recurring, ...] = ()

    def draw_nodes(self, rng: Random) -> int:
        """Draw how many machines there are."""
        return rng.randint(int(self.nodes[0]), int(self.nodes[1]))


class FaultsError(Exception):
    """A line of a fault file makes no sense."""

    def __init__(self, name: str, number: int, line: str) -> None:
        super().__init__(name, number, line)
        self.name, self.number, self.line = name, number, line

    def __str__(self) -> str:
        return f"{self.name}:{self.number}: can't be understood: {self.line!r}"


def load(name: str) -> Faults:
    """Read the story of that name."""
    path = DIRECTORY / f"{name}.txt"
    return parse(path.read_text(), path.name)


def names() -> list[str]:
    """All stories there are."""
    return sorted(path.stem for path in DIRECTORY.glob("*.txt"))


def parse(text: str, name: str = "faults") -> Faults:
    """Return the story told by a text.

    Raises:
        FaultsError: a line does not fit the grammar.
    """
    found: dict[str, object] = {}
    recurring: list[Recurring] = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        try:
            if words[0] in ("nemesis", "workload"):
                recurring.append(_recurring(words))
            else:
                key, value = _setting(words)
                found[key] = value
        except (ValueError, IndexError, KeyError) as failure:
            raise FaultsError(name, number, line) from failure
    return Faults(recurring=tuple(recurring), **found)  # type: ignore[arg-type]  # checked by key


def _setting(words: list[str]) -> tuple[str, object]:
    match words:
        case ["nodes", count]:
            return "nodes", _range(count)
        case ["duration", seconds]:
            return "duration_s", float(seconds)
        case ["settle", seconds]:
            return "settle_s", float(seconds)
        case ["clocks", share]:
            return "clock_drift", float(share)
        case ["disk", seconds]:
            return "disk_s", _range(seconds)
        case ["start", way] if way in STARTS:
            return "start", way
        case ["network", *pairs]:
            return "network", _network(pairs)
        case _:
            raise ValueError(words)


def _network(pairs: list[str]) -> NetworkOptions:
    options = NetworkOptions()
    for key, value in zip(pairs[::2], pairs[1::2], strict=True):
        match key:
            case "loss":
                options.loss = float(value)
            case "duplication":
                options.duplication = float(value)
            case "delay":
                options.delay_s = _range(value)
            case _:
                raise ValueError(key)
    return options


def _recurring(words: list[str]) -> Recurring:
    kind, name = words[0], words[1]
    if name not in (NEMESES if kind == "nemesis" else WORKLOADS) or words[2] != "every":
        raise ValueError(name)
    lasts = (0.0, 0.0)
    if words[4:]:
        if words[4] != "for" or len(words) != 6:
            raise ValueError(words[4])
        lasts = _range(words[5])
    return Recurring(name, _range(words[3]), lasts)


def _range(text: str) -> Range:
    low, _, high = text.partition("..")
    first, last = float(low), float(high or low)
    if last < first or first < 0:
        raise ValueError(text)
    return first, last
