"""The table as a whole: every row is complete and consistent."""

from __future__ import annotations

import re
from pathlib import Path

import attrs
import pytest

import meridian_resp
from meridian_resp.config.help_text import help_text
from meridian_resp.config.parameter import Change, Parameter, Section
from meridian_resp.config.parameters import PARAMETERS, Parameters, find, names
from meridian_resp.config.redis_directives import reason_ignored
from meridian_resp.config.toml_file import words_of_value
from meridian_resp.config.values import IntegerType, MemoryType

PACKAGE = Path(meridian_resp.__file__).parent
# Who only reports a value, as INFO does, does not act on it.
READERS = "".join(
    path.read_text()
    for path in sorted(PACKAGE.rglob("*.py"))
    if path.name in ("storage_options.py", "cluster_options.py")
    or ("config" not in path.parts and not path.name.startswith("information"))
)

EACH = pytest.mark.parametrize("parameter", PARAMETERS, ids=lambda parameter: parameter.name)


def test_every_attribute_is_a_row() -> None:
    """The table has a row for each attribute, in the order of the attributes."""
    attributes = [field.name for field in attrs.fields(Parameters)]
    assert [parameter.attribute for parameter in PARAMETERS] == attributes


@EACH
def test_defaults_are_values_of_their_type(parameter: Parameter) -> None:
    """Both defaults can be written and read back from a file of each kind."""
    for default in (parameter.default, parameter.redis_default):
        value = default
        for line in parameter.type.outweighing_lines(default):
            value = parameter.type.combine(value, parameter.type.parse(line, value))
        assert value == default
        words = words_of_value(parameter.type.toml(default))
        assert words is not None
        assert parameter.type.parse(words, default) == default
        assert type(default) is type(parameter.default)


@EACH
def test_rows_are_written_for_people(parameter: Parameter) -> None:
    """A row has a sentence and a type that says what it takes; names are in lower case."""
    assert re.fullmatch(r"[A-Z].*\.", parameter.text), "a sentence"
    assert parameter.type.expectation()
    assert parameter.type.placeholder()
    for name in parameter.names:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)


@EACH
def test_attributes_end_with_their_unit(parameter: Parameter) -> None:
    """Who reads a number in code sees its unit in the attribute's name."""
    suffixes = {"s": "_s", "ms": "_ms", "us": "_us", "MB": "_mb", "MB/s": "_mb",
                "days": "_days", "minutes": "_minutes", "1/s": "hz", "": ""}  # fmt: skip
    assert parameter.attribute.endswith(suffixes[parameter.unit])
    if isinstance(parameter.type, MemoryType) and parameter.name not in ("turn-bytes-max",):
        assert parameter.attribute.endswith("_bytes")


@EACH
def test_rows_without_effect_need_nobody_to_follow(parameter: Parameter) -> None:
    """A row that does nothing cannot wait for a component to take it over."""
    if parameter.no_effect:
        assert parameter.change is not Change.HOOK


@EACH
def test_every_row_is_in_the_help(parameter: Parameter) -> None:
    """`--help` shows every option with its placeholder."""
    assert f"  --{parameter.name} {parameter.type.placeholder()}" in help_text()


def test_every_section_has_rows() -> None:
    """No heading stands alone."""
    assert {parameter.section for parameter in PARAMETERS} == set(Section)


def test_names_find_their_row_in_any_case() -> None:
    """Names and aliases lead to the same row, others to none."""
    assert find("HASH-MAX-ZIPLIST-ENTRIES") is find("hash-max-listpack-entries")
    assert find("hash-max-listpack-entries") is not None
    assert find("no-such-option") is None
    assert len(names()) == len(set(names())) == sum(len(it.names) for it in PARAMETERS)


def test_a_name_is_not_also_a_directive_that_is_ignored() -> None:
    """An exact directive of the ignored ones never hides a row."""
    assert [name for name in names() if reason_ignored(name)] == []


def test_whole_numbers_hold_their_clamp_within_bounds() -> None:
    """What a number is pulled into lies within what is accepted."""
    clamped = [it.type for it in PARAMETERS if isinstance(it.type, IntegerType) and it.type.clamp]
    assert clamped
    for value_type in clamped:
        assert value_type.clamp is not None
        assert value_type.minimum <= value_type.clamp[0] < value_type.clamp[1]
        assert value_type.clamp[1] <= value_type.maximum


@EACH
def test_a_row_acts_or_says_that_it_does_not(parameter: Parameter) -> None:
    """Somebody reads every attribute from the settings, or the row says why nobody does."""
    is_read = re.search(rf"settings\.{parameter.attribute}\b", READERS) is not None
    is_about_encodings = parameter.section is Section.ENCODINGS
    assert is_read != bool(parameter.no_effect) or (is_read and is_about_encodings)


@pytest.mark.parametrize(
    "name", [parameter.name for parameter in PARAMETERS if parameter.change is Change.HOOK]
)
def test_a_row_that_is_taken_over_has_a_component_that_does(name: str) -> None:
    """A parameter that changes through a hook is named where the hook is registered."""
    assert f'"{name}"' in READERS
    assert "settings.on_change(" in READERS
