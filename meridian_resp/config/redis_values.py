"""Value types whose form is Redis' own: save points, buffer limits, event classes, renames."""

from __future__ import annotations

import enum
from collections.abc import Sequence

import attrs

from meridian_resp.config.errors import ValueRefusedError
from meridian_resp.config.values import (
    UINT64_MAX,
    TomlValue,
    ValueType,
    format_memory,
    parse_integer,
    parse_memory,
)


@attrs.frozen
class SavePoint:
    """Redis' "a snapshot after `seconds` if at least `changes` keys changed"."""

    seconds: int
    changes: int


class SavePointsType(ValueType[tuple[SavePoint, ...]]):
    """Pairs of seconds and changes; the lines of a file add up, an empty text clears them."""

    several = True

    def parse(
        self, arguments: Sequence[str], current: tuple[SavePoint, ...]
    ) -> tuple[SavePoint, ...]:
        if list(arguments) == [""]:
            return ()
        if not arguments or len(arguments) % 2:
            raise ValueRefusedError("Invalid save parameters")
        return tuple(
            _save_point(seconds, changes)
            for seconds, changes in zip(arguments[::2], arguments[1::2], strict=True)
        )

    def combine(
        self, earlier: tuple[SavePoint, ...], later: tuple[SavePoint, ...]
    ) -> tuple[SavePoint, ...]:
        return earlier + later if later else ()

    def format(self, value: tuple[SavePoint, ...]) -> str:
        return " ".join(f"{point.seconds} {point.changes}" for point in value)

    def lines(self, value: tuple[SavePoint, ...]) -> list[list[str]]:
        return [[str(point.seconds), str(point.changes)] for point in value] or [[""]]

    def outweighing_lines(self, value: tuple[SavePoint, ...]) -> list[list[str]]:
        return [[""], *self.lines(value)]

    def toml(self, value: tuple[SavePoint, ...]) -> TomlValue:
        return [f"{point.seconds} {point.changes}" for point in value]

    def expectation(self) -> str:
        return 'pairs of seconds (at least 1) and changes (at least 0), or "" for none'

    def placeholder(self) -> str:
        return "SECONDS CHANGES..."


def _save_point(seconds_text: str, changes_text: str) -> SavePoint:
    try:
        seconds, changes = parse_integer(seconds_text), parse_integer(changes_text)
    except ValueRefusedError:
        raise ValueRefusedError("Invalid save parameters") from None
    if seconds < 1 or changes < 0:
        raise ValueRefusedError("Invalid save parameters")
    return SavePoint(seconds, changes)


@attrs.frozen
class BufferLimit:
    """What may wait unsent for one client; 0 means no limit.

    More than `hard_bytes` closes the connection at once, more than `soft_bytes` when it lasts
    longer than `soft_seconds`.
    """

    hard_bytes: int
    soft_bytes: int
    soft_seconds: int


@attrs.frozen
class BufferLimits:
    """The limits of the three classes of clients."""

    normal: BufferLimit
    replica: BufferLimit
    pubsub: BufferLimit


# Names of the class in Redis' answer (which still says slave) and in files.
_ANSWERED_CLASSES = (("normal", "normal"), ("slave", "replica"), ("pubsub", "pubsub"))
_CLASS_BY_WORD = {
    "normal": "normal", "slave": "replica", "replica": "replica", "pubsub": "pubsub",
}  # fmt: skip


class BufferLimitsType(ValueType[BufferLimits]):
    """`class hard soft seconds` once or several times; classes not named keep their limits."""

    several = True

    def parse(self, arguments: Sequence[str], current: BufferLimits) -> BufferLimits:
        if not arguments or len(arguments) % 4:
            raise ValueRefusedError("Wrong number of arguments in buffer limit configuration.")
        changed: dict[str, BufferLimit] = {}
        for at in range(0, len(arguments), 4):
            client_class = _CLASS_BY_WORD.get(arguments[at].lower())
            if client_class is None:
                raise ValueRefusedError(
                    "Invalid client class specified in buffer limit configuration."
                )
            changed[client_class] = _buffer_limit(*arguments[at + 1 : at + 4])
        return attrs.evolve(current, **changed)

    def format(self, value: BufferLimits) -> str:
        return " ".join(
            f"{word} {limit.hard_bytes} {limit.soft_bytes} {limit.soft_seconds}"
            for word, limit in self._limits(value, 0)
        )

    def lines(self, value: BufferLimits) -> list[list[str]]:
        return [
            [
                word,
                format_memory(limit.hard_bytes),
                format_memory(limit.soft_bytes),
                str(limit.soft_seconds),
            ]
            for word, limit in self._limits(value, 1)
        ]

    def toml(self, value: BufferLimits) -> TomlValue:
        return [" ".join(line) for line in self.lines(value)]

    def expectation(self) -> str:
        return (
            "a class (normal, replica or pubsub), a hard and a soft size and seconds,"
            " such as: pubsub 32mb 8mb 60"
        )

    def placeholder(self) -> str:
        return "CLASS HARD SOFT SECONDS..."

    @staticmethod
    def _limits(value: BufferLimits, column: int) -> list[tuple[str, BufferLimit]]:
        limits = (value.normal, value.replica, value.pubsub)
        names = (row[column] for row in _ANSWERED_CLASSES)
        return list(zip(names, limits, strict=True))


def _buffer_limit(hard: str, soft: str, seconds: str) -> BufferLimit:
    try:
        limit = BufferLimit(parse_memory(hard), parse_memory(soft), parse_integer(seconds))
    except ValueRefusedError:
        limit = None
    if limit is None or limit.soft_seconds < 0 or max(attrs.astuple(limit)) > UINT64_MAX:
        raise ValueRefusedError(
            "Error in hard, soft or soft_seconds setting in buffer limit configuration."
        )
    return limit


class KeyspaceEvents(enum.IntFlag):
    """Classes of keyspace notifications; the numbers are Redis'."""

    KEYSPACE = 1 << 0
    KEYEVENT = 1 << 1
    GENERIC = 1 << 2
    STRING = 1 << 3
    LIST = 1 << 4
    SET = 1 << 5
    HASH = 1 << 6
    SORTED_SET = 1 << 7
    EXPIRED = 1 << 8
    EVICTED = 1 << 9
    STREAM = 1 << 10
    KEY_MISS = 1 << 11
    MODULE = 1 << 13
    NEW = 1 << 14
    #: What `A` stands for: everything but misses and new keys.
    ALL = GENERIC | STRING | LIST | SET | HASH | SORTED_SET | EXPIRED | EVICTED | STREAM | MODULE


_EVENT_BY_LETTER = {
    "A": KeyspaceEvents.ALL, "g": KeyspaceEvents.GENERIC, "$": KeyspaceEvents.STRING,
    "l": KeyspaceEvents.LIST, "s": KeyspaceEvents.SET, "h": KeyspaceEvents.HASH,
    "z": KeyspaceEvents.SORTED_SET, "x": KeyspaceEvents.EXPIRED, "e": KeyspaceEvents.EVICTED,
    "K": KeyspaceEvents.KEYSPACE, "E": KeyspaceEvents.KEYEVENT, "t": KeyspaceEvents.STREAM,
    "m": KeyspaceEvents.KEY_MISS, "d": KeyspaceEvents.MODULE, "n": KeyspaceEvents.NEW,
}  # fmt: skip


class KeyspaceEventsType(ValueType[KeyspaceEvents]):
    """A text of class letters, such as `KEA`."""

    def parse(self, arguments: Sequence[str], current: KeyspaceEvents) -> KeyspaceEvents:
        if len(arguments) != 1:
            raise ValueRefusedError("wrong number of arguments")
        events = KeyspaceEvents(0)
        for letter in arguments[0]:
            event = _EVENT_BY_LETTER.get(letter)
            if event is None:
                raise ValueRefusedError("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")
            events |= event
        return events

    def format(self, value: KeyspaceEvents) -> str:
        if value & KeyspaceEvents.ALL == KeyspaceEvents.ALL:
            # Redis answers `A` for `An`: it writes n only beside the single classes.
            return "A" + self._letters("KEm", value)
        return self._letters("g$lshzxetdnKEm", value)

    def lines(self, value: KeyspaceEvents) -> list[list[str]]:
        # Unlike the answer a file must not lose the n.
        has_new = value & KeyspaceEvents.ALL == KeyspaceEvents.ALL and value & KeyspaceEvents.NEW
        return [[self.format(value) + ("n" if has_new else "")]]

    def toml(self, value: KeyspaceEvents) -> TomlValue:
        return self.lines(value)[0][0]

    @staticmethod
    def _letters(order: str, value: KeyspaceEvents) -> str:
        return "".join(letter for letter in order if value & _EVENT_BY_LETTER[letter])

    def expectation(self) -> str:
        return "letters out of Ag$lshzxeKEtmdn"

    def placeholder(self) -> str:
        return "LETTERS"


@attrs.frozen
class CommandRename:
    """A command that answers to another name, or to none when `new` is empty."""

    old: bytes
    new: bytes


class CommandRenamesType(ValueType[tuple[CommandRename, ...]]):
    """`OLD NEW` pairs; the lines of a file add up."""

    several = True

    def parse(
        self, arguments: Sequence[str], current: tuple[CommandRename, ...]
    ) -> tuple[CommandRename, ...]:
        if list(arguments) == [""]:
            return ()
        if not arguments or len(arguments) % 2 or "" in arguments[::2]:
            raise ValueRefusedError("wrong number of arguments")
        words = [word.encode("utf-8", "surrogateescape") for word in arguments]
        return tuple(map(CommandRename, words[::2], words[1::2]))

    def combine(
        self, earlier: tuple[CommandRename, ...], later: tuple[CommandRename, ...]
    ) -> tuple[CommandRename, ...]:
        return earlier + later

    def format(self, value: tuple[CommandRename, ...]) -> str:
        return " ".join(word for line in self.lines(value) for word in line)

    def lines(self, value: tuple[CommandRename, ...]) -> list[list[str]]:
        return [
            [word.decode("utf-8", "surrogateescape") for word in (rename.old, rename.new)]
            for rename in value
        ]

    def toml(self, value: tuple[CommandRename, ...]) -> TomlValue:
        return [word for line in self.lines(value) for word in line]

    def expectation(self) -> str:
        return 'the name of a command and its new name ("" takes the command away)'

    def placeholder(self) -> str:
        return "OLD NEW"
