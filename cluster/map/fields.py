"""Kinds of fields in encoded maps and commands, and the table that a class is encoded by.

A value becomes plain lists, numbers, texts and bytes, which msgpack writes in one way only when
numbers take their shortest form; mappings and sets become sorted lists. So equal values have equal
bytes. Reading checks each item: what is not exactly of its kind raises `FieldError`, which
`codec` turns into its own error.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Generic, Protocol, TypeVar

from attrs import frozen

from cluster.identity import ID_BYTES, Endpoint, NodeId, id_from_bytes, id_to_bytes
from cluster.map.values import Placements
from cluster.membership.facts import WEIGHT_STEPS
from cluster.slots import SLOT_COUNT, SlotSet

COUNTER_BYTES_MAX = (1 << 64) - 1
HOST_CHARACTERS_MAX = 255

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")
_Enum = TypeVar("_Enum", bound=enum.Enum)


class FieldError(ValueError):
    """Decoded msgpack is not what the table says."""


class Kind(Protocol[_Value]):
    """How a value stands in msgpack."""

    def pack(self, value: _Value) -> object:
        """Return what msgpack writes."""

    def unpack(self, item: object) -> _Value:
        """Return the value; raises `FieldError` when the item is none."""


def _expect(is_right: bool, what: str, item: object) -> None:
    if not is_right:
        raise FieldError(f"not {what}: {_shown(item)}")


class IdKind:
    """An id of a node or a cluster: 16 bytes."""

    def pack(self, value: str) -> bytes:
        """Return the bytes."""
        return id_to_bytes(value)

    def unpack(self, item: object) -> str:
        """Return the id; the field that it goes to says what it is the id of."""
        if not isinstance(item, bytes) or len(item) != ID_BYTES:
            raise FieldError(f"not an id: {_shown(item)}")
        return id_from_bytes(item)


@frozen
class NumberKind:
    """A whole number within bounds."""

    least: int = 0
    most: int = COUNTER_BYTES_MAX

    def pack(self, value: int) -> int:
        """Return the number."""
        return int(value)

    def unpack(self, item: object) -> int:
        """Return the number."""
        if type(item) is not int or not self.least <= item <= self.most:
            raise FieldError(f"not a number from {self.least} to {self.most}: {_shown(item)}")
        return item


class FlagKind:
    """True or false."""

    def pack(self, value: bool) -> bool:
        """Return the flag."""
        return value

    def unpack(self, item: object) -> bool:
        """Return the flag."""
        if type(item) is not bool:
            raise FieldError(f"not a flag: {_shown(item)}")
        return item


@frozen
class TextKind:
    """A text of limited length."""

    characters_max: int = 1 << 16

    def pack(self, value: str) -> str:
        """Return the text."""
        return value

    def unpack(self, item: object) -> str:
        """Return the text."""
        if type(item) is not str or len(item) > self.characters_max:
            raise FieldError(f"not a text: {_shown(item)}")
        return item


class WeightKind:
    """A weight, in thousandths."""

    def pack(self, value: float) -> int:
        """Return the thousandths."""
        return round(value * WEIGHT_STEPS)

    def unpack(self, item: object) -> float:
        """Return the weight; its bounds are checked by the class that holds it."""
        return NumberKind(0, 1 << 32).unpack(item) / WEIGHT_STEPS


@frozen
class OptionalKind(Generic[_Value]):
    """A value, or nil for None."""

    kind: Kind[_Value]

    def pack(self, value: _Value | None) -> object:
        """Return the item."""
        return None if value is None else self.kind.pack(value)

    def unpack(self, item: object) -> _Value | None:
        """Return the value or None."""
        return None if item is None else self.kind.unpack(item)


@frozen
class EnumKind(Generic[_Enum]):
    """A member of an enumeration, by its number."""

    members: type[_Enum]

    def pack(self, value: _Enum) -> object:
        """Return the number."""
        return value.value

    def unpack(self, item: object) -> _Enum:
        """Return the member."""
        _expect(type(item) is int, self.members.__name__, item)
        try:
            return self.members(item)
        except ValueError as failure:
            raise FieldError(f"not a {self.members.__name__}: {item!r}") from failure


@frozen
class TupleKind(Generic[_Value]):
    """Values of one kind, in order; `key` sorts those whose order means nothing."""

    kind: Kind[_Value]
    key: Callable[[_Value], Any] | None = None

    def pack(self, value: Sequence[_Value]) -> list[object]:
        """Return the list."""
        ordered = value if self.key is None else sorted(value, key=self.key)
        return [self.kind.pack(item) for item in ordered]

    def unpack(self, item: object) -> tuple[_Value, ...]:
        """Return the values; sorted ones must be in order, each once."""
        if not isinstance(item, list):
            raise FieldError(f"not a list: {_shown(item)}")
        values = tuple(self.kind.unpack(part) for part in item)
        if self.key is not None:
            keys = [self.key(value) for value in values]
            _expect(all(a < b for a, b in pairwise(keys)), "sorted", item)
        return values


@frozen
class SetKind(Generic[_Value]):
    """A set of values."""

    kind: Kind[_Value]

    def pack(self, value: frozenset[_Value]) -> list[object]:
        """Return the sorted list."""
        return TupleKind(self.kind, key=_itself).pack(tuple(value))

    def unpack(self, item: object) -> frozenset[_Value]:
        """Return the set."""
        return frozenset(TupleKind(self.kind, key=_itself).unpack(item))


@frozen
class MappingKind(Generic[_Key, _Value]):
    """A mapping from a name that each value carries itself."""

    kind: Kind[_Value]
    key: Callable[[_Value], _Key]

    def pack(self, value: Mapping[_Key, _Value]) -> list[object]:
        """Return the values, sorted by name."""
        return TupleKind(self.kind, key=self.key).pack(tuple(value.values()))

    def unpack(self, item: object) -> dict[_Key, _Value]:
        """Return the mapping."""
        values = TupleKind(self.kind, key=self.key).unpack(item)
        return {self.key(value): value for value in values}


class PairsKind:
    """Texts by name."""

    def pack(self, value: Mapping[str, str]) -> list[object]:
        """Return [name, text] pairs, sorted."""
        return [[name, text] for name, text in sorted(value.items())]

    def unpack(self, item: object) -> dict[str, str]:
        """Return the mapping."""
        pairs = TupleKind(TupleKind(TextKind()), key=_first).unpack(item)
        _expect(all(len(pair) == 2 for pair in pairs), "pairs", item)
        return {pair[0]: pair[1] for pair in pairs}


class SlotsKind:
    """A set of slots: first and last of each range, one behind the other."""

    def pack(self, value: SlotSet) -> list[int]:
        """Return the bounds."""
        return [bound for span in value.ranges for bound in span]

    def unpack(self, item: object) -> SlotSet:
        """Return the set; its ranges must be in order and must not touch."""
        bounds = TupleKind(NumberKind(0, SLOT_COUNT - 1)).unpack(item)
        _expect(len(bounds) % 2 == 0, "ranges", item)
        ranges = tuple(zip(bounds[::2], bounds[1::2], strict=True))
        _expect(all(first <= last for first, last in ranges), "ranges", item)
        apart = pairwise(ranges)
        _expect(all(a[1] + 1 < b[0] for a, b in apart), "ranges in order", item)
        return SlotSet(ranges)


class EndpointKind:
    """[host, port]."""

    def pack(self, value: Endpoint) -> list[object]:
        """Return host and port."""
        return [value.host, value.port]

    def unpack(self, item: object) -> Endpoint:
        """Return the endpoint."""
        if not isinstance(item, list) or len(item) != 2:
            raise FieldError(f"not an endpoint: {_shown(item)}")
        host = TextKind(HOST_CHARACTERS_MAX).unpack(item[0])
        _expect(bool(host), "a host", item)
        return Endpoint(host, NumberKind(1, 65535).unpack(item[1]))


class PlacementsKind:
    """[datacenter, [node, ...]] for each datacenter, in order."""

    def pack(self, value: Placements) -> list[object]:
        """Return the lists."""
        return [[name, [id_to_bytes(node) for node in nodes]] for name, nodes in value]

    def unpack(self, item: object) -> Placements:
        """Return the placements."""
        if not isinstance(item, list):
            raise FieldError(f"not placements: {_shown(item)}")
        placements = []
        for pair in item:
            if not isinstance(pair, list) or len(pair) != 2:
                raise FieldError(f"not a placement: {_shown(pair)}")
            nodes = tuple(NodeId(node) for node in TupleKind(IdKind()).unpack(pair[1]))
            placements.append((TextKind().unpack(pair[0]), nodes))
        return tuple(placements)


class ClassKind(Generic[_Value]):
    """A frozen class: the list of its fields, each of its kind, all of them by name."""

    def __init__(self, made: type[_Value], fields: Mapping[str, Kind[Any]]) -> None:
        self._made = made
        self._fields = tuple(fields.items())

    def pack(self, value: _Value) -> list[object]:
        """Return the fields in order."""
        return [kind.pack(getattr(value, name)) for name, kind in self._fields]

    def unpack(self, item: object) -> _Value:
        """Return the value."""
        if not isinstance(item, list) or len(item) != len(self._fields):
            raise FieldError(f"not a {self._made.__name__}: {_shown(item)}")
        pairs = zip(self._fields, item, strict=True)
        given = {name: kind.unpack(part) for (name, kind), part in pairs}
        try:
            return self._made(**given)
        except ValueError as failure:
            raise FieldError(f"not a {self._made.__name__}: {failure}") from failure


def _shown(item: object) -> str:
    """Name an unexpected item in an error, briefly however large it is."""
    is_small = item is None or isinstance(item, int | float | str | bytes)
    return (
        repr(item[:40] if isinstance(item, str | bytes) else item)
        if is_small
        else (f"a {type(item).__name__}")
    )


def _itself(value: Any) -> Any:
    return value


def _first(value: tuple[str, ...]) -> str:
    return value[0] if value else ""
