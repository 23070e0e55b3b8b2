"""Commands about the client's own connection: PING, ECHO, AUTH, HELLO, SELECT, QUIT, RESET."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meridian_resp import REDIS_VERSION
from meridian_resp.commands.arguments import integer_argument, shown
from meridian_resp.commands.authentication import authenticate, forget_user
from meridian_resp.commands.client_names import NAME_REFUSED, check_client_attribute
from meridian_resp.commands.key_arguments import database_argument
from meridian_resp.commands.registry import Argument, Flag, Group, command
from meridian_resp.errors import (
    DB_INDEX,
    NO_PROTOCOL,
    SYNTAX,
    WRONG_PASSWORD,
    CommandError,
    not_in_clusters,
    wrong_arguments,
)
from meridian_resp.protocol.replies import (
    EMPTY_ARRAY,
    OK,
    PONG,
    Map,
    Reply,
    bulk,
    integer,
    simple,
    text,
)
from meridian_resp.protocol.reply_mode import ReplyMode

if TYPE_CHECKING:
    from meridian_resp.commands.context import Context

NO_PASSWORD_SET = (
    "ERR AUTH <password> called without any password configured for the default user. "
    "Are you sure your configuration is correct?"
)
HELLO_NEEDS_AUTH = (
    "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO "
    "AUTH <user> <pass> option can be used to authenticate the client and select the RESP "
    "protocol version at the same time"
)
HANDSHAKE = Flag.NOSCRIPT | Flag.LOADING | Flag.STALE | Flag.FAST | Flag.NO_AUTH | Flag.ALLOW_BUSY


@command(
    "PING", arity=-1, flags=Flag.FAST, group=Group.CONNECTION, since="1.0.0",
    summary="Answers PONG, or the message given.", complexity="O(1)",
    categories=["@connection"], arguments=[Argument("message", optional=True)],
    tips=["request_policy:all_shards", "response_policy:all_succeeded"],
)  # fmt: skip
def ping(context: Context, arguments: list[bytes]) -> Reply:
    """PING [message]."""
    if len(arguments) == 1:
        return PONG
    if len(arguments) > 2:
        raise CommandError(wrong_arguments("ping"))
    return bulk(arguments[1])


@command(
    "ECHO", arity=2, flags=Flag.LOADING | Flag.STALE | Flag.FAST, group=Group.CONNECTION,
    since="1.0.0", summary="Answers the message given.", complexity="O(1)",
    categories=["@connection"], arguments=[Argument("message")],
)  # fmt: skip
def echo(context: Context, arguments: list[bytes]) -> Reply:
    """ECHO message."""
    return bulk(arguments[1])


@command(
    "AUTH", arity=-2, flags=HANDSHAKE, group=Group.CONNECTION, since="1.0.0",
    summary="Says who the client is.",
    complexity="O(N) where N is the number of passwords of the user",
    categories=["@connection"],
    arguments=[Argument("username", optional=True, since="6.0.0"), Argument("password")],
    history=[("6.0.0", "A user name can be given before the password.")],
)  # fmt: skip
def auth(context: Context, arguments: list[bytes]) -> Reply:
    """AUTH [username] password."""
    if len(arguments) > 3:
        raise CommandError(SYNTAX)
    if len(arguments) == 2:
        if not context.settings.requirepass:
            raise CommandError(NO_PASSWORD_SET)
        user = b"default"
    else:
        user = arguments[1]
    if not authenticate(context, user, arguments[-1]):
        raise CommandError(WRONG_PASSWORD)
    context.server.change_state(context.session)
    return OK


@command(
    "HELLO", arity=-1, flags=HANDSHAKE, group=Group.CONNECTION, since="6.0.0",
    summary="Agrees on the protocol version; can authenticate and name the client too.",
    complexity="O(1)", categories=["@connection"],
    arguments=[
        Argument("arguments", "block", optional=True, arguments=(
            Argument("protover", "integer"),
            Argument("username_password", "block", token="AUTH", optional=True, arguments=(
                Argument("username"), Argument("password"),
            )),
            Argument("clientname", token="SETNAME", optional=True),
        )),
    ],
    history=[("6.2.0", "`protover` may be left out, which only reports what is agreed.")],
)  # fmt: skip
def hello(context: Context, arguments: list[bytes]) -> Reply:
    """HELLO [protover [AUTH username password] [SETNAME clientname]]."""
    session = context.session
    protocol = 0
    if len(arguments) > 1:
        refusal = "ERR Protocol version is not an integer or out of range"
        protocol = integer_argument(arguments[1], refusal)
        if protocol not in (2, 3):
            raise CommandError(NO_PROTOCOL)
    credentials, name = _hello_options(arguments)
    if credentials is not None and not authenticate(context, *credentials):
        raise CommandError(WRONG_PASSWORD)
    if not session.is_authenticated:
        raise CommandError(HELLO_NEEDS_AUTH)
    if name is not None:
        session.name = name
    if protocol:
        session.protocol = protocol
    context.server.change_state(session)
    return Map([
        (text("server"), text("redis")),
        (text("version"), text(REDIS_VERSION)),
        (text("proto"), integer(session.protocol)),
        (text("id"), integer(session.identifier)),
        (text("mode"), text("cluster" if context.settings.cluster_enabled else "standalone")),
        (text("role"), text("master")),
        (text("modules"), EMPTY_ARRAY),
    ])  # fmt: skip


def _hello_options(
    arguments: list[bytes],
) -> tuple[tuple[bytes, bytes] | None, bytes | None]:
    """The credentials and the name among HELLO's options, None where not given."""
    credentials: tuple[bytes, bytes] | None = None
    name: bytes | None = None
    at = 2
    while at < len(arguments):
        word = arguments[at].upper()
        if word == b"AUTH" and at + 2 < len(arguments):
            credentials = (arguments[at + 1], arguments[at + 2])
            at += 3
        elif word == b"SETNAME" and at + 1 < len(arguments):
            name = arguments[at + 1]
            check_client_attribute(name, NAME_REFUSED)
            at += 2
        else:
            raise CommandError(f"ERR Syntax error in HELLO option '{shown(arguments[at])}'")
    return credentials, name


@command(
    "SELECT", arity=2, flags=Flag.LOADING | Flag.STALE | Flag.FAST, group=Group.CONNECTION,
    since="1.0.0", summary="Chooses the database of the following commands.", complexity="O(1)",
    categories=["@connection"], arguments=[Argument("index", "integer")],
)  # fmt: skip
def select(context: Context, arguments: list[bytes]) -> Reply:
    """SELECT index."""
    is_clustered = context.settings.cluster_enabled
    refusal = not_in_clusters("SELECT") if is_clustered else DB_INDEX
    database = database_argument(context, arguments[1], refusal)
    if is_clustered and database.index:
        raise CommandError(refusal)
    context.session.database = context.database = database
    return OK


@command(
    "QUIT", arity=-1, flags=HANDSHAKE, group=Group.CONNECTION, since="1.0.0",
    summary="Closes the connection after the replies before it.", complexity="O(1)",
    categories=["@connection"],
)  # fmt: skip
def quit_(context: Context, arguments: list[bytes]) -> Reply:
    """QUIT."""
    context.server.close_session(context.session)
    return OK


@command(
    "RESET", arity=1, flags=HANDSHAKE, group=Group.CONNECTION, since="6.2.0",
    summary="Makes the connection what it was when new.", complexity="O(1)",
    categories=["@connection"],
)  # fmt: skip
def reset(context: Context, arguments: list[bytes]) -> Reply:
    """RESET: no transaction, no WATCH, no name, database 0, protocol 2, replies on."""
    session = context.session
    session.queue = None
    session.queue_error = False
    context.keyspace.watches.forget(session)
    session.watch_dirty = False
    context.server.remove_monitor(session)
    session.database = context.keyspace.databases[0]
    session.protocol = 2
    session.name = b""
    session.consistency = ""
    session.reply_mode = ReplyMode.ON
    forget_user(session, context.settings)
    context.server.change_state(session)
    return simple("RESET")
