"""One record per command: what it is called, what it takes, where its keys are, what runs it.

The `@command` decorator hangs a frozen `CommandSpec` on the handler; `build_table` in
`meridian_resp.commands` collects the specs of an explicit list of modules, so nothing depends on
the order of imports. From the spec come the arity check, COMMAND / COMMAND INFO / DOCS / GETKEYS,
ACL categories, key extraction for routing, MULTI rules and `docs/commands.md`.

Shapes follow Redis 7's `src/commands/*.json`; texts are our own.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import attrs

if TYPE_CHECKING:
    from meridian_resp.commands.context import Context
    from meridian_resp.commands.outcomes import Outcome

    Handler = Callable[[Context, list[bytes]], Outcome]


class Flag(enum.Flag):
    """Command flags; names in lower case are what COMMAND prints, in this order."""

    WRITE = enum.auto()
    READONLY = enum.auto()
    DENYOOM = enum.auto()
    MODULE = enum.auto()
    ADMIN = enum.auto()
    PUBSUB = enum.auto()
    NOSCRIPT = enum.auto()
    BLOCKING = enum.auto()
    LOADING = enum.auto()
    STALE = enum.auto()
    SKIP_MONITOR = enum.auto()
    SKIP_SLOWLOG = enum.auto()
    ASKING = enum.auto()
    FAST = enum.auto()
    NO_AUTH = enum.auto()
    MAY_REPLICATE = enum.auto()
    NO_MANDATORY_KEYS = enum.auto()
    PROTECTED = enum.auto()
    NO_ASYNC_LOADING = enum.auto()
    NO_MULTI = enum.auto()
    MOVABLEKEYS = enum.auto()
    ALLOW_BUSY = enum.auto()
    #: Not printed: reads storage in many steps or runs long, so it is always timed for SLOWLOG.
    LONG = enum.auto()


#: Flags that COMMAND does not print.
UNPRINTED: Final = Flag.LONG | Flag.PROTECTED


NO_FLAGS: Final = Flag(0)


class Group(enum.Enum):
    """Documentation group (COMMAND DOCS `group`)."""

    GENERIC = "generic"
    STRING = "string"
    LIST = "list"
    SET = "set"
    SORTED_SET = "sorted-set"
    HASH = "hash"
    STREAM = "stream"
    BITMAP = "bitmap"
    HYPERLOGLOG = "hyperloglog"
    GEO = "geo"
    PUBSUB = "pubsub"
    TRANSACTIONS = "transactions"
    CONNECTION = "connection"
    SERVER = "server"
    SCRIPTING = "scripting"
    CLUSTER = "cluster"


@attrs.frozen
class Keys:
    """One key specification: where keys begin and which arguments they are.

    `flags` are Redis' key-spec flags (`RW`, `RO`, `OW`, `RM`, `access`, `update`, ...).
    Begin: `first` is an argument index, or `keyword` a word to look for from `keyword_from`.
    Find: a range (`last` relative to the first key, negative from the end; `step`; `limit`), or,
    when `count_at` is set, a number of keys stored `count_at` arguments after the beginning and
    keys from `count_at + 1` on.
    """

    flags: tuple[str, ...]
    first: int = 1
    last: int = 0
    step: int = 1
    limit: int = 0
    keyword: str | None = None
    keyword_from: int = 0
    count_at: int | None = None
    notes: str | None = None


@attrs.frozen
class Argument:
    """One node of the argument tree that COMMAND DOCS prints.

    `type` is one of string, integer, double, key, pattern, unix-time, pure-token, oneof, block.
    """

    name: str
    type: str = "string"
    token: str | None = None
    optional: bool = False
    multiple: bool = False
    multiple_token: bool = False
    key_spec_index: int | None = None
    since: str | None = None
    deprecated_since: str | None = None
    arguments: tuple[Argument, ...] = ()


@attrs.frozen(eq=False)
class CommandSpec:
    """Everything declared about one command or sub-command.

    `arity` counts the name itself (and the sub-command); negative means "at least". `name` is
    lower case; a sub-command's `name` is its own word and `full_name` is `container|word`.
    `documentation_flags` (`deprecated`, `syscmd`), `deprecated_since` and `replaced_by` are what
    COMMAND DOCS says of commands that new programs should not use.
    """

    name: str
    arity: int
    flags: Flag
    group: Group
    since: str
    summary: str
    complexity: str
    handler: Handler = attrs.field(repr=False)
    keys: tuple[Keys, ...] = ()
    categories: tuple[str, ...] = ()
    arguments: tuple[Argument, ...] = ()
    history: tuple[tuple[str, str], ...] = ()
    tips: tuple[str, ...] = ()
    subcommands: tuple[CommandSpec, ...] = ()
    container: str | None = None
    documentation_flags: tuple[str, ...] = ()
    deprecated_since: str | None = None
    replaced_by: str | None = None

    @property
    def full_name(self) -> str:
        """`config|get` for a sub-command, the plain name otherwise."""
        return f"{self.container}|{self.name}" if self.container else self.name

    def accepts(self, count: int) -> bool:
        """Whether a call with `count` arguments, name included, fits the arity."""
        return count == self.arity if self.arity >= 0 else count >= -self.arity


def command(
    name: str,
    *,
    arity: int,
    flags: Flag = NO_FLAGS,
    group: Group,
    since: str,
    summary: str,
    complexity: str,
    keys: Sequence[Keys] = (),
    categories: Sequence[str] = (),
    arguments: Sequence[Argument] = (),
    history: Sequence[tuple[str, str]] = (),
    tips: Sequence[str] = (),
    container: str | None = None,
    documentation_flags: Sequence[str] = (),
    deprecated_since: str | None = None,
    replaced_by: str | None = None,
) -> Callable[[Handler], Handler]:
    """Declare a command (or, with `container`, a sub-command) implemented by the function below.

    `categories` are the ACL categories that do not follow from flags (`@keyspace`, `@string`,
    `@dangerous`, ...). A function may carry several declarations.
    """

    def declare(handler: Handler) -> Handler:
        spec = CommandSpec(
            name=name.lower(),
            arity=arity,
            flags=flags,
            group=group,
            since=since,
            summary=summary,
            complexity=complexity,
            handler=handler,
            keys=tuple(keys),
            categories=all_categories(flags, categories),
            arguments=tuple(arguments),
            history=tuple(history),
            tips=tuple(tips),
            container=container,
            documentation_flags=tuple(documentation_flags),
            deprecated_since=deprecated_since,
            replaced_by=replaced_by,
        )
        specs: list[CommandSpec] = getattr(handler, "command_specs", [])
        specs.append(spec)
        handler.command_specs = specs  # type: ignore[attr-defined] # the declared place for specs
        return handler

    return declare


#: ACL categories in the order in which Redis prints them.
CATEGORY_ORDER: Final = (
    "@keyspace", "@read", "@write", "@set", "@sortedset", "@list", "@hash", "@string",
    "@bitmap", "@hyperloglog", "@geo", "@stream", "@pubsub", "@admin", "@fast", "@slow",
    "@blocking", "@dangerous", "@connection", "@transaction", "@scripting",
)  # fmt: skip


def all_categories(flags: Flag, declared: Sequence[str]) -> tuple[str, ...]:
    """Declared ACL categories plus those that follow from flags, in Redis' order."""
    found = set(declared)
    if Flag.WRITE in flags:
        found.add("@write")
    if Flag.READONLY in flags and "@scripting" not in found:
        found.add("@read")
    if Flag.ADMIN in flags:
        found |= {"@admin", "@dangerous"}
    if Flag.PUBSUB in flags:
        found.add("@pubsub")
    if Flag.BLOCKING in flags:
        found.add("@blocking")
    found.add("@fast" if Flag.FAST in flags else "@slow")
    return tuple(name for name in CATEGORY_ORDER if name in found)


class CommandTable:
    """All commands by lower-case name, sub-commands inside their containers."""

    def __init__(self, specs: Sequence[CommandSpec]) -> None:
        inner: dict[str, list[CommandSpec]] = {}
        for spec in specs:
            if spec.container is not None:
                inner.setdefault(spec.container, []).append(spec)
        self.by_name: dict[str, CommandSpec] = {}
        for spec in specs:
            if spec.container is None:
                assert spec.name not in self.by_name, f"two records for {spec.name}"
                children = tuple(inner.pop(spec.name, ()))
                self.by_name[spec.name] = attrs.evolve(spec, subcommands=children)
        assert not inner, f"sub-commands without a container: {sorted(inner)}"

    def rename(self, old: bytes, new: bytes) -> None:
        """Let a command answer to another name only, or to none if `new` is empty.

        The record keeps its own name: it is what errors and statistics show, as in Redis.

        Raises:
            ValueError: there is no such command, or the new name is taken; says which.
        """
        name, wanted = old.decode("latin-1").lower(), new.decode("latin-1").lower()
        if name not in self.by_name:
            raise ValueError(f"no command is called {name}")
        if wanted in self.by_name:
            raise ValueError(f"{name} can't be called {wanted}: another command is")
        spec = self.by_name.pop(name)
        if wanted:
            self.by_name[wanted] = spec

    def find(self, name: bytes) -> CommandSpec | None:
        """The command of that name in any case, or None."""
        return self.by_name.get(name.decode("latin-1").lower())

    def find_subcommand(self, spec: CommandSpec, word: bytes) -> CommandSpec | None:
        """The sub-command of a container, in any case, or None."""
        wanted = word.decode("latin-1").lower()
        return next((child for child in spec.subcommands if child.name == wanted), None)
