"""Sequences of commands made by Hypothesis, on several connections and databases.

`COMPAT_EXAMPLES=1000` makes more of them. A failure prints the shortest sequence found and the
line that repeats it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compat_tests.command_names import COMMANDS
from compat_tests.conftest import EXAMPLES
from compat_tests.sequences import (
    ANY_COMMAND,
    COMMAND_STRATEGIES,
    Step,
    run_sequence,
    steps,
)

if TYPE_CHECKING:
    from compat_tests.both import Both

#: Compared by tests of their own: their effect is on the connection or the whole server.
ELSEWHERE = frozenset(
    {"auth", "hello", "quit", "bgsave", "command", "config", "debug", "info", "lastsave"}
    | {"latency", "memory", "monitor", "save", "shutdown", "slowlog", "time"}
    | {"asking", "cluster", "readonly", "readwrite"}  # compared in test_cluster.py
)


def test_every_command_is_in_the_sequences() -> None:
    """No command of the table is forgotten."""
    assert set(COMMANDS) - ELSEWHERE == set(COMMAND_STRATEGIES)


def test_random_sequences(both: Both) -> None:
    """After any sequence all replies were equal and the databases hold the same."""

    @settings(max_examples=EXAMPLES * 8)
    @given(steps(ANY_COMMAND))
    def check(sequence: list[Step]) -> None:
        run_sequence(both, sequence)

    check()


def test_random_pipelines(both: Both) -> None:
    """The same when a whole sequence arrives in one packet and runs in one turn of the server."""

    @settings(max_examples=EXAMPLES * 8)
    @given(steps(ANY_COMMAND))
    def check(sequence: list[Step]) -> None:
        run_sequence(both, sequence, pipelined=True)

    check()


@pytest.mark.parametrize("name", COMMAND_STRATEGIES)
def test_random_sequences_about_one_command(both2: Both, name: str) -> None:
    """The same with one command in every second step, so that each meets many states."""
    setting_up = st.one_of(
        *(
            COMMAND_STRATEGIES[word]
            for word in ("set", "mset", "append", "expire", "multi", "exec")
        )
    )

    @settings(max_examples=max(EXAMPLES // 2, 5))
    @given(steps(st.one_of(COMMAND_STRATEGIES[name], setting_up, COMMAND_STRATEGIES[name]), 25))
    def check(sequence: list[Step]) -> None:
        run_sequence(both2, sequence)

    check()
