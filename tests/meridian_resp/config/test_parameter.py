"""Rows of the table: what their functions write into the field."""

from __future__ import annotations

import attrs

from meridian_resp.config.choices import AppendFsync
from meridian_resp.config.parameter import (
    METADATA_KEY,
    Change,
    Parameter,
    Section,
    choice,
    integer,
    memory,
    path,
    switch,
)
from meridian_resp.config.values import (
    ChoiceType,
    IntegerType,
    MemoryType,
    SwitchType,
    TextType,
    ValueType,
)


@attrs.define(kw_only=True)
class Example:
    """A table of one row of each kind."""

    small: int = integer(
        "small-number", 3, 1, 9, Section.LIMITS, "A number.",
        redis_default=4, aliases=("little",), unit="s",
    )  # fmt: skip
    room: int = memory("room", 1024, 1, Section.LIMITS, "A size.")
    lit: bool = switch("lit", True, Section.LIMITS, "A switch.", change=Change.HOOK)
    often: AppendFsync = choice("often", AppendFsync.NO, Section.LIMITS, "A choice.")
    where: str = path("where", "/", Section.LIMITS, "A path.")


ROWS: dict[str, Parameter] = {
    field.name: field.metadata[METADATA_KEY] for field in attrs.fields(Example)
}


def test_rows_are_typed_attributes_with_defaults() -> None:
    """The attribute of a row is a plain value of its type."""
    example = Example()
    assert (example.small, example.room, example.lit) == (3, 1024, True)
    assert (example.often, example.where) == (AppendFsync.NO, "/")


def test_rows_have_types_of_their_kind() -> None:
    """Each function chooses the type of value."""
    expected: dict[str, type[ValueType[object]] | type] = {
        "small": IntegerType,
        "room": MemoryType,
        "lit": SwitchType,
        "often": ChoiceType,
        "where": TextType,
    }
    assert {name: type(row.type) for name, row in ROWS.items()} == expected


def test_a_row_knows_its_names() -> None:
    """The name has dashes, the key of a TOML file underscores; aliases are names too."""
    row = ROWS["small"]
    assert row.names == ("small-number", "little")
    assert row.toml_key == "small_number"


def test_defaults_depend_on_the_kind_of_file() -> None:
    """Started from a redis.conf a row may have another default; else it is the same."""
    row = ROWS["small"]
    assert (row.initial(from_redis_conf=False), row.initial(from_redis_conf=True)) == (3, 4)
    other = ROWS["room"]
    assert other.initial(from_redis_conf=True) == other.default


def test_changes_are_as_declared() -> None:
    """Values are read live unless the row says otherwise; paths hold from the start."""
    assert ROWS["small"].change is Change.LIVE
    assert ROWS["lit"].change is Change.HOOK
    assert ROWS["where"].change is Change.NEVER
