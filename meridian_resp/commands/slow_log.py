"""SLOWLOG: the commands that took long."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meridian_resp.commands.arguments import bounded_integer_argument
from meridian_resp.commands.help_lines import help_reply, refuse_call, refuse_subcommand
from meridian_resp.commands.registry import Argument, Flag, Group, command
from meridian_resp.protocol.numbers import INT64_MAX
from meridian_resp.protocol.replies import OK, Reply, array, bulk, bulks, integer, text

if TYPE_CHECKING:
    from meridian_resp.commands.context import Context

ADMINISTRATION = Flag.ADMIN | Flag.LOADING | Flag.STALE
#: Entries that GET answers when it is not told how many.
USUAL_COUNT = 10

HELP = (
    (
        "GET [<count>]",
        "The newest <count> entries (default: 10, -1 means all). An entry is made of:\n"
        "id, Unix time, duration in microseconds, arguments, client address, client name",
    ),
    ("LEN", "Number of entries."),
    ("RESET", "Forget all entries."),
)


@command(
    "SLOWLOG", arity=-2, group=Group.SERVER, since="2.2.12",
    summary="Holds the commands about the slow log.", complexity="Depends on subcommand.",
)  # fmt: skip
def slowlog(context: Context, arguments: list[bytes]) -> Reply:
    """SLOWLOG without one of its sub-commands."""
    refuse_subcommand("SLOWLOG", arguments)


@command(
    "GET", container="slowlog", arity=-2, flags=ADMINISTRATION, group=Group.SERVER,
    since="2.2.12", summary="The newest slow commands.",
    complexity="O(N) where N is the number of entries returned",
    tips=["request_policy:all_nodes", "nondeterministic_output"],
    history=[("4.0.0", "Entries tell the client's address and name.")],
    arguments=[Argument("count", "integer", optional=True)],
)  # fmt: skip
def slowlog_get(context: Context, arguments: list[bytes]) -> Reply:
    """SLOWLOG GET [count]."""
    if len(arguments) > 3:
        refuse_call("SLOWLOG", arguments)
    count = USUAL_COUNT
    if len(arguments) == 3:
        refusal = "ERR count should be greater than or equal to -1"
        count = bounded_integer_argument(arguments[2], -1, INT64_MAX, refusal)
    return array([
        array([
            integer(entry.identifier),
            integer(entry.at_s),
            integer(entry.duration_usec),
            bulks(entry.arguments),
            text(entry.address),
            bulk(entry.client_name),
        ])
        for entry in context.server.slow_log.newest(count)
    ])  # fmt: skip


@command(
    "LEN", container="slowlog", arity=2, flags=ADMINISTRATION, group=Group.SERVER,
    since="2.2.12", summary="Number of entries.", complexity="O(1)",
    tips=["request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"],
)  # fmt: skip
def slowlog_len(context: Context, arguments: list[bytes]) -> Reply:
    """SLOWLOG LEN."""
    return integer(len(context.server.slow_log))


@command(
    "RESET", container="slowlog", arity=2, flags=ADMINISTRATION, group=Group.SERVER,
    since="2.2.12", summary="Forgets all entries.",
    complexity="O(N) where N is the number of entries in the slowlog",
    tips=["request_policy:all_nodes", "response_policy:all_succeeded"],
)  # fmt: skip
def slowlog_reset(context: Context, arguments: list[bytes]) -> Reply:
    """SLOWLOG RESET."""
    context.server.slow_log.clear()
    return OK


@command(
    "HELP", container="slowlog", arity=2, flags=Flag.LOADING | Flag.STALE, group=Group.SERVER,
    since="6.2.0", summary="Lists the sub-commands.", complexity="O(1)",
)  # fmt: skip
def slowlog_help(context: Context, arguments: list[bytes]) -> Reply:
    """SLOWLOG HELP."""
    return help_reply("SLOWLOG", HELP)
