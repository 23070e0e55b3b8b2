"""INFO: everything about the server, as text that tools parse."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from meridian_resp.commands.arguments import shown
from meridian_resp.commands.information_text import Facts, information_text, sections_named
from meridian_resp.commands.process_figures import process_figures
from meridian_resp.commands.registry import Argument, Flag, Group, command
from meridian_resp.protocol.replies import Reply, Verbatim

if TYPE_CHECKING:
    from meridian_resp.commands.context import Context


@command(
    "INFO", arity=-1, flags=Flag.LOADING | Flag.STALE, group=Group.SERVER, since="1.0.0",
    summary="Properties and statistics of the server.", complexity="O(1)",
    categories=["@dangerous"],
    tips=["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
    history=[("7.0.0", "Several sections in one call.")],
    arguments=[Argument("section", optional=True, multiple=True)],
)  # fmt: skip
def info(context: Context, arguments: list[bytes]) -> Reply:
    """INFO [section ...]; a section that does not exist is empty."""
    sections = sections_named(shown(word) for word in arguments[1:])
    text = information_text(gather(context), sections)
    return Verbatim(text.encode("utf-8", "surrogateescape"))


def gather(context: Context) -> Facts:
    """Everything that INFO is made of, read now."""
    server = context.server
    system = os.uname()
    return Facts(
        now_ms=context.now_ms,
        settings=context.settings,
        server=server.statistics(),
        storage=server.storage_statistics(),
        process=process_figures(),
        last_save=server.last_save(),
        is_saving=server.is_saving(),
        system=f"{system.sysname} {system.release} {system.machine}",
        executable=str(Path(sys.argv[0]).absolute()),
    )
