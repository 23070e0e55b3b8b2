"""From names and words to values."""

from __future__ import annotations

import pytest

from meridian_resp.config.assigning import Applied, apply
from meridian_resp.config.parameters import Parameters
from meridian_resp.config.redis_conf import parse_redis_conf
from meridian_resp.config.redis_values import SavePoint
from meridian_resp.config.sources import Assignment, Origin, Provenance


def applied_text(text: str, target: Parameters) -> Applied:
    """Apply the text of a redis.conf."""
    return apply(parse_redis_conf(text, "x"), target)


def test_values_and_their_origin_are_set() -> None:
    """Each line sets its attribute; the place of the last one is kept."""
    target = Parameters()
    applied = applied_text("port 7000\nhz 5\nHZ 6\n", target)
    assert (target.port, target.hz) == (7000, 6)
    assert applied.provenances == {
        "port": Provenance(Origin.FILE, "x line 1"),
        "hz": Provenance(Origin.FILE, "x line 3"),
    }


def test_lines_that_add_up_replace_the_earlier_source() -> None:
    """The first `save` of a source replaces what was set before, the others add to it."""
    target = Parameters(save=(SavePoint(1, 1),))
    applied_text("save 900 1\nsave 300 10\n", target)
    assert list(target.save) == [SavePoint(900, 1), SavePoint(300, 10)]
    applied_text("save 60 5\n", target)
    assert list(target.save) == [SavePoint(60, 5)]


def test_problems_name_parameter_bounds_and_value() -> None:
    """Every wrong line is told, with its place; the other lines are applied."""
    target = Parameters()
    applied = applied_text("hz abc\nport 70000\nappendfsync x\nmaxclients 5\ntimeout\n", target)
    assert applied.problems == [
        "x line 1: hz must be a whole number from 1 to 500 (1/s), not abc",
        "x line 2: port must be a whole number from 0 to 65535, not 70000",
        "x line 3: appendfsync must be one of everysec, always, no, not x",
        "x line 5: timeout needs a value: a whole number from 0 to 2147483647",
    ]
    assert (target.maxclients, target.port) == (5, 7401)


def test_problems_of_the_command_line_name_the_option() -> None:
    """There is no place besides the option itself."""
    assignment = Assignment("port", ("x",), Provenance(Origin.ARGUMENT, "--port"))
    problems = apply([assignment], Parameters()).problems
    assert problems == ["--port must be a whole number from 0 to 65535, not x"]


def test_passwords_are_not_shown() -> None:
    """A mistake around a password does not write it to the log."""
    (problem,) = applied_text("requirepass my secret\n", Parameters()).problems
    assert "requirepass" in problem
    assert "secret" not in problem


def test_values_that_are_not_taken_are_remarked() -> None:
    """`appendonly no` is explained and not taken; `yes` needs no words."""
    target = Parameters()
    (remark,) = applied_text("appendonly no\n", target).remarks
    assert target.appendonly
    assert "every write is logged" in remark.reason
    assert applied_text("appendonly yes\n", target).remarks == []


def test_parameters_without_effect_are_remarked_when_they_ask_for_something() -> None:
    """Another value than the default is taken and explained, the default is not worth a word."""
    target = Parameters()
    (remark,) = applied_text("maxmemory 1gb\nmaxmemory-policy noeviction\n", target).remarks
    assert target.maxmemory_bytes == 1 << 30
    assert remark.assignment.name == "maxmemory"
    assert remark.reason.startswith("no effect: data lies on disk")


@pytest.mark.parametrize(
    ("text", "problems", "unknown", "remarks"),
    [
        ("user alice on\n", 1, 0, 0),
        ("dbfilename x\n", 0, 0, 1),
        ("dbfilenam x\n", 0, 1, 0),
    ],
)
def test_other_names_are_sorted(text: str, problems: int, unknown: int, remarks: int) -> None:
    """Protection is refused, directives of Redis are remarked, the rest is unknown."""
    applied = applied_text(text, Parameters())
    counts = (len(applied.problems), len(applied.unknown), len(applied.remarks))
    assert counts == (problems, unknown, remarks)
