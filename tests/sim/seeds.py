"""The command line of a simulation that plays histories by their seeds."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from typing import Protocol

#: Up to so many histories, each gets a line.
_LINES_MAX = 20


class RunSeed(Protocol):
    """Plays one history; returns a line about it, or raises AssertionError."""

    def __call__(self, seed: int, *, is_traced: bool = False) -> str:
        """Play a seed, and print every output of every node if `is_traced`."""


def play_seeds(run_seed: RunSeed, description: str | None, arguments: Sequence[str] | None) -> int:
    """Play one seed or many, as the command line says; return the exit code.

    Raises:
        AssertionError: a promise was broken; the message says how to replay it.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--count", type=int, default=1, help="how many seeds")
    parser.add_argument("--trace", action="store_true", help="print every output of every node")
    options = parser.parse_args(arguments)
    started = time.monotonic()
    for seed in range(options.seed, options.seed + options.count):
        text = run_seed(seed, is_traced=options.trace)
        if options.count <= _LINES_MAX:
            print(text)
    print(f"{options.count} seeds in {time.monotonic() - started:.1f} s, all promises held")
    return 0
