"""CLIENT, second half: commands about other clients: LIST, KILL, PAUSE, UNPAUSE, UNBLOCK."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from meridian_resp.commands.arguments import integer_argument, shown
from meridian_resp.commands.authentication import DEFAULT_USER
from meridian_resp.commands.client_lines import client_line
from meridian_resp.commands.help_lines import refuse_call
from meridian_resp.commands.outcomes import Outcome, Slices, run_to_end
from meridian_resp.commands.registry import Argument, Flag, Group, command
from meridian_resp.commands.switch_words import switch_argument
from meridian_resp.errors import SYNTAX, CommandError
from meridian_resp.protocol.numbers import INT64_MAX, parse_int64
from meridian_resp.protocol.replies import OK, ZERO, Reply, Verbatim, integer

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from meridian_resp.commands.context import Context
    from meridian_resp.server.session import Session

CONTROL = Flag.ADMIN | Flag.NOSCRIPT | Flag.LOADING | Flag.STALE

#: Names of client types. All clients are `normal` until there are replicas and pub/sub.
CLIENT_TYPES = frozenset({b"normal", b"slave", b"replica", b"pubsub", b"master"})
NORMAL = b"normal"
#: Clients listed in one slice: about a millisecond.
SLICE_CLIENTS = 100


def _client_type(word: bytes) -> bytes:
    """The type that a word names. Raises CommandError."""
    name = word.lower()
    if name not in CLIENT_TYPES:
        raise CommandError(f"ERR Unknown client type '{shown(word)}'")
    return name


@command(
    "LIST", container="client", arity=-2, flags=CONTROL, group=Group.CONNECTION, since="2.4.0",
    summary="Properties of client connections.",
    complexity="O(N) where N is the number of client connections",
    categories=["@connection"], tips=["nondeterministic_output"],
    history=[
        ("2.8.12", "Clients have an `id`."),
        ("5.0.0", "The filter `TYPE`."),
        ("6.0.0", "The field `user`."),
        ("6.2.0", "The fields `argv-mem`, `tot-mem`, `laddr`, `redir` and the filter `ID`."),
        ("7.0.0", "The fields `resp`, `multi-mem`, `rbs` and `rbp`."),
        ("7.0.3", "The field `ssub`."),
    ],
    arguments=[
        Argument("normal_master_replica_pubsub", "oneof", token="TYPE", since="5.0.0",
                 optional=True, arguments=(
            Argument("normal", "pure-token", token="NORMAL"),
            Argument("master", "pure-token", token="MASTER"),
            Argument("replica", "pure-token", token="REPLICA"),
            Argument("pubsub", "pure-token", token="PUBSUB"),
        )),
        Argument("id", "block", token="ID", since="6.2.0", optional=True, arguments=(
            Argument("client-id", "integer", multiple=True),
        )),
    ],
)  # fmt: skip
def client_list(context: Context, arguments: list[bytes]) -> Outcome:
    """CLIENT LIST [TYPE type | ID id [id ...]]; thousands of clients are listed in slices."""
    sessions: Iterable[Session]
    word = arguments[2].upper() if len(arguments) > 2 else b""
    if len(arguments) == 2:
        sessions = context.server.sessions()
    elif len(arguments) == 4 and word == b"TYPE":
        is_normal = _client_type(arguments[3]) == NORMAL
        sessions = context.server.sessions() if is_normal else ()
    elif len(arguments) > 3 and word == b"ID":
        numbers = [integer_argument(text, "ERR Invalid client ID") for text in arguments[3:]]
        found = [context.server.find_session(number) for number in numbers]
        sessions = [session for session in found if session is not None]
    else:
        raise CommandError(SYNTAX)
    listed = list(sessions)
    slices = Slices(_list_in_slices(listed, context.session, context.server.monotonic()))
    return slices if len(listed) > SLICE_CLIENTS else run_to_end(slices)


def _list_in_slices(
    sessions: list[Session], caller: Session, now_s: float
) -> Generator[None, None, Reply]:
    """One line per client; gives way about every millisecond."""
    lines = []
    for number, session in enumerate(sessions, 1):
        running = "client|list" if session is caller else ""
        lines.append(client_line(session, now_s, running=running) + "\n")
        if not number % SLICE_CLIENTS:
            yield
    return Verbatim("".join(lines).encode("utf-8", "surrogateescape"))


@attrs.define
class KillFilter:
    """Which clients CLIENT KILL closes: those that fit all that is given."""

    identifier: int | None = None
    client_type: bytes | None = None
    user: bytes | None = None
    address: bytes | None = None
    local_address: bytes | None = None
    spares_caller: bool = True

    def fits(self, session: Session, caller: Session) -> bool:
        """Whether to close this client."""
        return not (
            (self.identifier is not None and session.identifier != self.identifier)
            or (self.client_type is not None and self.client_type != NORMAL)
            or (self.user is not None and session.user.encode() != self.user)
            or (self.address is not None and session.address.encode() != self.address)
            or (
                self.local_address is not None
                and session.local_address.encode() != self.local_address
            )
            or (self.spares_caller and session is caller)
        )


def _kill_filter(arguments: list[bytes]) -> KillFilter:
    """The filter that KILL's options describe. Raises CommandError."""
    wanted = KillFilter()
    if len(arguments) % 2:
        raise CommandError(SYNTAX)
    for option, value in zip(arguments[2::2], arguments[3::2], strict=True):
        word = option.upper()
        if word == b"ID":
            number = parse_int64(value)
            if number is None or number < 1:
                raise CommandError("ERR client-id should be greater than 0")
            wanted.identifier = number
        elif word == b"TYPE":
            wanted.client_type = _client_type(value)
        elif word == b"ADDR":
            wanted.address = value
        elif word == b"LADDR":
            wanted.local_address = value
        elif word == b"USER":
            if value != DEFAULT_USER.encode():
                raise CommandError(f"ERR No such user '{shown(value)}'")
            wanted.user = value
        elif word == b"SKIPME":
            wanted.spares_caller = switch_argument(value, b"YES", b"NO")
        else:
            raise CommandError(SYNTAX)
    return wanted


@command(
    "KILL", container="client", arity=-3, flags=CONTROL, group=Group.CONNECTION, since="2.4.0",
    summary="Closes the connections of clients.",
    complexity="O(N) where N is the number of client connections",
    categories=["@connection"],
    history=[
        ("2.8.12", "Filters by name and value."),
        ("2.8.12", "The filter `ID`."),
        ("3.2.0", "The type `master`."),
        ("5.0.0", "The type `replica`, another name of `slave`."),
        ("6.2.0", "The filter `LADDR`."),
    ],
    arguments=[
        Argument("filter", "oneof", arguments=(
            Argument("ip:port", deprecated_since="2.8.12"),
            Argument("new-format", "oneof", multiple=True, arguments=(
                Argument("client-id", "integer", token="ID", since="2.8.12", optional=True),
                Argument("normal_master_slave_pubsub", "oneof", token="TYPE", since="2.8.12",
                         optional=True, arguments=(
                    Argument("normal", "pure-token", token="NORMAL"),
                    Argument("master", "pure-token", token="MASTER", since="3.2.0"),
                    Argument("slave", "pure-token", token="SLAVE"),
                    Argument("replica", "pure-token", token="REPLICA", since="5.0.0"),
                    Argument("pubsub", "pure-token", token="PUBSUB"),
                )),
                Argument("username", token="USER", optional=True),
                Argument("ip:port", token="ADDR", optional=True),
                Argument("ip:port", token="LADDR", since="6.2.0", optional=True),
                Argument("yes/no", token="SKIPME", optional=True),
            )),
        )),
    ],
)  # fmt: skip
def client_kill(context: Context, arguments: list[bytes]) -> Reply:
    """CLIENT KILL address | filter value [filter value ...]; the caller's reply is still sent."""
    is_old_form = len(arguments) == 3
    if is_old_form:
        wanted = KillFilter(address=arguments[2], spares_caller=False)
    else:
        wanted = _kill_filter(arguments)
    caller = context.session
    victims = [session for session in context.server.sessions() if wanted.fits(session, caller)]
    for session in victims:
        context.server.close_session(session)
    if not is_old_form:
        return integer(len(victims))
    if not victims:
        raise CommandError("ERR No such client")
    return OK


@command(
    "PAUSE", container="client", arity=-3, flags=CONTROL, group=Group.CONNECTION,
    since="2.9.50", summary="Holds the commands of all clients for some time.",
    complexity="O(1)", categories=["@connection"],
    history=[("6.2.0", "The mode `WRITE`, which holds writes only, and the option `mode`.")],
    arguments=[
        Argument("timeout", "integer"),
        Argument("mode", "oneof", since="6.2.0", optional=True, arguments=(
            Argument("write", "pure-token", token="WRITE"),
            Argument("all", "pure-token", token="ALL"),
        )),
    ],
)  # fmt: skip
def client_pause(context: Context, arguments: list[bytes]) -> Reply:
    """CLIENT PAUSE timeout [WRITE|ALL]."""
    writes_only = False
    if len(arguments) > 4:
        refuse_call("CLIENT", arguments)
    if len(arguments) > 3:
        word = arguments[3].upper()
        if word not in (b"WRITE", b"ALL"):
            raise CommandError("ERR CLIENT PAUSE mode must be WRITE or ALL")
        writes_only = word == b"WRITE"
    refusal = "ERR timeout is not an integer or out of range"
    timeout_ms = integer_argument(arguments[2], refusal)
    if timeout_ms < 0:
        raise CommandError("ERR timeout is negative")
    until_ms = min(context.now_ms + timeout_ms, INT64_MAX)
    context.server.pause(until_ms, writes_only=writes_only)
    return OK


@command(
    "UNPAUSE", container="client", arity=2, flags=CONTROL, group=Group.CONNECTION,
    since="6.2.0", summary="Ends a pause.",
    complexity="O(N) Where N is the number of paused clients", categories=["@connection"],
)  # fmt: skip
def client_unpause(context: Context, arguments: list[bytes]) -> Reply:
    """CLIENT UNPAUSE."""
    context.server.unpause()
    return OK


@command(
    "UNBLOCK", container="client", arity=-3, flags=CONTROL, group=Group.CONNECTION,
    since="5.0.0", summary="Ends the blocking command of another client.",
    complexity="O(log N) where N is the number of client connections",
    categories=["@connection"],
    arguments=[
        Argument("client-id", "integer"),
        Argument("timeout_error", "oneof", optional=True, arguments=(
            Argument("timeout", "pure-token", token="TIMEOUT"),
            Argument("error", "pure-token", token="ERROR"),
        )),
    ],
)  # fmt: skip
def client_unblock(context: Context, arguments: list[bytes]) -> Reply:
    """CLIENT UNBLOCK id [TIMEOUT|ERROR]: 0, there are no blocking commands to end yet."""
    if len(arguments) > 4:
        refuse_call("CLIENT", arguments)
    if len(arguments) > 3 and arguments[3].upper() not in (b"TIMEOUT", b"ERROR"):
        raise CommandError("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")
    integer_argument(arguments[2])
    return ZERO
