"""Types of parameter values: parsing, formatting, bounds and how people are told about them.

One object of these classes belongs to one parameter. Text comes in as *arguments*: the words of a
redis.conf line after the name, of the command line after `--name`, or of CONFIG SET's value. Text
is `str`; bytes that are not UTF-8 are carried as surrogate escapes, so a password of any bytes
survives. What is not allowed raises `ValueRefusedError` with the wording of Redis 7.0, which is
the wording of CONFIG SET; the start-up message is built from `expectation()` instead, which names
the bounds.

Invariant, tested for every type: `parse(words of lines(v)) == v` and `format` is stable under it.
"""

from __future__ import annotations

import abc
import enum
import ipaddress
import re
from collections.abc import Sequence
from typing import Generic, TypeVar

from meridian_resp.config.errors import ValueRefusedError

Value = TypeVar("Value")
Member = TypeVar("Member", bound=enum.StrEnum)

#: What a TOML file can hold for a parameter.
TomlValue = bool | int | float | str | list[str] | list[int]

UINT64_MAX = 2**64 - 1
INT64_MAX = 2**63 - 1
INT32_MAX = 2**31 - 1

# Redis' string2ll: no sign but minus, no leading zeros, no spaces.
_INTEGER = re.compile(r"0|-?[1-9][0-9]*")
_MEMORY = re.compile(r"([0-9]+)([a-z]*)", re.IGNORECASE)
_MEMORY_UNITS = {
    "": 1, "b": 1,
    "k": 1000, "kb": 1024,
    "m": 1000**2, "mb": 1024**2,
    "g": 1000**3, "gb": 1024**3,
}  # fmt: skip
_HOST_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?")
_BIND_ADDRESSES_MAX = 16
_PLACEHOLDER_CHARACTERS_MAX = 60

#: Placeholder of a choice of many words; help lists them in the text then.
LONG_CHOICE = "WORD"


class ValueType(abc.ABC, Generic[Value]):
    """How the values of one parameter are written and read."""

    #: May the value have several words (Redis splits CONFIG SET's value at spaces then)?
    several: bool = False

    @abc.abstractmethod
    def parse(self, arguments: Sequence[str], current: Value) -> Value:
        """Read a value; `current` is what types merge with that can be set in parts.

        Raises:
            ValueRefusedError: not a value of this type.
        """

    @abc.abstractmethod
    def format(self, value: Value) -> str:
        """Write a value as CONFIG GET answers it."""

    @abc.abstractmethod
    def expectation(self) -> str:
        """Say what is allowed, to follow "must be": `a whole number from 0 to 65535`."""

    @abc.abstractmethod
    def placeholder(self) -> str:
        """Stand for the value in `--help`: `N`, `yes|no`."""

    def lines(self, value: Value) -> list[list[str]]:
        """Write a value as the arguments of one or more redis.conf lines."""
        return [[self.format(value)]]

    def outweighing_lines(self, value: Value) -> list[list[str]]:
        """Write a value as lines that hold whatever stood before them in the file."""
        return self.lines(value)

    def combine(self, earlier: Value, later: Value) -> Value:
        """Join the values of two lines of the same file; the later one wins by default."""
        del earlier
        return later

    def toml(self, value: Value) -> TomlValue:
        """Write a value as a TOML file holds it."""
        return self.format(value)


def single(arguments: Sequence[str]) -> str:
    """Return the only argument.

    Raises:
        ValueRefusedError: there is not exactly one.
    """
    if len(arguments) != 1:
        raise ValueRefusedError("wrong number of arguments")
    return arguments[0]


def parse_integer(text: str) -> int:
    """Read a signed 64-bit number as strictly as Redis does.

    Raises:
        ValueRefusedError: spaces, a plus sign, leading zeros, or out of 64 bits.
    """
    if _INTEGER.fullmatch(text) and -INT64_MAX - 1 <= (number := int(text)) <= INT64_MAX:
        return number
    raise ValueRefusedError("argument couldn't be parsed into an integer")


def parse_memory(text: str) -> int:
    """Read a number of bytes: `100`, `1k` (1000), `1kb` (1024), `1m`, `1mb`, `1g`, `1gb`.

    Raises:
        ValueRefusedError: another unit, a sign, a fraction, or more than 20 digits.
    """
    match = _MEMORY.fullmatch(text)
    factor = _MEMORY_UNITS.get(match[2].lower()) if match else None
    if match is None or factor is None or len(match[1]) > 20:
        raise ValueRefusedError("argument must be a memory value")
    return int(match[1]) * factor


def format_memory(size_bytes: int) -> str:
    """Write a number of bytes with the largest unit that divides it: `64mb`, `1000`."""
    for unit in ("gb", "mb", "kb"):
        if size_bytes and size_bytes % _MEMORY_UNITS[unit] == 0:
            return f"{size_bytes // _MEMORY_UNITS[unit]}{unit}"
    return str(size_bytes)


def check_bounds(number: int, minimum: int, maximum: int) -> int:
    """Return the number.

    Raises:
        ValueRefusedError: it is outside the bounds, which the text names.
    """
    if minimum <= number <= maximum:
        return number
    raise ValueRefusedError(f"argument must be between {minimum} and {maximum} inclusive")


class IntegerType(ValueType[int]):
    """A whole number with bounds; `clamp` is what Redis silently pulls a value into."""

    def __init__(
        self, minimum: int, maximum: int, *, clamp: tuple[int, int] | None = None
    ) -> None:
        self.minimum = minimum
        self.maximum = maximum
        self.clamp = clamp

    def parse(self, arguments: Sequence[str], current: int) -> int:
        number = check_bounds(parse_integer(single(arguments)), self.minimum, self.maximum)
        if self.clamp is not None:
            number = min(max(number, self.clamp[0]), self.clamp[1])
        return number

    def format(self, value: int) -> str:
        return str(value)

    def toml(self, value: int) -> TomlValue:
        return value

    def expectation(self) -> str:
        low, high = self.clamp or (self.minimum, self.maximum)
        return f"a whole number from {low} to {high}"

    def placeholder(self) -> str:
        return "N"


class OctalType(ValueType[int]):
    """Permissions of a file, in octal as chmod takes them."""

    maximum = 0o777

    def parse(self, arguments: Sequence[str], current: int) -> int:
        text = single(arguments)
        if not re.fullmatch("[0-7]{1,6}", text):
            raise ValueRefusedError("argument couldn't be parsed as an octal number")
        if int(text, 8) > self.maximum:
            raise ValueRefusedError("argument must be between 0 and 777 inclusive")
        return int(text, 8)

    def format(self, value: int) -> str:
        return f"{value:o}"

    def expectation(self) -> str:
        return "an octal number from 0 to 777"

    def placeholder(self) -> str:
        return "OCTAL"


class MemoryType(ValueType[int]):
    """A size in bytes, written with or without a unit."""

    def __init__(self, minimum: int, maximum: int) -> None:
        self.minimum = minimum
        self.maximum = maximum

    def parse(self, arguments: Sequence[str], current: int) -> int:
        return check_bounds(parse_memory(single(arguments)), self.minimum, self.maximum)

    def format(self, value: int) -> str:
        return str(value)

    def lines(self, value: int) -> list[list[str]]:
        return [[format_memory(value)]]

    def toml(self, value: int) -> TomlValue:
        return format_memory(value) if value >= 1024 and value % 1024 == 0 else value

    def expectation(self) -> str:
        low = format_memory(self.minimum)
        if self.maximum >= INT64_MAX:
            return f"a size such as 100, 64kb, 1mb or 2gb, at least {low}"
        return f"a size such as 100, 64kb or 1mb, from {low} to {format_memory(self.maximum)}"

    def placeholder(self) -> str:
        return "SIZE"


class SwitchType(ValueType[bool]):
    """Yes or no."""

    def parse(self, arguments: Sequence[str], current: bool) -> bool:
        word = single(arguments).lower()
        if word not in ("yes", "no"):
            raise ValueRefusedError("argument must be 'yes' or 'no'")
        return word == "yes"

    def format(self, value: bool) -> str:
        return "yes" if value else "no"

    def toml(self, value: bool) -> TomlValue:
        return value

    def expectation(self) -> str:
        return "yes or no"

    def placeholder(self) -> str:
        return "yes|no"


class ChoiceType(ValueType[Member]):
    """One word of a closed set, in any case."""

    def __init__(self, members: type[Member]) -> None:
        self.members = members
        self._by_word = {str(member).lower(): member for member in members}

    def parse(self, arguments: Sequence[str], current: Member) -> Member:
        member = self._by_word.get(single(arguments).lower())
        if member is None:
            words = ", ".join(self.members)
            raise ValueRefusedError(f"argument(s) must be one of the following: {words}")
        return member

    def format(self, value: Member) -> str:
        return str(value)

    def expectation(self) -> str:
        return "one of " + ", ".join(self.members)

    def placeholder(self) -> str:
        words = "|".join(self.members)
        return words if len(words) <= _PLACEHOLDER_CHARACTERS_MAX else LONG_CHOICE


class TextType(ValueType[str]):
    """Any text without a NUL; `what` names it in `--help`."""

    def __init__(self, what: str) -> None:
        self.what = what

    def parse(self, arguments: Sequence[str], current: str) -> str:
        text = single(arguments)
        if "\0" in text:
            raise ValueRefusedError("argument must not contain a NUL byte")
        return text

    def format(self, value: str) -> str:
        return value

    def expectation(self) -> str:
        return f"a {self.what.lower()}"

    def placeholder(self) -> str:
        return self.what


class SecretType(ValueType[bytes]):
    """Any bytes, kept as bytes because they are compared with what clients send."""

    def parse(self, arguments: Sequence[str], current: bytes) -> bytes:
        return single(arguments).encode("utf-8", "surrogateescape")

    def format(self, value: bytes) -> str:
        return value.decode("utf-8", "surrogateescape")

    def expectation(self) -> str:
        return "a text"

    def placeholder(self) -> str:
        return "TEXT"


class AddressesType(ValueType[tuple[str, ...]]):
    """Addresses to listen on: IPv4, IPv6 or host names, `*` and `::*` for all.

    A leading `-` means that the server starts without the address when it is not available.
    """

    several = True

    def parse(self, arguments: Sequence[str], current: tuple[str, ...]) -> tuple[str, ...]:
        words = tuple(word for word in arguments if word)
        if len(words) > _BIND_ADDRESSES_MAX:
            raise ValueRefusedError("Too many bind addresses specified.")
        for word in words:
            if not _is_address(word.removeprefix("-")):
                raise ValueRefusedError("Failed to bind to specified addresses.")
        return words

    def format(self, value: tuple[str, ...]) -> str:
        return " ".join(value)

    def lines(self, value: tuple[str, ...]) -> list[list[str]]:
        return [list(value) or [""]]

    def toml(self, value: tuple[str, ...]) -> TomlValue:
        return list(value)

    def expectation(self) -> str:
        return f"up to {_BIND_ADDRESSES_MAX} IP addresses or host names"

    def placeholder(self) -> str:
        return "ADDRESS..."


def _is_address(word: str) -> bool:
    """Could somebody bind to this? Numbers with dots must be a whole IPv4 address."""
    if word in ("*", "::*"):
        return True
    try:
        ipaddress.ip_address(word)
    except ValueError:
        digits_only = word.replace(".", "").isdigit()
        return not digits_only and _HOST_NAME.fullmatch(word) is not None
    return True


class IntegersType(ValueType[tuple[int, ...]]):
    """A short list of whole numbers with bounds; the last one stands for all that follow."""

    several = True

    def __init__(self, minimum: int, maximum: int, *, count_max: int) -> None:
        self.minimum = minimum
        self.maximum = maximum
        self.count_max = count_max

    def parse(self, arguments: Sequence[str], current: tuple[int, ...]) -> tuple[int, ...]:
        if not 1 <= len(arguments) <= self.count_max:
            raise ValueRefusedError("wrong number of arguments")
        return tuple(
            check_bounds(parse_integer(word), self.minimum, self.maximum) for word in arguments
        )

    def format(self, value: tuple[int, ...]) -> str:
        return " ".join(map(str, value))

    def lines(self, value: tuple[int, ...]) -> list[list[str]]:
        return [[str(number) for number in value]]

    def toml(self, value: tuple[int, ...]) -> TomlValue:
        return list(value)

    def expectation(self) -> str:
        return f"1 to {self.count_max} whole numbers, each from {self.minimum} to {self.maximum}"

    def placeholder(self) -> str:
        return "N..."
