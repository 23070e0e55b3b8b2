"""Options of the metadata log: the defaults fit together, and each bound is checked."""

from __future__ import annotations

import pytest

from cluster.errors import OptionError
from cluster.metadata.options import MetadataOptions


def test_the_defaults_are_valid() -> None:
    """What nobody changes works."""
    MetadataOptions().validate()


@pytest.mark.parametrize(
    ("name", "value"),
    [("snapshot_entries", 0), ("proposal_deadline_s", 0.0), ("kept_entries", -1)],
)
def test_a_value_outside_its_bounds_is_named(name: str, value: float) -> None:
    """Whoever sets an option wrongly learns which one."""
    options = MetadataOptions()
    object.__setattr__(options, name, value)
    with pytest.raises(OptionError, match=name):
        options.validate()


def test_the_group_does_not_hibernate() -> None:
    """A dead leader is noticed by its followers, without help from outside."""
    assert MetadataOptions().raft.hibernate_after_s is None
