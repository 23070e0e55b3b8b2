"""CONSISTENCY: which level the requests of a connection ask for.

    CONSISTENCY                       the connection's level
    CONSISTENCY GET                   the same
    CONSISTENCY SET level             sets it; CONSISTENCY level alone does too
    CONSISTENCY level command ...     runs one command at that level

One node meets every level. LINEARIZABLE asks for more than the others even so: a write is on disk
before its reply leaves, whatever `appendfsync` says.

The last form is dispatch's: it takes the first two words off and runs the rest, so that arity,
keys and flags are those of the inner command.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from meridian_resp.commands.arguments import shown
from meridian_resp.commands.declarations import word
from meridian_resp.commands.registry import Argument, Flag, Group, command
from meridian_resp.config.choices import ConsistencyLevel
from meridian_resp.errors import CommandError, wrong_arguments
from meridian_resp.protocol.replies import OK, Reply, text

if TYPE_CHECKING:
    from meridian_resp.commands.context import Context

LEVELS: Final = tuple(level.value for level in ConsistencyLevel)
LEVEL: Final = Argument(
    "level",
    "oneof",
    arguments=tuple(word(level.lower()) for level in LEVELS),
)


def parse_level(given: bytes) -> str | None:
    """The consistency level of that name in any case, or None."""
    name = given.upper().decode("latin-1")
    return name if name in LEVELS else None


@command(
    "CONSISTENCY", arity=-1, flags=Flag.LOADING | Flag.STALE | Flag.FAST,
    group=Group.CONNECTION, since="0.1.0",
    summary="Gives or sets the connection's consistency level, or runs one command at another.",
    complexity="O(1), or that of the command it runs",
    categories=["@connection"],
    arguments=[
        Argument("form", "oneof", optional=True, arguments=(
            word("get"),
            Argument("set", "block", "SET", arguments=(LEVEL,)),
            LEVEL,
            Argument("request", "block", arguments=(
                LEVEL, Argument("command"), Argument("argument", optional=True, multiple=True),
            )),
        )),
    ],
)  # fmt: skip
def consistency(context: Context, arguments: list[bytes]) -> Reply:
    """CONSISTENCY [GET | [SET] level]; `CONSISTENCY level command ...` never comes here."""
    form = arguments[1].upper() if len(arguments) > 1 else b"GET"
    if len(arguments) > 3 and form in (b"GET", b"SET"):
        raise CommandError(wrong_arguments("consistency"))
    if form == b"GET" and len(arguments) < 3:
        return text(context.session.consistency or context.settings.consistency_default.value)
    given = arguments[2] if form == b"SET" and len(arguments) == 3 else arguments[1]
    level = parse_level(given)
    if level is None:
        raise CommandError(
            f"ERR unknown consistency level '{shown(given[:128])}', "
            f"expected one of {', '.join(LEVELS)}"
        )
    context.session.consistency = level
    context.server.change_state(context.session)
    return OK
