"""Turns assignments (a name and words) into values of the table, and keeps what went wrong."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from meridian_resp.config.errors import ValueRefusedError
from meridian_resp.config.parameter import Parameter
from meridian_resp.config.parameters import Parameters, find
from meridian_resp.config.quoting import quote
from meridian_resp.config.redis_directives import reason_ignored, reason_refused
from meridian_resp.config.sources import Assignment, Origin, Provenance
from meridian_resp.config.values import SecretType


@attrs.frozen
class Remark:
    """Something the user wrote that does not do what it seems to; not an error."""

    assignment: Assignment
    reason: str


@attrs.define(eq=False)
class Applied:
    """What became of the assignments of one source.

    Attributes:
        provenances: by attribute, where the value comes from that is now set.
        problems: sentences about values that are refused.
        unknown: assignments whose name nobody knows; whoever reads the source decides.
        remarks: directives of Redis, or values, that are not taken or have no effect.
    """

    provenances: dict[str, Provenance] = attrs.field(factory=dict)
    problems: list[str] = attrs.field(factory=list)
    unknown: list[Assignment] = attrs.field(factory=list)
    remarks: list[Remark] = attrs.field(factory=list)


def apply(assignments: Iterable[Assignment], target: Parameters) -> Applied:
    """Set the values of one source (a file with its includes, or a command line), in order.

    Later lines outweigh earlier ones, or add to them where the type says so. Nothing is raised:
    all problems of the source are in the answer, so that the user sees them at once.
    """
    applied = Applied()
    for assignment in assignments:
        parameter = find(assignment.name)
        if parameter is None:
            _apply_unknown(assignment, applied)
            continue
        value = getattr(target, parameter.attribute)
        try:
            parsed = parameter.type.parse(assignment.arguments, value)
        except ValueRefusedError as error:
            applied.problems.append(_problem(parameter, assignment, error.reason))
            continue
        text = parameter.type.format(parsed)
        if text in parameter.ignored:
            applied.remarks.append(Remark(assignment, parameter.ignored[text]))
            continue
        if parameter.attribute in applied.provenances:
            parsed = parameter.type.combine(value, parsed)
        if parameter.no_effect and parsed != parameter.default:
            applied.remarks.append(Remark(assignment, f"no effect: {parameter.no_effect}"))
        setattr(target, parameter.attribute, parsed)
        applied.provenances[parameter.attribute] = assignment.provenance
    return applied


def _apply_unknown(assignment: Assignment, applied: Applied) -> None:
    refused = reason_refused(assignment.name, assignment.arguments)
    if refused is not None:
        applied.problems.append(f"{_subject(assignment)} is refused: {refused}")
        return
    ignored = reason_ignored(assignment.name)
    if ignored is not None:
        applied.remarks.append(Remark(assignment, ignored))
    else:
        applied.unknown.append(assignment)


def _problem(parameter: Parameter, assignment: Assignment, reason: str) -> str:
    """Name the parameter, its bounds and what was given."""
    expectation = parameter.type.expectation()
    subject = _subject(assignment)
    if not assignment.arguments:
        return f"{subject} needs a value: {expectation}"
    if isinstance(parameter.type, SecretType):
        return f"{subject} must be {expectation}: {reason} (what was given is not shown)"
    given = " ".join(map(quote, assignment.arguments))
    unit = f" ({parameter.unit})" if parameter.unit else ""
    return f"{subject} must be {expectation}{unit}, not {given}"


def _subject(assignment: Assignment) -> str:
    if assignment.provenance.origin is Origin.ARGUMENT:
        return assignment.provenance.place
    return f"{assignment.provenance.place}: {assignment.name}"
