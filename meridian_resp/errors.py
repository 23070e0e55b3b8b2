"""Every error text that a client can be sent, in one place, in Redis' own words.

A handler raises `CommandError`; dispatch turns it into an error reply and drops the command's
effects. The text starts with the error code (`ERR`, `WRONGTYPE`, ...), as on the wire.
"""

from __future__ import annotations

from typing import Final


class CommandError(Exception):
    """An answer of the form `-CODE text`; the command changed nothing.

    Args:
        text: code and text, without the leading `-` and without a line break.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


WRONG_TYPE: Final = "WRONGTYPE Operation against a key holding the wrong kind of value"
SYNTAX: Final = "ERR syntax error"
NOT_INTEGER: Final = "ERR value is not an integer or out of range"
NOT_FLOAT: Final = "ERR value is not a valid float"
NO_SUCH_KEY: Final = "ERR no such key"
OVERFLOW: Final = "ERR increment or decrement would overflow"
OFFSET_RANGE: Final = "ERR offset is out of range"
STRING_TOO_LONG: Final = "ERR string exceeds maximum allowed size (proto-max-bulk-len)"
SAME_OBJECT: Final = "ERR source and destination objects are the same"
DB_INDEX: Final = "ERR DB index is out of range"
NO_AUTH: Final = "NOAUTH Authentication required."
WRONG_PASSWORD: Final = "WRONGPASS invalid username-password pair or user is disabled."
NO_PROTOCOL: Final = "NOPROTO unsupported protocol version"
EXEC_ABORT: Final = "EXECABORT Transaction discarded because of previous errors."
NESTED_MULTI: Final = "ERR MULTI calls can not be nested"
EXEC_WITHOUT_MULTI: Final = "ERR EXEC without MULTI"
DISCARD_WITHOUT_MULTI: Final = "ERR DISCARD without MULTI"
WATCH_IN_MULTI: Final = "ERR WATCH inside MULTI is not allowed"
NOT_IN_MULTI: Final = "ERR Command not allowed inside a transaction"

COPY_IN_CLUSTERS: Final = "ERR Copying to another database is not allowed in cluster mode"


def not_in_clusters(name: str) -> str:
    """A command about databases on a node of a cluster, which has one; `name` in upper case."""
    return f"ERR {name} is not allowed in cluster mode"


def exec_aborted(text: str) -> str:
    """EXEC itself was refused: its own error without the code, and the queue is discarded."""
    reason = text.removeprefix("ERR ")
    return f"EXECABORT Transaction discarded because of: {reason}"


def wrong_arguments(name: str) -> str:
    """Arity error; `name` in lower case, sub-commands as `config|get`."""
    return f"ERR wrong number of arguments for '{name}' command"


def as_c_string(given: bytes, bytes_max: int = 128) -> str:
    """What Redis' texts repeat of an argument: up to its first zero byte, and not too much."""
    return given[:bytes_max].partition(b"\0")[0].decode("utf-8", "surrogateescape")


def unknown_command(name: bytes, arguments: list[bytes]) -> str:
    """Unknown command with the beginning of its arguments, cut as Redis cuts them (128 bytes)."""
    shown = ""
    for argument in arguments:
        if len(shown) >= 128:
            break
        shown += f"'{as_c_string(argument, 128 - len(shown))}' "
    called = as_c_string(name)
    return f"ERR unknown command '{called}', with args beginning with: {shown}"


def unknown_subcommand(name: str, given: bytes) -> str:
    """Unknown sub-command of a container; `name` is the container in upper case."""
    return f"ERR unknown subcommand '{as_c_string(given)}'. Try {name} HELP."


def invalid_expire(name: str) -> str:
    """An expiry that is not positive or overflows; `name` in lower case."""
    return f"ERR invalid expire time in '{name}' command"


def writes_refused(reason: str) -> str:
    """Writes are refused because the log can't take them; reads go on."""
    return (
        "MISCONF Meridian is configured to save its log to disk, but can't write to it now: "
        f"{reason}. Commands that may modify the data set are refused until it can; reads go on."
    )


def key_too_long(given_bytes: int, bytes_max: int) -> str:
    """A key above `key-size-max-bytes`."""
    return (
        f"ERR key is too long: {given_bytes} bytes given, at most {bytes_max} allowed "
        "(option key-size-max-bytes)"
    )


def value_too_long(given_bytes: int, bytes_max: int) -> str:
    """A value above `value-size-max-bytes`."""
    return (
        f"ERR value is too long: {given_bytes} bytes given, at most {bytes_max} allowed "
        "(option value-size-max-bytes)"
    )
