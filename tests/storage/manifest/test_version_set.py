"""Pins: a file goes exactly when no held version names it."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from storage.manifest.version import Version
from storage.manifest.version_set import VersionSet
from storage.sstable.metadata import TableMetadata


def version_of(numbers):
    """A version whose level 0 has these tables."""
    key = b"k"
    tables = [TableMetadata(number, 1, key, key, key + b"\x00") for number in sorted(numbers)]
    return Version((tuple(tables),))


class Pins(RuleBasedStateMachine):
    """Installs, pins and releases at random; files told to go are checked against the holders."""

    def __init__(self):
        super().__init__()
        self.gone = []
        self.set = VersionSet(version_of({0}), self.gone.extend)
        self.ever = {0}
        self.pins = []

    @rule(numbers=st.sets(st.integers(0, 3)), fresh=st.booleans())
    def install(self, numbers, fresh):
        """A new layout: some of the present tables, and perhaps one more."""
        present = self.set.newest.numbers()
        kept = {number for number in present if number % 4 in numbers}
        if fresh:
            kept.add(len(self.ever))
            self.ever.add(len(self.ever))
        self.set.install(version_of(kept))

    @rule()
    def pin(self):
        """A reader comes."""
        self.pins.append(self.set.pin())

    @precondition(lambda self: self.pins)
    @rule(data=st.data())
    def release(self, data):
        """A reader goes, perhaps twice."""
        pin = self.pins.pop(data.draw(st.integers(0, len(self.pins) - 1)))
        pin.release()
        pin.release()

    @invariant()
    def exactly_the_unneeded_are_gone(self):
        """Gone is what was ever there and is in no version that is newest or pinned."""
        self.set.check_invariants()
        needed = set(self.set.newest.numbers()).union(
            *(pin.version.numbers() for pin in self.pins)
        )
        assert sorted(self.ever - needed) == sorted(self.gone)
        assert all(map(self.set.is_referenced, needed))
        assert self.set.statistics().pins == len(self.pins)


Pins.TestCase.__doc__ = "A file is given up when, and only when, the last version naming it goes."
TestPins = Pins.TestCase


def test_pinned_block():
    """The version of a `with` block keeps its files until the block ends."""
    gone = []
    versions = VersionSet(version_of({1}), gone.extend)
    with versions.pinned() as version:
        versions.install(version_of({2}))
        assert frozenset((1,)) == version.numbers()
        assert gone == []
    assert gone == [1]
