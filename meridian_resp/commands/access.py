"""ACL, as far as there is one user: what may be asked about `default` and about categories.

Making and changing users is not declared, so it is refused by name.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from meridian_resp.commands.arguments import shown
from meridian_resp.commands.authentication import DEFAULT_USER
from meridian_resp.commands.help_lines import help_reply, refuse_call, refuse_subcommand
from meridian_resp.commands.registry import CATEGORY_ORDER, Argument, Flag, Group, command
from meridian_resp.errors import CommandError
from meridian_resp.protocol.replies import EMPTY_ARRAY, Map, Reply, SetReply, array, bulks, text

if TYPE_CHECKING:
    from meridian_resp.commands.context import Context

EVERYBODY = Flag.NOSCRIPT | Flag.LOADING | Flag.STALE
USERS_COST = "O(N). Where N is the number of configured users."

HELP = (
    (
        "CAT [<category>]",
        "Names of all categories, or of the commands in one.",
    ),
    ("GETUSER <username>", "What a user may do."),
    ("LIST", "All users in the form of an ACL file."),
    ("USERS", "Names of all users."),
    ("WHOAMI", "Name of this connection's user."),
)


def _passwords(context: Context) -> list[str]:
    """SHA-256 of each password of the default user, in hex."""
    password = context.settings.requirepass
    return [hashlib.sha256(password).hexdigest()] if password else []


@command(
    "ACL", arity=-2, group=Group.SERVER, since="6.0.0",
    summary="Holds the commands about access control.", complexity="Depends on subcommand.",
)  # fmt: skip
def acl(context: Context, arguments: list[bytes]) -> Reply:
    """ACL without one of its sub-commands."""
    refuse_subcommand("ACL", arguments)


@command(
    "WHOAMI", container="acl", arity=2, flags=EVERYBODY, group=Group.SERVER, since="6.0.0",
    summary="Name of this connection's user.", complexity="O(1)",
)  # fmt: skip
def acl_whoami(context: Context, arguments: list[bytes]) -> Reply:
    """ACL WHOAMI."""
    return text(context.session.user)


@command(
    "USERS", container="acl", arity=2, flags=EVERYBODY | Flag.ADMIN, group=Group.SERVER,
    since="6.0.0", summary="Names of all users.", complexity=USERS_COST,
)  # fmt: skip
def acl_users(context: Context, arguments: list[bytes]) -> Reply:
    """ACL USERS."""
    return array([text(DEFAULT_USER)])


@command(
    "LIST", container="acl", arity=2, flags=EVERYBODY | Flag.ADMIN, group=Group.SERVER,
    since="6.0.0", summary="All users in the form of an ACL file.", complexity=USERS_COST,
)  # fmt: skip
def acl_list(context: Context, arguments: list[bytes]) -> Reply:
    """ACL LIST."""
    secrets = " ".join([f"#{digest}" for digest in _passwords(context)]) or "nopass"
    return array([text(f"user {DEFAULT_USER} on {secrets} ~* &* +@all")])


@command(
    "GETUSER", container="acl", arity=3, flags=EVERYBODY | Flag.ADMIN, group=Group.SERVER,
    since="6.0.0", summary="What a user may do.",
    complexity="O(N). Where N is the number of password, command and pattern rules that the "
               "user has.",
    history=[
        ("6.2.0", "Patterns of channels."),
        ("7.0.0", "Selectors; patterns are given as one text instead of a list."),
    ],
    arguments=[Argument("username")],
)  # fmt: skip
def acl_getuser(context: Context, arguments: list[bytes]) -> Reply:
    """ACL GETUSER username; null for a user that does not exist."""
    if arguments[2] != DEFAULT_USER.encode():
        return None
    passwords = _passwords(context)
    flags = ["on"] if passwords else ["on", "nopass"]
    return Map([
        (text("flags"), SetReply([text(flag) for flag in flags])),
        (text("passwords"), array([text(digest) for digest in passwords])),
        (text("commands"), text("+@all")),
        (text("keys"), text("~*")),
        (text("channels"), text("&*")),
        (text("selectors"), EMPTY_ARRAY),
    ])  # fmt: skip


@command(
    "CAT", container="acl", arity=-2, flags=EVERYBODY, group=Group.SERVER, since="6.0.0",
    summary="Names of all categories, or of the commands in one.",
    complexity="O(1) since the categories and commands are a fixed set.",
    arguments=[Argument("categoryname", optional=True)],
)  # fmt: skip
def acl_cat(context: Context, arguments: list[bytes]) -> Reply:
    """ACL CAT [category]."""
    if len(arguments) > 3:
        refuse_call("ACL", arguments)
    if len(arguments) == 2:
        return bulks([name[1:].encode() for name in CATEGORY_ORDER])
    category = "@" + shown(arguments[2]).lower()
    if category not in CATEGORY_ORDER:
        raise CommandError(f"ERR Unknown category '{shown(arguments[2])}'")
    return bulks([
        spec.full_name.encode()
        for parent in context.commands.by_name.values()
        for spec in (parent, *parent.subcommands)
        if category in spec.categories
    ])  # fmt: skip


@command(
    "HELP", container="acl", arity=2, flags=Flag.LOADING | Flag.STALE, group=Group.SERVER,
    since="6.0.0", summary="Lists the sub-commands.", complexity="O(1)",
)  # fmt: skip
def acl_help(context: Context, arguments: list[bytes]) -> Reply:
    """ACL HELP."""
    return help_reply("ACL", HELP)
