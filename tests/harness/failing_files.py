"""Rules for the simulated disk's hook: which call crashes the process or answers an error."""

from __future__ import annotations

from collections.abc import Callable
from os import strerror

from tests.harness.crashable_files import Hook, SimulatedCrash

Matches = Callable[[str, str], bool]


def crash_at(number: int) -> Hook:
    """Kill the process at the call of this number, and at all later ones."""

    def hook(call: int, operation: str, name: str) -> None:
        if call >= number:
            raise SimulatedCrash

    return hook


def fail_at(number: int, code: int, count: int = 1) -> Hook:
    """Answer an error at `count` calls from this number on."""

    def hook(call: int, operation: str, name: str) -> None:
        if number <= call < number + count:
            raise OSError(code, strerror(code), name)

    return hook


class FailWhile:
    """Answers an error to every matching call while `active`.

    Attributes:
        active: switch.
        failures: how many calls have failed.
    """

    def __init__(self, code: int, matches: Matches) -> None:
        self.active = True
        self.failures = 0
        self._code = code
        self._matches = matches

    def __call__(self, call: int, operation: str, name: str) -> None:
        """The hook."""
        if self.active and self._matches(operation, name):
            self.failures += 1
            raise OSError(self._code, strerror(self._code), name)
