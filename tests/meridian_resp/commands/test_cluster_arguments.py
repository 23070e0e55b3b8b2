from __future__ import annotations

import pytest

from cluster.control.requests import ClusterRequestRefused
from cluster.redis_ids import to_redis_id
from cluster.slots import SlotSet
from meridian_resp.commands.cluster_arguments import (
    node_argument,
    refusal_text,
    slot_argument,
    wanted_slots,
)
from meridian_resp.errors import CommandError
from tests.harness.cluster_runner import ClusterRunner
from tests.harness.fake_cluster import node_id


def test_a_slot_is_a_canonical_number() -> None:
    """Anything else is refused with the text of the caller."""
    assert slot_argument(b"0") == 0 and slot_argument(b"16383") == 16383
    for text in (b"-1", b"16384", b"", b"01", b"x", b"1.0"):
        with pytest.raises(CommandError, match="of range slot"):
            slot_argument(text)
    with pytest.raises(CommandError, match="other words"):
        slot_argument(b"x", "ERR other words")


def test_a_node_is_named_by_any_form_of_its_id() -> None:
    """The 40 digits, the 32, and the UUID."""
    runner = ClusterRunner()
    own = node_id(1)
    for text in (own, to_redis_id(own), to_redis_id(own)[:32], own.upper()):
        assert node_argument(runner, text.encode()).node == own
    for text in (node_id(2), "", "x" * 40):
        with pytest.raises(CommandError, match="Unknown node"):
            node_argument(runner, text.encode())


def test_wanted_slots_are_free_or_owned_as_asked() -> None:
    """The first that is not is named."""
    owners = [node_id(1)] * 10 + [None] * 16374
    assert wanted_slots([(0, 3)], owners, must_be_free=False) == SlotSet.span(0, 3)
    assert wanted_slots([(12, 13), (10, 10)], owners, must_be_free=True) == SlotSet.of(
        [10, 12, 13]
    )
    for spans, must_be_free, text in (
        ([(9, 12)], True, "Slot 9 is already busy"),
        ([(9, 12)], False, "Slot 10 is already unassigned"),
        ([(10, 12), (11, 11)], True, "Slot 11 specified multiple times"),
    ):
        with pytest.raises(CommandError, match=text):
            wanted_slots(spans, owners, must_be_free=must_be_free)


@pytest.mark.parametrize(
    ("text", "is_unknown", "shown"),
    [
        ("no such thing", False, "ERR no such thing"),
        ("ERR no such thing", False, "ERR no such thing"),
        ("TRYAGAIN later", False, "TRYAGAIN later"),
        ("A node said no", False, "ERR A node said no"),
        (
            "no answer",
            True,
            "ERR no answer; it may still be carried out, look before you repeat it",
        ),
    ],
)
def test_a_refusal_is_an_error_with_a_code(text: str, is_unknown: bool, shown: str) -> None:
    """Its own, or ERR; an open outcome is said."""
    assert refusal_text(ClusterRequestRefused(text, is_unknown=is_unknown)) == shown
