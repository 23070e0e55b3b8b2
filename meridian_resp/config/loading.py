"""From a command line to settings: defaults, then the file, then the options."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from meridian_resp.config.assigning import Applied, apply
from meridian_resp.config.checks import broken_relations
from meridian_resp.config.command_line import CommandLine, parse_command_line, unknown_option
from meridian_resp.config.errors import StartError
from meridian_resp.config.parameters import PARAMETERS
from meridian_resp.config.redis_conf import parse_redis_conf, read_redis_conf
from meridian_resp.config.rewrite import ConfigFile, FileKind
from meridian_resp.config.settings import Settings
from meridian_resp.config.sources import Assignment
from meridian_resp.config.toml_file import read_toml


def load(arguments: Sequence[str]) -> Settings:
    """Build the settings that a command line (without the program's name) asks for.

    Raises:
        StartError: with every mistake found.
    """
    return load_command_line(parse_command_line(arguments))


def load_command_line(command_line: CommandLine) -> Settings:
    """Build the settings of a command line that was taken apart already.

    Raises:
        StartError: with every mistake found.
    """
    kind, assignments = _read_file(command_line.file)
    settings = Settings()
    if kind is FileKind.REDIS:
        for parameter in PARAMETERS:
            setattr(settings, parameter.attribute, parameter.redis_default)
    if command_line.file not in ("", "-"):
        settings.config_file = ConfigFile(path=Path(command_line.file).absolute(), kind=kind)
    from_file = apply(assignments, settings)
    from_arguments = apply(command_line.assignments, settings)
    problems = from_file.problems + from_arguments.problems
    problems += [unknown_option(given.name) for given in from_arguments.unknown]
    if kind is FileKind.TOML:
        problems += [_unknown_key(given) for given in from_file.unknown]
    if not problems:
        problems = broken_relations(settings)
    if problems:
        raise StartError(tuple(problems))
    settings.record_provenances(from_file.provenances | from_arguments.provenances)
    settings.start_warnings = _warnings(command_line.file, from_file, from_arguments)
    return settings


def _read_file(file: str) -> tuple[FileKind, list[Assignment]]:
    if not file:
        return FileKind.TOML, []
    if file == "-":
        text = sys.stdin.buffer.read().decode("utf-8", "surrogateescape")
        return FileKind.REDIS, parse_redis_conf(text, "standard input")
    if file.endswith(".toml"):
        return FileKind.TOML, read_toml(Path(file))
    return FileKind.REDIS, read_redis_conf(Path(file))


def _unknown_key(given: Assignment) -> str:
    sentence = unknown_option(given.name.replace("-", "_"), prefix="")
    return f"{given.provenance.place}: {sentence}"


def _warnings(file: str, from_file: Applied, from_arguments: Applied) -> tuple[str, ...]:
    """One paragraph about unknown directives, one about those that are known but not taken."""
    warnings: list[str] = []
    if from_file.unknown:
        shown = ", ".join(_shown(given, file) for given in from_file.unknown)
        warnings.append(f"{file}: unknown directives are ignored: {shown}")
    by_reason: dict[str, list[str]] = {}
    for remark in from_file.remarks + from_arguments.remarks:
        by_reason.setdefault(remark.reason, []).append(_shown(remark.assignment, file))
    if by_reason:
        lines = [f"\n  {', '.join(shown)}: {reason}" for reason, shown in by_reason.items()]
        prefix = f"{file}: " if from_file.remarks else ""
        warnings.append(f"{prefix}some options are not taken:{''.join(lines)}")
    return tuple(warnings)


def _shown(given: Assignment, file: str) -> str:
    """An option and its place, without what the paragraph says already."""
    place = given.provenance.place.removeprefix(f"{file} ")
    return place if place == f"--{given.name}" else f"{given.name} ({place})"
