"""The reference page of options and the example file."""

from __future__ import annotations

from pathlib import Path

import pytest

from meridian_resp.config.loading import load
from meridian_resp.config.parameter import Parameter
from meridian_resp.config.parameters import PARAMETERS
from meridian_resp.config.settings import Settings
from tools.docs_configuration import configuration_page, example_toml

EACH = pytest.mark.parametrize("parameter", PARAMETERS, ids=lambda parameter: parameter.name)
PAGE = configuration_page()
EXAMPLE = example_toml()


@EACH
def test_every_parameter_is_on_the_page(parameter: Parameter) -> None:
    """One row with the bounds, and a word where the parameter has no effect."""
    (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| `{parameter.name}` |")]
    assert parameter.type.expectation().replace("|", "\\|") in row
    assert bool(parameter.no_effect) == ("**No effect**" in row)
    assert row.replace("\\|", "").count("|") == 6
    for alias in parameter.aliases:
        assert f"`{alias}`" in row


@EACH
def test_every_parameter_is_in_the_example(parameter: Parameter) -> None:
    """One line, commented out."""
    lines = [it for it in EXAMPLE.splitlines() if it.startswith(f"#{parameter.toml_key} = ")]
    assert len(lines) == 1


def test_the_example_changes_nothing(tmp_path: Path) -> None:
    """As it is, and with every line uncommented, it gives the defaults."""
    defaults = Settings()
    uncommented = "\n".join(
        line[1:] if line.startswith("#") and line[1:2].isalpha() else line
        for line in EXAMPLE.splitlines()
    )
    for text in (EXAMPLE, uncommented):
        file = tmp_path / "meridian.toml"
        file.write_text(text)
        settings = load([str(file)])
        for parameter in PARAMETERS:
            assert settings.value(parameter) == defaults.value(parameter)
        assert settings.start_warnings == ()
    assert uncommented.count(" = ") >= len(PARAMETERS)


def test_other_defaults_with_a_redis_conf_are_shown() -> None:
    """Who brings a redis.conf sees which limits change."""
    (row,) = [line for line in PAGE.splitlines() if line.startswith("| `value-size-max-bytes`")]
    assert "`1mb`; with a redis.conf `512mb`" in row


def test_lines_of_the_example_are_short() -> None:
    """People read it in an editor."""
    assert max(map(len, EXAMPLE.splitlines())) <= 99
