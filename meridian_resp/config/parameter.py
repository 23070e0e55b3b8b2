"""What one parameter is, and the functions that write rows of the table.

The table is a chain of attrs classes (see `parameters.py`): a row is an annotated attribute, so
`settings.port` is a plain `int` for the type checker and one slot load at run time, and its
metadata is the `Parameter` from which the command line, the files, CONFIG GET/SET/REWRITE and the
reference page come. The functions here return the type of the value although they give an
`attrs.field`; that is how a row keeps its type.
"""

from __future__ import annotations

import enum
from typing import Any, TypeVar

import attrs

from meridian_resp.config import redis_values, values

Value = TypeVar("Value")
Member = TypeVar("Member", bound=enum.StrEnum)

METADATA_KEY = "parameter"


class Change(enum.Enum):
    """When CONFIG SET may change a parameter."""

    #: Only at start: CONFIG SET is refused.
    NEVER = "at start only"
    #: Who uses the value reads it from the settings each time, so a change holds at once.
    LIVE = "at run time"
    #: A component keeps a copy and has to take the change over. Refused like NEVER until one has
    #: registered with `Settings.on_change`, so CONFIG SET never answers OK to nothing.
    HOOK = "at run time, taken over by its component"


class Section(enum.Enum):
    """Groups of `--help` and of the reference page, in this order; the value is the title."""

    NETWORK = "Network"
    SECURITY = "Security"
    LIMITS = "Limits"
    REACTOR = "Turns and ticks"
    DURABILITY = "Data directory and durability"
    STORAGE = "Storage engine"
    MEMORY = "Memory and eviction"
    CONSISTENCY = "Consistency"
    CLUSTER = "Cluster"
    BACKGROUND = "Expiry and background work"
    OBSERVABILITY = "Log, slow log and events"
    ENCODINGS = "Encodings"


@attrs.frozen(kw_only=True, eq=False)
class Parameter:
    """A row of the table without its place on the settings.

    Attributes:
        name: as in redis.conf, on the command line and for CONFIG; with `-`.
        attribute: its name on `Settings`, with its unit; filled in by the table.
        aliases: other names that CONFIG, files and the command line take.
        default: the value when nobody gives one.
        redis_default: the default of a server started from a redis.conf, where it differs.
        unit: of a plain number, for people (`MB`, `s`, `us`); empty where the type says it.
        no_effect: why the parameter is kept although it changes nothing; empty when it does.
        ignored: values (as written by `format`) that files and the command line may hold but that
            are not taken over, each with the explanation that the start-up warning gives.
        visible: does CONFIG GET show it, and may CONFIG SET name it?
    """

    name: str
    attribute: str = ""
    aliases: tuple[str, ...]
    section: Section
    type: values.ValueType[Any]
    default: Any
    redis_default: Any
    unit: str
    change: Change
    text: str
    no_effect: str
    ignored: dict[str, str]
    visible: bool

    @property
    def toml_key(self) -> str:
        """The name in a TOML file."""
        return self.name.replace("-", "_")

    @property
    def names(self) -> tuple[str, ...]:
        """The name and its aliases."""
        return (self.name, *self.aliases)

    def initial(self, *, from_redis_conf: bool) -> object:
        """The value when nobody gives one, which depends on the kind of file given."""
        return self.redis_default if from_redis_conf else self.default


def row(
    name: str,
    value_type: values.ValueType[Value],
    default: Value,
    section: Section,
    text: str,
    *,
    change: Change = Change.LIVE,
    redis_default: Value | None = None,
    aliases: tuple[str, ...] = (),
    unit: str = "",
    no_effect: str = "",
    ignored: dict[str, str] | None = None,
    visible: bool = True,
) -> Value:
    """Write a row of any type; the functions below are shorter for the usual types."""
    parameter = Parameter(
        name=name,
        aliases=aliases,
        section=section,
        type=value_type,
        default=default,
        redis_default=default if redis_default is None else redis_default,
        unit=unit,
        change=change,
        text=text,
        no_effect=no_effect,
        ignored=ignored or {},
        visible=visible,
    )
    field: Value = attrs.field(default=default, metadata={METADATA_KEY: parameter})
    return field


def integer(
    name: str,
    default: int,
    minimum: int,
    maximum: int,
    section: Section,
    text: str,
    *,
    change: Change = Change.LIVE,
    redis_default: int | None = None,
    aliases: tuple[str, ...] = (),
    unit: str = "",
    no_effect: str = "",
    clamp: tuple[int, int] | None = None,
) -> int:
    """Write a row of a whole number."""
    return row(
        name, values.IntegerType(minimum, maximum, clamp=clamp), default, section, text,
        change=change, redis_default=redis_default, aliases=aliases, unit=unit,
        no_effect=no_effect,
    )  # fmt: skip


def memory(
    name: str,
    default: int,
    minimum: int,
    section: Section,
    text: str,
    *,
    maximum: int = values.INT64_MAX,
    change: Change = Change.LIVE,
    redis_default: int | None = None,
    no_effect: str = "",
) -> int:
    """Write a row of a size in bytes."""
    return row(
        name, values.MemoryType(minimum, maximum), default, section, text,
        change=change, redis_default=redis_default, no_effect=no_effect,
    )  # fmt: skip


def switch(
    name: str,
    default: bool,
    section: Section,
    text: str,
    *,
    change: Change = Change.LIVE,
    aliases: tuple[str, ...] = (),
    no_effect: str = "",
    ignored: dict[str, str] | None = None,
) -> bool:
    """Write a row of yes or no."""
    return row(
        name, values.SwitchType(), default, section, text,
        change=change, aliases=aliases, no_effect=no_effect, ignored=ignored,
    )  # fmt: skip


def choice(
    name: str,
    default: Member,
    section: Section,
    text: str,
    *,
    change: Change = Change.LIVE,
    no_effect: str = "",
) -> Member:
    """Write a row of one word out of the members of the default's enumeration."""
    return row(
        name, values.ChoiceType(type(default)), default, section, text,
        change=change, no_effect=no_effect,
    )  # fmt: skip


def path(
    name: str, default: str, section: Section, text: str, *, change: Change = Change.NEVER
) -> str:
    """Write a row of a path; nobody resolves it before it is used."""
    return row(name, values.TextType("PATH"), default, section, text, change=change)


NO_BUFFER_LIMIT = redis_values.BufferLimit(0, 0, 0)
