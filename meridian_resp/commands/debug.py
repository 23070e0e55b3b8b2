"""DEBUG: what tests of servers and clients need, and nothing that crashes or leaks on purpose.

Off unless `enable-debug-command` allows it, as in Redis 7. SLEEP stops the whole server, because
that is what it is for.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Mapping
from typing import TYPE_CHECKING, Final

from meridian_resp.commands.arguments import shown
from meridian_resp.commands.dataset_digest import (
    EMPTY,
    database_digest,
    exclusive_or,
    joined,
    key_digest,
    with_value,
)
from meridian_resp.commands.debug_protocol import TYPES_ERROR, example_reply
from meridian_resp.commands.help_lines import help_reply, refuse_call
from meridian_resp.commands.outcomes import Later, Outcome, Slices
from meridian_resp.commands.registry import Flag, Group, command
from meridian_resp.config.choices import Permission
from meridian_resp.datatypes.scanning import walk_in_slices
from meridian_resp.datatypes.values import Entry, Kind
from meridian_resp.errors import NO_SUCH_KEY, NOT_IN_MULTI, CommandError
from meridian_resp.protocol.numbers import parse_double, parse_int64
from meridian_resp.protocol.replies import OK, Reply, array, error, simple

if TYPE_CHECKING:
    from meridian_resp.commands.context import Context
    from meridian_resp.datatypes.database import Database

logger = logging.getLogger(__name__)

NOT_ALLOWED: Final = (
    'ERR DEBUG command not allowed. If the enable-debug-command option is set to "local", you '
    "can run it from a local connection, otherwise you need to set this option in the "
    "configuration file, and then restart the server."
)
LOCAL_HOSTS: Final = ("127.0.0.1:", "[::1]:")
#: Longest string that Redis keeps in one allocation with its header, which it calls embstr.
EMBEDDED_BYTES_MAX: Final = 44

HELP = (
    ("DIGEST", "A signature of all data in hex, the same for the same data on any node."),
    ("DIGEST-VALUE <key> [<key> ...]", "Signatures of the values of keys in hex."),
    ("ERROR <string>", "Answer an error with this text, for tests of clients."),
    ("LOG <message>", "Write <message> to the server's log."),
    ("OBJECT <key>", "How the value of a key is represented."),
    (
        "PROTOCOL <type>",
        "Answer an example of a type of reply: string, integer, double, bignum, null, array,\n"
        "set, map, attrib, push, verbatim, true, false.",
    ),
    (
        "RELOAD",
        "Bring all data into tables and forget what is cached, so that all that is read from\n"
        "now on comes from disk.",
    ),
    (
        "SET-ACTIVE-EXPIRE <0|1>",
        "With 0, keys whose time is over stay until they are asked for.",
    ),
    ("SLEEP <seconds>", "Stop the whole server for so long. Decimals allowed."),
)


@command(
    "DEBUG", arity=-2, group=Group.SERVER, since="1.0.0",
    flags=(
        Flag.ADMIN | Flag.NOSCRIPT | Flag.LOADING | Flag.STALE | Flag.PROTECTED | Flag.LONG
    ),
    summary="Holds commands for tests.", complexity="Depends on subcommand.",
    documentation_flags=["syscmd"],
)  # fmt: skip
def debug(context: Context, arguments: list[bytes]) -> Outcome:
    """DEBUG word [argument ...]."""
    permission = context.settings.enable_debug_command
    is_local = context.session.is_unix or context.session.address.startswith(LOCAL_HOSTS)
    if permission is Permission.NO or (permission is Permission.LOCAL and not is_local):
        raise CommandError(NOT_ALLOWED)
    word = arguments[1].lower()
    least, most, handler = SUBCOMMANDS.get(word, (0, 0, None))
    if handler is None or not least <= len(arguments) <= most:
        refuse_call("DEBUG", arguments)
    return handler(context, arguments)


def _help(context: Context, arguments: list[bytes]) -> Outcome:
    return help_reply("DEBUG", HELP)


def _sleep(context: Context, arguments: list[bytes]) -> Outcome:
    # What is no number is 0, as in Redis.
    seconds = parse_double(arguments[2]) or 0.0
    if seconds > 0:
        time.sleep(seconds)
    return OK


def _error(context: Context, arguments: list[bytes]) -> Outcome:
    return error(shown(arguments[2]))


def _log(context: Context, arguments: list[bytes]) -> Outcome:
    logger.warning("DEBUG LOG: %s", arguments[2].decode("utf-8", "replace"))
    return OK


def _object(context: Context, arguments: list[bytes]) -> Outcome:
    key = arguments[2]
    live = context.database.get(key)
    if live is None:
        raise CommandError(NO_SUCH_KEY)
    value = live.value if isinstance(live, Entry) else live
    if isinstance(live, Entry) and live.kind != Kind.STRING:
        encoding = "raw"
    elif parse_int64(value) is not None:
        encoding = "int"
    else:
        encoding = "embstr" if len(value) <= EMBEDDED_BYTES_MAX else "raw"
    return simple(
        f"Value at:{id(value):#x} refcount:1 encoding:{encoding} serializedlength:{len(value)}"
    )


def _protocol(context: Context, arguments: list[bytes]) -> Outcome:
    reply = example_reply(shown(arguments[2]).lower(), context.session.protocol)
    if reply is None:
        raise CommandError(TYPES_ERROR)
    return reply[0]


def _set_active_expire(context: Context, arguments: list[bytes]) -> Outcome:
    context.server.set_active_expiry((parse_int64(arguments[2]) or 0) != 0)
    return OK


def _reload(context: Context, arguments: list[bytes]) -> Outcome:
    server, keyspace = context.server, context.keyspace
    if server.is_in_transaction:
        raise CommandError(NOT_IN_MULTI)

    async def reload() -> Reply:
        await server.flush_storage()
        for database in keyspace.databases:
            keyspace.garbage.extend(database.drop_cache())
        return OK

    return Later(reload)


def _digest_value(context: Context, arguments: list[bytes]) -> Outcome:
    replies = []
    for key in arguments[2:]:
        live = context.database.get(key)
        digest = EMPTY
        if live is not None:
            try:
                digest = with_value(EMPTY, live)
            except ValueError as refusal:
                raise CommandError(f"ERR {refusal}") from None
        replies.append(simple(digest.hex()))
    return array(replies)


def _digest(context: Context, arguments: list[bytes]) -> Outcome:
    return Slices(_digest_in_slices(context))


class _Signature:
    """Joined digests of the keys that a walk over a database meets."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.digest = EMPTY
        self.is_empty = True

    def visit(self, key: bytes, kind: int) -> None:
        """Take a key in. Raises ValueError: its value is no string."""
        live = self._database.get(key)
        if live is not None:
            self.digest = joined(self.digest, key_digest(key, live))
            self.is_empty = False


def _digest_in_slices(context: Context) -> Generator[None, None, Reply]:
    """All databases' keys, walked in slices; exact if nothing is written meanwhile."""
    digest = EMPTY
    for database in context.keyspace.databases:
        signature = _Signature(database)
        try:
            yield from walk_in_slices(database, signature.visit)
        except ValueError as refusal:
            raise CommandError(f"ERR {refusal}") from None
        if not signature.is_empty:
            digest = exclusive_or(database_digest(digest, database.index), signature.digest)
    return simple(digest.hex())


Subcommand = Callable[["Context", list[bytes]], Outcome]

#: Least and greatest number of arguments, DEBUG and the word included, and what runs it.
SUBCOMMANDS: Final[Mapping[bytes, tuple[int, int, Subcommand]]] = {
    b"digest": (2, 2, _digest),
    b"digest-value": (2, 1 << 20, _digest_value),
    b"error": (3, 3, _error),
    b"help": (2, 2, _help),
    b"log": (3, 3, _log),
    b"object": (3, 3, _object),
    b"protocol": (3, 3, _protocol),
    b"reload": (2, 2, _reload),
    b"set-active-expire": (3, 3, _set_active_expire),
    b"sleep": (3, 3, _sleep),
}
