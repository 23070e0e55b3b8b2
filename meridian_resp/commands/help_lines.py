"""The answer of every container's HELP: a heading, the lines of its sub-commands, HELP itself."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from meridian_resp.errors import CommandError, as_c_string, unknown_subcommand
from meridian_resp.protocol.replies import array, simple

if TYPE_CHECKING:
    from typing import NoReturn


def help_reply(container: str, entries: Iterable[tuple[str, str]]) -> bytes:
    """HELP of a container.

    Each entry is the usage of a sub-command and its text, whose lines are indented.
    """
    lines = [f"{container} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"]
    for usage, text in [*entries, ("HELP", "Prints this help.")]:
        lines.append(usage)
        lines.extend("    " + line for line in text.splitlines())
    return array([simple(line) for line in lines])


def refuse_call(container: str, arguments: list[bytes]) -> NoReturn:
    """Refuse a sub-command called with arguments that make no sense together.

    Raises:
        CommandError: always.
    """
    word = as_c_string(arguments[1])
    raise CommandError(
        f"ERR unknown subcommand or wrong number of arguments for '{word}'. Try {container} HELP."
    )


def refuse_subcommand(container: str, arguments: list[bytes]) -> NoReturn:
    """Refuse a call of a container whose sub-command is none of its own.

    Raises:
        CommandError: always.
    """
    raise CommandError(unknown_subcommand(container, arguments[1]))
