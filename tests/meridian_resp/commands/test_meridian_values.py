"""Values of the cluster as JSON."""

from __future__ import annotations

import json
import math

import pytest
from attrs import frozen

from cluster.identity import Endpoint
from cluster.membership.facts import Role
from cluster.membership.messages import MemberStatus
from cluster.slots import SlotSet
from meridian_resp.commands.meridian_values import encode, plain


@frozen
class Reading:
    """A value with parts of many kinds."""

    endpoint: Endpoint
    slots: SlotSet
    roles: Role
    status: MemberStatus
    names: frozenset[str]
    counts: dict[MemberStatus, int]
    nothing: None = None


def test_values_have_their_usual_text() -> None:
    """Endpoints, ranges, roles and names of members of enumerations."""
    reading = Reading(
        Endpoint("::1", 7400),
        SlotSet.of([1, 2, 3, 9]),
        Role.STORAGE | Role.COORDINATOR,
        MemberStatus.DEAD,
        frozenset({"b", "a"}),
        {MemberStatus.ALIVE: 2},
    )
    assert plain(reading) == {
        "endpoint": "[::1]:7400",
        "slots": "1-3 9",
        "roles": ["coordinator", "storage"],
        "status": "dead",
        "names": ["a", "b"],
        "counts": {"alive": 2},
        "nothing": None,
    }


@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan])
def test_what_json_cannot_say_is_null(number: float) -> None:
    """A strict parser would refuse Infinity and NaN."""
    assert plain({"phi": [number, 1.5]}) == {"phi": [None, 1.5]}
    assert json.loads(encode(plain([number]))) == [None]


def test_documents_are_one_line_of_ascii() -> None:
    """Whatever a name holds."""
    assert encode({"a": ["ä\n"]}) == b'{"a":["\\u00e4\\n"]}'


def test_bytes_are_hexadecimal() -> None:
    """Ids on the wire, digests."""
    assert plain(b"\x01\xff") == "01ff"


def test_a_value_without_a_form_is_our_mistake() -> None:
    """It is not shown as whatever Python says of it."""
    with pytest.raises(TypeError):
        plain(object())
