"""How long a value may become: the one place where it is checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meridian_resp.errors import STRING_TOO_LONG, CommandError, value_too_long

if TYPE_CHECKING:
    from meridian_resp.commands.context import Context


def check_value(context: Context, value: bytes) -> None:
    """Refuse a value above `value-size-max-bytes`. Raises CommandError."""
    if len(value) > context.settings.value_size_max_bytes:
        raise CommandError(value_too_long(len(value), context.settings.value_size_max_bytes))


def check_grown_value(context: Context, length: int) -> None:
    """Refuse a string that a command would make `length` bytes long.

    Redis' own limit on such strings comes first, with Redis' text; then ours.

    Raises:
        CommandError: it would be too long.
    """
    if length > context.settings.proto_max_bulk_len_bytes:
        raise CommandError(STRING_TOO_LONG)
    if length > context.settings.value_size_max_bytes:
        raise CommandError(value_too_long(length, context.settings.value_size_max_bytes))
