"""Versions in use: who still reads a layout, and which files nobody needs any more.

The newest version is held by the set itself; readers that outlive one synchronous step (scans,
flushes, compactions, backups) pin the version they work on. A file may go when no version that is
newest or pinned names it. So an edit only changes the layout, and unlinking follows by itself.

A point read in the serving task needs no pin: nothing else runs between its steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from attrs import frozen

from storage.manifest.version import Version


@frozen
class VersionSetStatistics:
    """What is held."""

    versions: int
    pins: int
    files: int


class _Held:
    """A version that must keep its files: how often it is pinned, and whether it is newest."""

    __slots__ = ("is_newest", "pins", "version")

    def __init__(self, version: Version) -> None:
        self.version = version
        self.pins = 0
        self.is_newest = True


class Pin:
    """One reader's hold on a version. Release it exactly once (or use `VersionSet.pinned`)."""

    __slots__ = ("_held", "_owner", "version")

    def __init__(self, owner: VersionSet, held: _Held) -> None:
        self._owner = owner
        self._held: _Held | None = held
        self.version = held.version

    def release(self) -> None:
        """Give the version back; may make files unreferenced. Releasing twice is allowed."""
        held, self._held = self._held, None
        if held is not None:
            self._owner._release(held)


class VersionSet:
    """The newest version and those that are pinned.

    Invariant: `_references` counts, for every file, the held versions that name it, and a held
    version is newest or pinned.
    """

    def __init__(self, version: Version, on_unreferenced: Callable[[list[int]], None]) -> None:
        """Hold the first version.

        Args:
            version: what recovery found.
            on_unreferenced: called with the file numbers that no held version names any more,
                in the middle of `install` or `Pin.release`; it must not call back.
        """
        self._on_unreferenced = on_unreferenced
        self._references: dict[int, int] = {}
        self._versions: list[_Held] = []
        self._newest = self._hold(version)

    @property
    def newest(self) -> Version:
        """The version that new readers see."""
        return self._newest.version

    def install(self, version: Version) -> None:
        """Make `version` the newest; the former one goes when its last pin does."""
        former = self._newest
        # The new one first: files common to both must not look unreferenced in between.
        self._newest = self._hold(version)
        former.is_newest = False
        if former.pins == 0:
            self._drop(former)

    def pin(self) -> Pin:
        """Hold the newest version until the pin is released."""
        self._newest.pins += 1
        return Pin(self, self._newest)

    @contextmanager
    def pinned(self) -> Iterator[Version]:
        """Hold the newest version for the length of a `with` block."""
        pin = self.pin()
        try:
            yield pin.version
        finally:
            pin.release()

    def is_referenced(self, number: int) -> bool:
        """Say whether a held version names the file."""
        return number in self._references

    def statistics(self) -> VersionSetStatistics:
        """Return what is held."""
        pins = sum(held.pins for held in self._versions)
        return VersionSetStatistics(len(self._versions), pins, len(self._references))

    def check_invariants(self) -> None:
        """Verify the invariant of the class's docstring; for tests."""
        counted: dict[int, int] = {}
        for held in self._versions:
            assert held.is_newest == (held is self._newest)
            assert held.is_newest or held.pins > 0
            for number in held.version.numbers():
                counted[number] = counted.get(number, 0) + 1
        assert counted == self._references

    def _hold(self, version: Version) -> _Held:
        held = _Held(version)
        self._versions.append(held)
        for number in version.numbers():
            self._references[number] = self._references.get(number, 0) + 1
        return held

    def _release(self, held: _Held) -> None:
        assert held.pins > 0
        held.pins -= 1
        if held.pins == 0 and not held.is_newest:
            self._drop(held)

    def _drop(self, held: _Held) -> None:
        self._versions.remove(held)
        unreferenced = []
        for number in held.version.numbers():
            self._references[number] -= 1
            if self._references[number] == 0:
                del self._references[number]
                unreferenced.append(number)
        if unreferenced:
            self._on_unreferenced(sorted(unreferenced))
