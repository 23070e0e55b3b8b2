"""COMMAND: what the server knows of its own commands, all of it read from their records."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from meridian_resp.commands.command_descriptions import (
    description,
    documentation,
    flag_set,
    ordered_key_flags,
)
from meridian_resp.commands.help_lines import help_reply
from meridian_resp.commands.key_extraction import FoundKey, keys_with_flags
from meridian_resp.commands.registry import (
    Argument,
    CommandSpec,
    CommandTable,
    Flag,
    Group,
    command,
)
from meridian_resp.config.patterns import compile_pattern
from meridian_resp.errors import SYNTAX, CommandError, unknown_subcommand
from meridian_resp.protocol.replies import Array, Map, Reply, array, bulk, bulks, integer, text

if TYPE_CHECKING:
    from meridian_resp.commands.context import Context

ASKING_ABOUT = Flag.LOADING | Flag.STALE
ORDER = ["nondeterministic_output_order"]
NAMES = Argument("command-name", optional=True, multiple=True)

HELP = (
    ("(no subcommand)", "Descriptions of all commands."),
    ("COUNT", "Number of commands."),
    (
        "LIST [FILTERBY (MODULE <name>|ACLCAT <category>|PATTERN <pattern>)]",
        "Names of all commands, or of those that fit the filter.",
    ),
    ("INFO [<command-name> ...]", "Descriptions of the commands named, or of all."),
    ("DOCS [<command-name> ...]", "Documentation of the commands named, or of all."),
    ("GETKEYS <full-command>", "Keys among the arguments of a command."),
    ("GETKEYSANDFLAGS <full-command>", "The same with what the command does to each key."),
)


@command(
    "COMMAND", arity=-1, flags=ASKING_ABOUT, group=Group.SERVER, since="2.8.13",
    summary="Descriptions of all commands.",
    complexity="O(N) where N is the total number of Redis commands",
    categories=["@connection"], tips=ORDER,
)  # fmt: skip
def command_(context: Context, arguments: list[bytes]) -> Reply:
    """COMMAND."""
    if len(arguments) > 1:
        raise CommandError(unknown_subcommand("COMMAND", arguments[1]))
    return _all_descriptions(context)


@command(
    "COUNT", container="command", arity=2, flags=ASKING_ABOUT, group=Group.SERVER,
    since="2.8.13", summary="Number of commands.", complexity="O(1)",
    categories=["@connection"],
)  # fmt: skip
def command_count(context: Context, arguments: list[bytes]) -> Reply:
    """COMMAND COUNT."""
    return integer(len(context.commands.by_name))


@command(
    "INFO", container="command", arity=-2, flags=ASKING_ABOUT, group=Group.SERVER,
    since="2.8.13", summary="Descriptions of the commands named, or of all.",
    complexity="O(N) where N is the number of commands to look up",
    categories=["@connection"], tips=ORDER,
    history=[("7.0.0", "Without a name it describes all commands.")], arguments=[NAMES],
)  # fmt: skip
def command_info(context: Context, arguments: list[bytes]) -> Reply:
    """COMMAND INFO [name ...]; null for a command that does not exist."""
    if len(arguments) == 2:
        return _all_descriptions(context)
    protocol = context.session.protocol
    found = [find_by_full_name(context.commands, name) for name in arguments[2:]]
    return Array([None if spec is None else description(spec, protocol) for spec in found])


@command(
    "DOCS", container="command", arity=-2, flags=ASKING_ABOUT, group=Group.SERVER,
    since="7.0.0", summary="Documentation of the commands named, or of all.",
    complexity="O(N) where N is the number of commands to look up",
    categories=["@connection"], tips=ORDER, arguments=[NAMES],
)  # fmt: skip
def command_docs(context: Context, arguments: list[bytes]) -> Reply:
    """COMMAND DOCS [name ...]; commands that do not exist are left out."""
    if len(arguments) == 2:
        found = list(context.commands.by_name.values())
    else:
        named = [find_by_full_name(context.commands, name) for name in arguments[2:]]
        found = [spec for spec in named if spec is not None]
    protocol = context.session.protocol
    return Map([(text(spec.full_name), documentation(spec, protocol)) for spec in found])


@command(
    "LIST", container="command", arity=-2, flags=ASKING_ABOUT, group=Group.SERVER,
    since="7.0.0", summary="Names of commands.",
    complexity="O(N) where N is the total number of Redis commands",
    categories=["@connection"], tips=ORDER,
    arguments=[
        Argument("filterby", "oneof", token="FILTERBY", optional=True, arguments=(
            Argument("module-name", token="MODULE"),
            Argument("category", token="ACLCAT"),
            Argument("pattern", "pattern", token="PATTERN"),
        )),
    ],
)  # fmt: skip
def command_list(context: Context, arguments: list[bytes]) -> Reply:
    """COMMAND LIST [FILTERBY MODULE name | ACLCAT category | PATTERN pattern]."""
    names: Iterator[str]
    every = all_with_subcommands(context.commands)
    if len(arguments) == 2:
        names = (spec.full_name for spec in every)
    elif len(arguments) != 5 or arguments[2].upper() != b"FILTERBY":
        raise CommandError(SYNTAX)
    else:
        names = _filtered(every, arguments[3].upper(), arguments[4].decode("latin-1"))
    return bulks([name.encode() for name in names])


def _filtered(specs: Iterator[CommandSpec], kind: bytes, wanted: str) -> Iterator[str]:
    """Names of the commands that fit one filter. Raises CommandError."""
    if kind == b"MODULE":
        # There are no modules, so no command belongs to one.
        return iter(())
    if kind == b"ACLCAT":
        category = "@" + wanted.lower()
        return (spec.full_name for spec in specs if category in spec.categories)
    if kind == b"PATTERN":
        pattern = compile_pattern(wanted)
        return (spec.full_name for spec in specs if pattern.fullmatch(spec.full_name))
    raise CommandError(SYNTAX)


@command(
    "GETKEYS", container="command", arity=-4, flags=ASKING_ABOUT, group=Group.SERVER,
    since="2.8.13", summary="Keys among the arguments of a command.",
    complexity="O(N) where N is the number of arguments to the command",
    categories=["@connection"],
)  # fmt: skip
def command_getkeys(context: Context, arguments: list[bytes]) -> Reply:
    """COMMAND GETKEYS command [argument ...]."""
    return bulks([found.key for found in _found_keys(context, arguments[2:])])


@command(
    "GETKEYSANDFLAGS", container="command", arity=-4, flags=ASKING_ABOUT, group=Group.SERVER,
    since="7.0.0", summary="Keys among the arguments of a command, with its use of each.",
    complexity="O(N) where N is the number of arguments to the command",
    categories=["@connection"],
)  # fmt: skip
def command_getkeysandflags(context: Context, arguments: list[bytes]) -> Reply:
    """COMMAND GETKEYSANDFLAGS command [argument ...]."""
    found = _found_keys(context, arguments[2:])
    return Array([Array([bulk(one.key), flag_set(ordered_key_flags(one.flags))]) for one in found])


@command(
    "HELP", container="command", arity=2, flags=ASKING_ABOUT, group=Group.SERVER,
    since="5.0.0", summary="Lists the sub-commands.", complexity="O(1)",
    categories=["@connection"],
)  # fmt: skip
def command_help(context: Context, arguments: list[bytes]) -> Reply:
    """COMMAND HELP."""
    return help_reply("COMMAND", HELP)


def find_by_full_name(table: CommandTable, name: bytes) -> CommandSpec | None:
    """The command of that name, or the sub-command of a name like `config|get`."""
    container, bar, word = name.partition(b"|")
    spec = table.find(container)
    if spec is None or not bar:
        return spec
    return table.find_subcommand(spec, word)


def all_with_subcommands(table: CommandTable) -> Iterator[CommandSpec]:
    """Every command, each followed by its sub-commands."""
    for spec in table.by_name.values():
        yield spec
        yield from spec.subcommands


def _all_descriptions(context: Context) -> bytes:
    protocol = context.session.protocol
    return array([description(spec, protocol) for spec in context.commands.by_name.values()])


def _found_keys(context: Context, call: list[bytes]) -> list[FoundKey]:
    """The keys of a call that is only looked at. Raises CommandError."""
    spec = context.commands.find(call[0])
    if spec is not None and spec.subcommands and len(call) > 1:
        spec = context.commands.find_subcommand(spec, call[1])
    if spec is None:
        raise CommandError("ERR Invalid command specified")
    if not spec.accepts(len(call)):
        refusal = "ERR Invalid number of arguments specified for command"
        raise CommandError(refusal if spec.keys else "ERR The command has no key arguments")
    return keys_with_flags(spec, call)
