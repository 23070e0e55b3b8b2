"""CLIENT, first half: what a client asks and says about its own connection.

Listing, killing, pausing and unblocking other clients is in `client_control.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meridian_resp.commands.arguments import shown
from meridian_resp.commands.client_lines import client_line
from meridian_resp.commands.client_names import NAME_REFUSED, check_client_attribute
from meridian_resp.commands.help_lines import help_reply, refuse_subcommand
from meridian_resp.commands.registry import Argument, Flag, Group, command
from meridian_resp.commands.switch_words import switch_argument
from meridian_resp.errors import SYNTAX, CommandError
from meridian_resp.protocol.replies import (
    EMPTY_ARRAY,
    MINUS_ONE,
    OK,
    Map,
    Reply,
    SetReply,
    Verbatim,
    bulk,
    integer,
    text,
)
from meridian_resp.protocol.reply_mode import ReplyMode

if TYPE_CHECKING:
    from meridian_resp.commands.context import Context

OWN = Flag.NOSCRIPT | Flag.LOADING | Flag.STALE

CACHING_REFUSED = (
    "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or "
    "OPTOUT mode enabled"
)
TRACKING_REFUSED = "ERR client tracking is not supported by this version of Meridian"

HELP = (
    ("CACHING (YES|NO)", "Say whether the next command's keys are tracked (OPTIN, OPTOUT)."),
    ("GETREDIR", "Id of the client that tracking messages go to, -1 when tracking is off."),
    ("GETNAME", "Name of this connection."),
    ("ID", "Id of this connection."),
    ("INFO", "Properties of this connection."),
    ("KILL <ip:port>", "Close the connection made from <ip:port>."),
    (
        "KILL <option> <value> [<option> <value> [...]]",
        "Close all connections that fit every option:\n"
        "* ID <id>, USER <name>\n"
        "* ADDR (<ip:port>|<unixsocket>:0), LADDR the same of this end\n"
        "* TYPE (NORMAL|MASTER|REPLICA|PUBSUB)\n"
        "* SKIPME (YES|NO), spare this connection (default: yes)",
    ),
    (
        "LIST [TYPE (NORMAL|MASTER|REPLICA|PUBSUB)|ID <id> [<id> ...]]",
        "Properties of all connections, or of those of a type, or of some ids.",
    ),
    ("UNPAUSE", "End a pause."),
    ("PAUSE <timeout> [WRITE|ALL]", "Hold all commands, or writes, for <timeout> milliseconds."),
    ("REPLY (ON|OFF|SKIP)", "Say whether commands of this connection are answered."),
    ("SETINFO (LIB-NAME|LIB-VER) <value>", "Say which client library this is."),
    ("SETNAME <name>", "Name this connection."),
    ("UNBLOCK <clientid> [TIMEOUT|ERROR]", "End the blocking command of a client."),
    (
        "TRACKING (ON|OFF) [REDIRECT <id>] [BCAST] [PREFIX <prefix> [...]]\n"
        "         [OPTIN] [OPTOUT] [NOLOOP]",
        "Switch client-side caching on or off.",
    ),
    ("TRACKINGINFO", "State of client-side caching for this connection."),
    ("NO-EVICT (ON|OFF)", "Spare this connection when clients are evicted."),
)


@command(
    "CLIENT", arity=-2, group=Group.CONNECTION, since="2.4.0",
    summary="Holds the commands about client connections.",
    complexity="Depends on subcommand.",
)  # fmt: skip
def client(context: Context, arguments: list[bytes]) -> Reply:
    """CLIENT without one of its sub-commands."""
    refuse_subcommand("CLIENT", arguments)


@command(
    "ID", container="client", arity=2, flags=OWN, group=Group.CONNECTION, since="5.0.0",
    summary="Id of this connection.", complexity="O(1)", categories=["@connection"],
)  # fmt: skip
def client_id(context: Context, arguments: list[bytes]) -> Reply:
    """CLIENT ID."""
    return integer(context.session.identifier)


@command(
    "INFO", container="client", arity=2, flags=OWN, group=Group.CONNECTION, since="6.2.0",
    summary="Properties of this connection.", complexity="O(1)", categories=["@connection"],
    tips=["nondeterministic_output"],
)  # fmt: skip
def client_info(context: Context, arguments: list[bytes]) -> Reply:
    """CLIENT INFO."""
    line = client_line(context.session, context.server.monotonic(), running="client|info")
    return Verbatim(line.encode("utf-8", "surrogateescape") + b"\n")


@command(
    "GETNAME", container="client", arity=2, flags=OWN, group=Group.CONNECTION, since="2.6.9",
    summary="Name of this connection.", complexity="O(1)", categories=["@connection"],
)  # fmt: skip
def client_getname(context: Context, arguments: list[bytes]) -> Reply:
    """CLIENT GETNAME."""
    name = context.session.name
    return bulk(name) if name else None


@command(
    "SETNAME", container="client", arity=3, flags=OWN, group=Group.CONNECTION, since="2.6.9",
    summary="Names this connection.", complexity="O(1)", categories=["@connection"],
    arguments=[Argument("connection-name")],
)  # fmt: skip
def client_setname(context: Context, arguments: list[bytes]) -> Reply:
    """CLIENT SETNAME name; an empty name takes the name away."""
    check_client_attribute(arguments[2], NAME_REFUSED)
    context.session.name = arguments[2]
    return OK


@command(
    "SETINFO", container="client", arity=4, flags=OWN, group=Group.CONNECTION, since="7.2.0",
    summary="Says which client library this connection belongs to.", complexity="O(1)",
    categories=["@connection"],
    tips=["request_policy:all_nodes", "response_policy:all_succeeded"],
    arguments=[
        Argument("attr", "oneof", arguments=(
            Argument("libname", token="LIB-NAME"), Argument("libver", token="LIB-VER"),
        )),
    ],
)  # fmt: skip
def client_setinfo(context: Context, arguments: list[bytes]) -> Reply:
    """CLIENT SETINFO LIB-NAME|LIB-VER value, as in Redis 7.2, because all libraries send it."""
    option, value = arguments[2], arguments[3]
    word = option.upper()
    if word not in (b"LIB-NAME", b"LIB-VER"):
        raise CommandError(f"ERR Unrecognized option '{shown(option)}'")
    check_client_attribute(
        value, f"ERR {shown(option)} cannot contain spaces, newlines or special characters."
    )
    if word == b"LIB-NAME":
        context.session.library_name = value
    else:
        context.session.library_version = value
    return OK


@command(
    "REPLY", container="client", arity=3, flags=OWN, group=Group.CONNECTION, since="3.2.0",
    summary="Says whether commands of this connection are answered.", complexity="O(1)",
    categories=["@connection"],
    arguments=[
        Argument("on_off_skip", "oneof", arguments=(
            Argument("on", "pure-token", token="ON"),
            Argument("off", "pure-token", token="OFF"),
            Argument("skip", "pure-token", token="SKIP"),
        )),
    ],
)  # fmt: skip
def client_reply(context: Context, arguments: list[bytes]) -> Reply:
    """CLIENT REPLY ON|OFF|SKIP; dispatch drops the answers of OFF and SKIP themselves."""
    session = context.session
    word = arguments[2].upper()
    if word == b"ON":
        session.reply_mode = ReplyMode.ON
    elif word == b"OFF":
        session.reply_mode = ReplyMode.OFF
    elif word != b"SKIP":
        raise CommandError(SYNTAX)
    elif session.reply_mode is not ReplyMode.OFF:
        session.reply_mode = ReplyMode.SKIP_NEXT
    context.server.change_state(session)
    return OK


@command(
    "NO-EVICT", container="client", arity=3, flags=OWN | Flag.ADMIN, group=Group.CONNECTION,
    since="7.0.0", summary="Spares this connection when clients are evicted.",
    complexity="O(1)", categories=["@connection"],
    arguments=[
        Argument("enabled", "oneof", arguments=(
            Argument("on", "pure-token", token="ON"),
            Argument("off", "pure-token", token="OFF"),
        )),
    ],
)  # fmt: skip
def client_no_evict(context: Context, arguments: list[bytes]) -> Reply:
    """CLIENT NO-EVICT ON|OFF."""
    context.session.is_no_evict = switch_argument(arguments[2], b"ON", b"OFF")
    return OK


@command(
    "CACHING", container="client", arity=3, flags=OWN, group=Group.CONNECTION, since="6.0.0",
    summary="Says whether the next command's keys are tracked.", complexity="O(1)",
    categories=["@connection"],
    arguments=[
        Argument("mode", "oneof", arguments=(
            Argument("yes", "pure-token", token="YES"),
            Argument("no", "pure-token", token="NO"),
        )),
    ],
)  # fmt: skip
def client_caching(context: Context, arguments: list[bytes]) -> Reply:
    """CLIENT CACHING YES|NO; refused, because no client is in tracking mode."""
    raise CommandError(CACHING_REFUSED)


@command(
    "TRACKING", container="client", arity=-3, flags=OWN, group=Group.CONNECTION, since="6.0.0",
    summary="Switches client-side caching on or off.",
    complexity="O(1). Some options may introduce additional complexity.",
    categories=["@connection"],
    arguments=[
        Argument("status", "oneof", arguments=(
            Argument("on", "pure-token", token="ON"),
            Argument("off", "pure-token", token="OFF"),
        )),
        Argument("client-id", "integer", token="REDIRECT", optional=True),
        Argument("prefix", token="PREFIX", optional=True, multiple=True, multiple_token=True),
        Argument("bcast", "pure-token", token="BCAST", optional=True),
        Argument("optin", "pure-token", token="OPTIN", optional=True),
        Argument("optout", "pure-token", token="OPTOUT", optional=True),
        Argument("noloop", "pure-token", token="NOLOOP", optional=True),
    ],
)  # fmt: skip
def client_tracking(context: Context, arguments: list[bytes]) -> Reply:
    """CLIENT TRACKING ON|OFF ...; it is always off, so ON is refused."""
    if switch_argument(arguments[2], b"ON", b"OFF"):
        raise CommandError(TRACKING_REFUSED)
    return OK


@command(
    "TRACKINGINFO", container="client", arity=2, flags=OWN, group=Group.CONNECTION,
    since="6.2.0", summary="State of client-side caching for this connection.",
    complexity="O(1)", categories=["@connection"],
)  # fmt: skip
def client_trackinginfo(context: Context, arguments: list[bytes]) -> Reply:
    """CLIENT TRACKINGINFO."""
    return Map([
        (text("flags"), SetReply([text("off")])),
        (text("redirect"), MINUS_ONE),
        (text("prefixes"), EMPTY_ARRAY),
    ])  # fmt: skip


@command(
    "GETREDIR", container="client", arity=2, flags=OWN, group=Group.CONNECTION, since="6.0.0",
    summary="Id of the client that tracking messages go to.", complexity="O(1)",
    categories=["@connection"],
)  # fmt: skip
def client_getredir(context: Context, arguments: list[bytes]) -> Reply:
    """CLIENT GETREDIR: -1, tracking is off."""
    return MINUS_ONE


@command(
    "HELP", container="client", arity=2, flags=Flag.LOADING | Flag.STALE,
    group=Group.CONNECTION, since="5.0.0", summary="Lists the sub-commands.",
    complexity="O(1)", categories=["@connection"],
)  # fmt: skip
def client_help(context: Context, arguments: list[bytes]) -> Reply:
    """CLIENT HELP."""
    return help_reply("CLIENT", HELP)
