from __future__ import annotations

from typing import Any

import pytest

from cluster.identity import Endpoint
from cluster.map.commands import SetConfigEpoch
from cluster.map.fields import (
    ClassKind,
    EndpointKind,
    EnumKind,
    FieldError,
    FlagKind,
    IdKind,
    Kind,
    MappingKind,
    NumberKind,
    OptionalKind,
    PairsKind,
    PlacementsKind,
    SetKind,
    SlotsKind,
    TextKind,
    TupleKind,
    WeightKind,
)
from cluster.map.values import MemberState
from cluster.membership.facts import Role
from cluster.slots import SlotSet
from tests.cluster.map.maps import node_id

ENDPOINT = Endpoint("::1", 7400)
ENDPOINTS = ClassKind(Endpoint, {"host": TextKind(), "port": NumberKind(1, 65535)})


def host_of(endpoint: Endpoint) -> str:
    """The name by which the test below keeps endpoints."""
    return endpoint.host


@pytest.mark.parametrize(
    ("kind", "value", "item"),
    [
        (IdKind(), node_id(1), bytes(15) + b"\x01"),
        (NumberKind(0, 9), 9, 9),
        (FlagKind(), True, True),
        (TextKind(), "ä", "ä"),
        (WeightKind(), 0.125, 125),
        (OptionalKind(NumberKind()), None, None),
        (OptionalKind(NumberKind()), 3, 3),
        (EnumKind(MemberState), MemberState.LEAVING, 2),
        (EnumKind(Role), Role.STORAGE | Role.REBALANCER, 6),
        (TupleKind(NumberKind()), (2, 1), [2, 1]),
        (SetKind(TextKind()), frozenset("ba"), ["a", "b"]),
        (PairsKind(), {"b": "2", "a": "1"}, [["a", "1"], ["b", "2"]]),
        (SlotsKind(), SlotSet.parse("1-2 9"), [1, 2, 9, 9]),
        (EndpointKind(), ENDPOINT, ["::1", 7400]),
        (PlacementsKind(), (("dc1", (node_id(0),)),), [["dc1", [bytes(16)]]]),
        (ENDPOINTS, ENDPOINT, ["::1", 7400]),
        (MappingKind(ENDPOINTS, key=host_of), {"::1": ENDPOINT}, [["::1", 7400]]),
    ],
)
def test_values_become_items_and_come_back(kind: Kind[Any], value: object, item: object) -> None:
    """Each kind has one item for each value."""
    assert item == kind.pack(value)
    assert value == kind.unpack(item)


@pytest.mark.parametrize(
    ("kind", "item"),
    [
        (IdKind(), b"short"),
        (IdKind(), "text"),
        (NumberKind(1, 9), 0),
        (NumberKind(), True),
        (NumberKind(), 1.0),
        (FlagKind(), 1),
        (TextKind(2), "abc"),
        (TextKind(), b"abc"),
        (WeightKind(), -1),
        (EnumKind(MemberState), 4),
        (EnumKind(MemberState), "ACTIVE"),
        (EnumKind(Role), 8),
        (TupleKind(NumberKind()), 7),
        (TupleKind(NumberKind()), ["a"]),
        (SetKind(TextKind()), ["b", "a"]),
        (SetKind(TextKind()), ["a", "a"]),
        (PairsKind(), [["a"]]),
        (PairsKind(), [["b", "1"], ["a", "1"]]),
        (SlotsKind(), [1]),
        (SlotsKind(), [2, 1]),
        (SlotsKind(), [1, 2, 3, 4]),
        (SlotsKind(), [5, 6, 1, 2]),
        (SlotsKind(), [0, 16384]),
        (EndpointKind(), ["host"]),
        (EndpointKind(), ["", 1]),
        (EndpointKind(), ["host", 0]),
        (PlacementsKind(), {}),
        (PlacementsKind(), [["dc1"]]),
        (PlacementsKind(), [["dc1", [b"short"]]]),
        (ENDPOINTS, ["host"]),
        (ENDPOINTS, ["host", 1, 2]),
        (MappingKind(ENDPOINTS, key=host_of), [["b", 1], ["a", 1]]),
    ],
)
def test_other_items_are_refused(kind: Kind[Any], item: object) -> None:
    """What is not exactly of its kind, or not in its one order, is no value."""
    with pytest.raises(FieldError):
        kind.unpack(item)


def test_a_class_that_refuses_its_fields_is_a_field_error() -> None:
    """Bounds that only the class knows are bounds of its bytes too."""

    kind = ClassKind(SetConfigEpoch, {"node": IdKind(), "config_epoch": NumberKind()})
    with pytest.raises(FieldError, match="config_epoch"):
        kind.unpack([bytes(16), 1 << 63])


def test_errors_stay_short() -> None:
    """However large an item is, the error about it is a line."""
    with pytest.raises(FieldError) as caught:
        NumberKind().unpack("x" * 10_000)
    assert len(str(caught.value)) < 200
    with pytest.raises(FieldError, match="a list"):
        NumberKind().unpack([1] * 10_000)
