"""Tests of work in slices."""

from __future__ import annotations

from collections.abc import Generator

from meridian_resp.commands.outcomes import Slices, run_to_end
from meridian_resp.protocol.replies import OK, Reply


def test_slices_can_be_run_to_the_end() -> None:
    """Inside a transaction all slices run at once; the reply is what the last one returns."""
    passed = []

    def steps() -> Generator[None, None, Reply]:
        for number in range(3):
            passed.append(number)
            yield
        return OK

    assert run_to_end(Slices(steps())) == OK
    assert passed == [0, 1, 2]


def test_work_of_no_slice() -> None:
    """Work that never gives way has its reply at once."""

    def steps() -> Generator[None, None, Reply]:
        yield from ()
        return None

    assert run_to_end(Slices(steps())) is None
