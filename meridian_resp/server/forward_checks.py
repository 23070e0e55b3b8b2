"""What another node may have executed here: commands on keys, and transactions of such.

Whoever hands requests on checks them too, but it may be of another version, or faulty, and what it
sends would run as a client that nobody asked for a password. A command about this node, or about
the connection, would besides change the wrong one: a proxy serves one client after the other. So
nothing is executed but what this module lets through; the rest is answered with an error.

`is_portable` is the rule for both sides. A transaction may hold some commands without keys, namely
those that mean the same everywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cluster.slots import SLOT_COUNT
from meridian_resp import errors
from meridian_resp.commands.consistency import LEVELS, parse_level
from meridian_resp.commands.registry import Flag, Group

if TYPE_CHECKING:
    from cluster.wire.messages import Forward
    from meridian_resp.commands.registry import CommandSpec, CommandTable

#: Commands without keys that mean the same on any node, as part of a transaction.
_HARMLESS: Final = frozenset(
    {"asking", "echo", "ping", "readonly", "readwrite", "select", "time", "unwatch", "wait"}
)
_PROTOCOLS: Final = (2, 3)


def not_for_others(name: str) -> str:
    """A command that is not executed for another node's client."""
    return f"ERR '{name}' is not executed for clients of other nodes"


def is_portable(spec: CommandSpec) -> bool:
    """Whether a command does the same on the node that leads its keys as where it arrived."""
    if not spec.keys:
        return spec.full_name in _HARMLESS
    return spec.group is not Group.TRANSACTIONS and not spec.flags & (Flag.ADMIN | Flag.PUBSUB)


class ForwardChecks:
    """Tells which requests of other nodes are executed.

    Args:
        table: the commands of this node, under the names that they have here.
    """

    def __init__(self, table: CommandTable) -> None:
        self._table = table
        #: Most requests are one command by one of these names: nothing else is asked of them.
        self._usual = frozenset(
            name.encode("latin-1")
            for lower, spec in table.by_name.items()
            if spec.keys and not spec.subcommands and is_portable(spec)
            for name in (lower, lower.upper())
        )

    def refusal(self, forward: Forward) -> str | None:
        """Why a request is not executed; None if it may be."""
        if not is_slot(forward.slot):
            return f"ERR There is no slot {forward.slot}"
        if forward.protocol not in _PROTOCOLS:
            return errors.NO_PROTOCOL
        if forward.level and forward.level not in LEVELS:
            return "ERR There is no such consistency level"
        commands = forward.commands
        if not all(commands):
            return "ERR A request without a command"
        if forward.is_transaction:
            refusals = (self._refusal_in_transaction(command) for command in commands)
            refusal = next((text for text in refusals if text is not None), None)
            return None if refusal is None else errors.exec_aborted(refusal)
        if len(commands) != 1:
            return "ERR A request is one command, or a transaction"
        if commands[0][0] in self._usual:
            return None
        return self._refusal_alone(commands[0])

    def _refusal_alone(self, arguments: list[bytes]) -> str | None:
        spec = self._find(arguments)
        if spec is None:
            return errors.unknown_command(arguments[0], arguments[1:])
        if spec.keys and is_portable(spec):
            return None
        return not_for_others(spec.full_name)

    def _refusal_in_transaction(self, given: list[bytes]) -> str | None:
        is_at_level = (
            len(given) > 2
            and given[0].lower() == b"consistency"
            and parse_level(given[1]) is not None
        )
        arguments = given[2:] if is_at_level else given
        spec = self._find(arguments)
        if spec is None:
            return errors.unknown_command(arguments[0], arguments[1:])
        return None if is_portable(spec) else not_for_others(spec.full_name)

    def _find(self, arguments: list[bytes]) -> CommandSpec | None:
        spec = self._table.find(arguments[0])
        if spec is None or not spec.subcommands or len(arguments) < 2:
            return spec
        return self._table.find_subcommand(spec, arguments[1])


def is_slot(number: int) -> bool:
    """Whether there is a slot of this number."""
    return 0 <= number < SLOT_COUNT
