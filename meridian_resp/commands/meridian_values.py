"""Values of the cluster's parts as JSON: what MERIDIAN answers and `/status` shows.

Frozen values become objects with the names of their attributes, so that what a part of the
cluster adds to its statistics is shown without a change here. Ids and endpoints are their usual
text, sets of slots are ranges (`0-99 200`), enumerations their names in lower case. JSON has no
infinity: a phi beyond what can be computed is null.
"""

from __future__ import annotations

import enum
import json
import math
from collections.abc import Mapping, Sequence, Set
from typing import Union

import attrs

from cluster.identity import Endpoint
from cluster.membership.facts import Role
from cluster.slots import SlotSet

JsonValue = Union[str, int, float, bool, None, Sequence["JsonValue"], Mapping[str, "JsonValue"]]
JsonObject = Mapping[str, JsonValue]


def plain(value: object) -> JsonValue:
    """Return a value of the cluster as JSON values.

    Raises:
        TypeError: it is of no kind that has a form in JSON.
    """
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, Endpoint | SlotSet):
        return str(value)
    if isinstance(value, Role):
        return roles_of(value)
    if isinstance(value, enum.Enum):
        return value.name.lower()
    if isinstance(value, int | float):
        return value if math.isfinite(value) else None
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Mapping):
        return {key_of(key): plain(item) for key, item in value.items()}
    if isinstance(value, Set):
        return sorted((plain(item) for item in value), key=str)
    if isinstance(value, Sequence):
        return [plain(item) for item in value]
    kind = type(value)
    if attrs.has(kind):
        names = [field.name for field in attrs.fields(kind)]
        return {name: plain(getattr(value, name)) for name in names}
    raise TypeError(f"no form in JSON for {value!r}")


def key_of(key: object) -> str:
    """Return the key of a mapping as the name of a member of an object."""
    named = plain(key)
    return named if isinstance(named, str) else str(named)


def roles_of(roles: Role) -> list[JsonValue]:
    """Return the names of roles, each by itself."""
    return [str(role.name).lower() for role in roles]


def encode(document: JsonValue) -> bytes:
    """Return a document as one line of JSON in ASCII."""
    return json.dumps(document, ensure_ascii=True, separators=(",", ":")).encode()
