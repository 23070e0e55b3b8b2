"""The text of `--help` and `--version`, from the table."""

from __future__ import annotations

import textwrap

import meridian_resp
from meridian_resp.config.parameter import Parameter, Section
from meridian_resp.config.parameters import PARAMETERS
from meridian_resp.config.values import LONG_CHOICE

_WIDTH = 96
_INDENT = 34

_USAGE = """\
usage: meridian [FILE] [--config FILE] [--NAME VALUE...]...

A durable key-value store for Redis clients. FILE is a redis.conf, or a TOML file when its name
ends in .toml; - reads a redis.conf from standard input. Options outweigh the file. A SIZE is a
number of bytes, or one with a unit: 1k is 1000, 1kb 1024; m, mb, g and gb likewise.

examples:
  meridian                                    serve 127.0.0.1:7401, data in ./data
  meridian --port 6379 --dir /var/lib/meridian
  meridian --config meridian.toml --appendfsync always
  meridian /etc/redis/redis.conf --port 7000  start from the file of a Redis server
  meridian --cluster-enabled yes --seeds db1:7400,db2:7400
  redis-cli -p 7401 set hello world           use it

  --config FILE                   read a configuration file
  -h, --help                      show this text
  -v, --version                   show the version
"""


def help_text() -> str:
    """Return the text of `--help`: usage, examples and every parameter by section."""
    parts = [_USAGE]
    for section in Section:
        parts.append(f"\n{section.value}:\n")
        parts += [_option(it) for it in PARAMETERS if it.section is section]
    return "".join(parts)


def version_text() -> str:
    """Return the text of `--version`."""
    return f"meridian {meridian_resp.__version__}\n"


def _option(parameter: Parameter) -> str:
    head = f"  --{parameter.name} {parameter.type.placeholder()}"
    text = parameter.text
    if parameter.type.placeholder() == LONG_CHOICE:
        text += f" It is {parameter.type.expectation()}."
    if parameter.no_effect:
        text += f" No effect: {parameter.no_effect}."
    shown = parameter.type.format(parameter.default)
    if shown:
        unit = f" {parameter.unit}" if parameter.unit else ""
        text += f" [{shown}{unit}]"
    lines = textwrap.wrap(text, _WIDTH - _INDENT, break_on_hyphens=False)
    if len(head) + 2 > _INDENT:
        first = f"{head}\n"
    else:
        first = f"{head:<{_INDENT}}{lines.pop(0)}\n"
    return first + "".join(f"{'':<{_INDENT}}{line}\n" for line in lines)
