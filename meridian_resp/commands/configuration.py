"""CONFIG: reading and changing the settings while the server runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meridian_resp.commands.help_lines import help_reply, refuse_subcommand
from meridian_resp.commands.registry import Argument, Flag, Group, command
from meridian_resp.config.errors import ChangeError, RewriteError
from meridian_resp.errors import SYNTAX, CommandError
from meridian_resp.protocol.replies import OK, Map, Reply, bulk

if TYPE_CHECKING:
    from meridian_resp.commands.context import Context

ADMINISTRATION = Flag.ADMIN | Flag.NOSCRIPT | Flag.LOADING | Flag.STALE

HELP = (
    ("GET <pattern>", "Parameters that match the glob-like <pattern>, with their values."),
    ("SET <directive> <value>", "Give a parameter another value."),
    ("RESETSTAT", "Set the statistics that INFO reports to zero."),
    ("REWRITE", "Make the configuration file say what is set now."),
)


@command(
    "CONFIG", arity=-2, group=Group.SERVER, since="2.0.0",
    summary="Holds the commands about the server's settings.",
    complexity="Depends on subcommand.",
)  # fmt: skip
def config(context: Context, arguments: list[bytes]) -> Reply:
    """CONFIG without one of its sub-commands."""
    refuse_subcommand("CONFIG", arguments)


@command(
    "GET", container="config", arity=-3, flags=ADMINISTRATION, group=Group.SERVER,
    since="2.0.0", summary="Values of parameters.",
    complexity="O(N) when N is the number of configuration parameters provided",
    history=[("7.0.0", "Several patterns in one call.")],
    arguments=[
        Argument("parameter", "block", multiple=True, arguments=(Argument("parameter"),)),
    ],
)  # fmt: skip
def config_get(context: Context, arguments: list[bytes]) -> Reply:
    """CONFIG GET pattern [pattern ...]."""
    found = context.settings.get_matching(arguments[2:])
    return Map([(bulk(name), bulk(value)) for name, value in found])


@command(
    "SET", container="config", arity=-4, flags=ADMINISTRATION, group=Group.SERVER,
    since="2.0.0", summary="Changes parameters: all that are named, or none.",
    complexity="O(N) when N is the number of configuration parameters provided",
    history=[("7.0.0", "Several parameters in one call.")],
    tips=["request_policy:all_nodes", "response_policy:all_succeeded"],
    arguments=[
        Argument("parameter_value", "block", multiple=True, arguments=(
            Argument("parameter"), Argument("value"),
        )),
    ],
)  # fmt: skip
def config_set(context: Context, arguments: list[bytes]) -> Reply:
    """CONFIG SET parameter value [parameter value ...]."""
    if len(arguments) % 2:
        raise CommandError(SYNTAX)
    try:
        context.settings.change(list(zip(arguments[2::2], arguments[3::2], strict=True)))
    except ChangeError as refusal:
        raise CommandError(refusal.text) from None
    return OK


@command(
    "REWRITE", container="config", arity=2, flags=ADMINISTRATION, group=Group.SERVER,
    since="2.8.0", summary="Makes the configuration file say what is set now.",
    complexity="O(1)",
)  # fmt: skip
def config_rewrite(context: Context, arguments: list[bytes]) -> Reply:
    """CONFIG REWRITE."""
    try:
        context.settings.rewrite()
    except RewriteError as refusal:
        raise CommandError(refusal.text) from None
    return OK


@command(
    "RESETSTAT", container="config", arity=2, flags=ADMINISTRATION, group=Group.SERVER,
    since="2.0.0", summary="Sets the statistics that INFO reports to zero.", complexity="O(1)",
)  # fmt: skip
def config_resetstat(context: Context, arguments: list[bytes]) -> Reply:
    """CONFIG RESETSTAT."""
    context.server.reset_statistics()
    return OK


@command(
    "HELP", container="config", arity=2, flags=Flag.LOADING | Flag.STALE, group=Group.SERVER,
    since="5.0.0", summary="Lists the sub-commands.", complexity="O(1)",
)  # fmt: skip
def config_help(context: Context, arguments: list[bytes]) -> Reply:
    """CONFIG HELP."""
    return help_reply("CONFIG", HELP)
