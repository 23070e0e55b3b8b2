from __future__ import annotations

import attrs
import pytest

from cluster.birth.events import ClaimSlots, Release
from cluster.identity import ClusterId
from cluster.slots import SlotSet


def test_events_are_values() -> None:
    """Equal events are equal, and nobody changes one on its way."""
    assert ClaimSlots(1, SlotSet.span(0, 5)) == ClaimSlots(1, SlotSet.of(range(6)))
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        Release(ClusterId("x")).cluster = ClusterId("y")  # type: ignore[misc]  # must be refused
