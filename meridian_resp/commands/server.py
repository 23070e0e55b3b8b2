"""Small commands about the server as a whole: TIME, ROLE, WAIT, LOLWUT."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meridian_resp import REDIS_VERSION, __version__
from meridian_resp.commands.arguments import integer_argument
from meridian_resp.commands.outcomes import Later, Outcome
from meridian_resp.commands.registry import Argument, Flag, Group, command
from meridian_resp.errors import CommandError
from meridian_resp.protocol.replies import (
    EMPTY_ARRAY,
    ZERO,
    Reply,
    Verbatim,
    array,
    bulks,
    text,
)

if TYPE_CHECKING:
    from meridian_resp.commands.context import Context

FIGURE = r"""
            .   .-'''-.   .
         .   .'  .-|-.  '.   .
        .   /  .'  |  '.  \   .
       .   |--|----+----|--|   .
        .   \  '.  |  .'  /   .
         .   '.  '-|-'  .'   .
            .   '-...-'   .
"""


@command(
    "TIME", arity=1, flags=Flag.LOADING | Flag.STALE | Flag.FAST, group=Group.SERVER,
    since="2.6.0", summary="Time of the server's clock.", complexity="O(1)",
    tips=["nondeterministic_output"],
)  # fmt: skip
def time(context: Context, arguments: list[bytes]) -> Reply:
    """TIME: Unix seconds, and microseconds within the second (in steps of a millisecond)."""
    seconds, milliseconds = divmod(context.now_ms, 1000)
    return bulks([b"%d" % seconds, b"%d" % (milliseconds * 1000)])


@command(
    "ROLE", arity=1, flags=Flag.NOSCRIPT | Flag.LOADING | Flag.STALE | Flag.FAST,
    group=Group.SERVER, since="2.8.12", summary="The server's part in replication.",
    complexity="O(1)", categories=["@admin", "@dangerous"],
)  # fmt: skip
def role(context: Context, arguments: list[bytes]) -> Reply:
    """ROLE: a master whose stream has no offset, and no replicas."""
    return array([text("master"), ZERO, EMPTY_ARRAY])


@command(
    "WAIT", arity=3, flags=Flag.NOSCRIPT | Flag.LONG, group=Group.GENERIC, since="3.0.0",
    summary="Waits until replicas have this connection's writes.", complexity="O(1)",
    categories=["@connection"], tips=["request_policy:all_shards", "response_policy:agg_min"],
    arguments=[Argument("numreplicas", "integer"), Argument("timeout", "integer")],
)  # fmt: skip
def wait(context: Context, arguments: list[bytes]) -> Outcome:
    """WAIT numreplicas timeout: the number of replicas reached, which on one node is 0.

    Whoever wants none has it at once; others wait for their timeout (0 is for ever) in vain.
    """
    wanted = integer_argument(arguments[1])
    timeout_ms = integer_argument(arguments[2], "ERR timeout is not an integer or out of range")
    if timeout_ms < 0:
        raise CommandError("ERR timeout is negative")
    server = context.server
    if wanted <= 0 or server.is_in_transaction:
        return ZERO

    async def wait_in_vain() -> Reply:
        await server.sleep(timeout_ms / 1000 if timeout_ms else None)
        return ZERO

    return Later(wait_in_vain)


@command(
    "LOLWUT", arity=-1, flags=Flag.READONLY | Flag.FAST, group=Group.SERVER, since="5.0.0",
    summary="A figure, and the version.", complexity="",
    arguments=[Argument("version", "integer", token="VERSION", optional=True)],
)  # fmt: skip
def lolwut(context: Context, arguments: list[bytes]) -> Reply:
    """LOLWUT [VERSION version]: there is one figure, a globe with its meridians."""
    if len(arguments) > 2 and arguments[1].upper() == b"VERSION":
        integer_argument(arguments[2])
    line = f"Meridian ver. {__version__}, Redis ver. {REDIS_VERSION}\n"
    return Verbatim(f"{FIGURE}\n{line}".encode())
