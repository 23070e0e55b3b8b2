"""LATENCY: spikes of events, and how long commands take."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

from meridian_resp.commands.arguments import shown
from meridian_resp.commands.help_lines import help_reply, refuse_subcommand
from meridian_resp.commands.latency_texts import doctor_text, graph_text
from meridian_resp.commands.registry import Argument, Flag, Group, command
from meridian_resp.errors import CommandError
from meridian_resp.protocol.replies import (
    EMPTY_ARRAY,
    Map,
    Reply,
    Verbatim,
    array,
    integer,
    text,
)

if TYPE_CHECKING:
    from meridian_resp.commands.context import Context
    from meridian_resp.server.statistics import CommandStatistics

ADMINISTRATION = Flag.ADMIN | Flag.NOSCRIPT | Flag.LOADING | Flag.STALE
PER_NODE = ["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"]
EVENT = Argument("event")

HELP = (
    ("DOCTOR", "A report for people on the spikes that were seen."),
    ("GRAPH <event>", "The spikes of an event as a picture of characters."),
    ("HISTORY <event>", "Unix time and duration of each spike of an event."),
    ("LATEST", "The latest spike of each event."),
    ("RESET [<event> ...]", "Forget the spikes of some events, or of all."),
    (
        "HISTOGRAM [COMMAND ...]",
        "How many calls took at most so many microseconds, of some commands or of all.",
    ),
)


@command(
    "LATENCY", arity=-2, group=Group.SERVER, since="2.8.13",
    summary="Holds the commands about latency.", complexity="Depends on subcommand.",
)  # fmt: skip
def latency(context: Context, arguments: list[bytes]) -> Reply:
    """LATENCY without one of its sub-commands."""
    refuse_subcommand("LATENCY", arguments)


@command(
    "HISTORY", container="latency", arity=3, flags=ADMINISTRATION, group=Group.SERVER,
    since="2.8.13", summary="Unix time and duration of each spike of an event.",
    complexity="O(1)", tips=PER_NODE, arguments=[EVENT],
)  # fmt: skip
def latency_history(context: Context, arguments: list[bytes]) -> Reply:
    """LATENCY HISTORY event; empty for an event without a spike."""
    event = context.server.latency.events.get(shown(arguments[2]))
    if event is None:
        return EMPTY_ARRAY
    return array([
        array([integer(sample.at_s), integer(sample.duration_ms)]) for sample in event.samples
    ])  # fmt: skip


@command(
    "LATEST", container="latency", arity=2, flags=ADMINISTRATION, group=Group.SERVER,
    since="2.8.13", summary="The latest spike of each event.", complexity="O(1)",
    tips=PER_NODE,
)  # fmt: skip
def latency_latest(context: Context, arguments: list[bytes]) -> Reply:
    """LATENCY LATEST: name, Unix time, duration, and the longest ever, of each event."""
    return array([
        array([
            text(name),
            integer(event.latest.at_s),
            integer(event.latest.duration_ms),
            integer(event.worst_ms),
        ])
        for name, event in context.server.latency.events.items()
    ])  # fmt: skip


@command(
    "RESET", container="latency", arity=-2, flags=ADMINISTRATION, group=Group.SERVER,
    since="2.8.13", summary="Forgets the spikes of some events, or of all.",
    complexity="O(1)", tips=["request_policy:all_nodes", "response_policy:all_succeeded"],
    arguments=[Argument("event", optional=True, multiple=True)],
)  # fmt: skip
def latency_reset(context: Context, arguments: list[bytes]) -> Reply:
    """LATENCY RESET [event ...]: the number of events forgotten."""
    names = [shown(argument) for argument in arguments[2:]]
    return integer(context.server.latency.reset(names))


@command(
    "GRAPH", container="latency", arity=3, flags=ADMINISTRATION, group=Group.SERVER,
    since="2.8.13", summary="The spikes of an event as a picture of characters.",
    complexity="O(1)", tips=PER_NODE, arguments=[EVENT],
)  # fmt: skip
def latency_graph(context: Context, arguments: list[bytes]) -> Reply:
    """LATENCY GRAPH event."""
    name = shown(arguments[2])
    event = context.server.latency.events.get(name)
    if event is None:
        raise CommandError(f"ERR No samples available for event '{name}'")
    picture = graph_text(name, event.samples, event.worst_ms, context.now_ms // 1000)
    return Verbatim(picture.encode("utf-8", "surrogateescape"))


@command(
    "DOCTOR", container="latency", arity=2, flags=ADMINISTRATION, group=Group.SERVER,
    since="2.8.13", summary="A report for people on the spikes that were seen.",
    complexity="O(1)", tips=PER_NODE,
)  # fmt: skip
def latency_doctor(context: Context, arguments: list[bytes]) -> Reply:
    """LATENCY DOCTOR."""
    monitor = context.server.latency
    slow_log_usec = context.settings.slowlog_log_slower_than_us
    report = doctor_text(
        monitor.events,
        context.now_ms // 1000,
        threshold_ms=monitor.threshold_ms,
        slow_log_usec=slow_log_usec,
    )
    return Verbatim(report.encode("utf-8", "surrogateescape"))


@command(
    "HISTOGRAM", container="latency", arity=-2, flags=ADMINISTRATION, group=Group.SERVER,
    since="7.0.0", summary="How many calls of commands took at most so long.",
    complexity="O(N) where N is the number of commands with latency information being "
               "retrieved.",
    tips=PER_NODE, arguments=[Argument("command", optional=True, multiple=True)],
)  # fmt: skip
def latency_histogram(context: Context, arguments: list[bytes]) -> Reply:
    """LATENCY HISTOGRAM [command ...]; a container stands for its sub-commands."""
    statistics = context.server.statistics()
    wanted = {shown(name).lower() for name in arguments[2:]}
    return Map([
        (text(one.name), _histogram(one, statistics.duration_bounds_s))
        for one in statistics.commands
        if any(one.duration_buckets)
        and (not wanted or one.name in wanted or one.name.partition("|")[0] in wanted)
    ])  # fmt: skip


def _histogram(statistics: CommandStatistics, bounds_s: Sequence[float]) -> Reply:
    """Calls that took at most so many microseconds, where that number grows.

    What took longer than the last bound is among the calls only.
    """
    pairs: list[tuple[Reply, Reply]] = []
    sums = accumulate(statistics.duration_buckets)
    for bound_s, counted, total in zip(bounds_s, statistics.duration_buckets, sums, strict=False):
        if counted:
            pairs.append((integer(round(bound_s * 1e6)), integer(total)))
    return Map([
        (text("calls"), integer(sum(statistics.duration_buckets))),
        (text("histogram_usec"), Map(pairs)),
    ])  # fmt: skip


@command(
    "HELP", container="latency", arity=2, flags=Flag.LOADING | Flag.STALE,
    group=Group.SERVER, since="2.8.13", summary="Lists the sub-commands.", complexity="O(1)",
)  # fmt: skip
def latency_help(context: Context, arguments: list[bytes]) -> Reply:
    """LATENCY HELP."""
    return help_reply("LATENCY", HELP)
