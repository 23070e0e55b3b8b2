"""Value types of a cluster's options: endpoints of other nodes, roles, and decimal numbers."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from decimal import Decimal

from cluster.identity import parse_endpoint
from cluster.membership.facts import ALL_ROLES, TEXT_CHARACTERS_MAX, Role
from meridian_resp.config.errors import ValueRefusedError
from meridian_resp.config.values import TextType, TomlValue, ValueType, single

SEEDS_MAX = 64
#: Only to check the form of an endpoint; which port is meant is decided where it is used.
_ANY_PORT = 1
_DECIMAL = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
_HOST_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?")
_WORD = re.compile(r"[!-~]*")


class EndpointsType(ValueType[tuple[str, ...]]):
    """`host` or `host:port`, several with blanks or commas between them, kept as written."""

    several = True

    def parse(self, arguments: Sequence[str], current: tuple[str, ...]) -> tuple[str, ...]:
        words = tuple(word for given in arguments for word in given.split(",") if word)
        if len(words) > SEEDS_MAX:
            raise ValueRefusedError(f"at most {SEEDS_MAX} addresses can be given")
        for word in words:
            try:
                parse_endpoint(word, _ANY_PORT)
            except ValueError as error:
                raise ValueRefusedError(str(error)) from None
        return words

    def combine(self, earlier: tuple[str, ...], later: tuple[str, ...]) -> tuple[str, ...]:
        return (*earlier, *(word for word in later if word not in earlier)) if later else ()

    def format(self, value: tuple[str, ...]) -> str:
        return " ".join(value)

    def lines(self, value: tuple[str, ...]) -> list[list[str]]:
        return [list(value) or [""]]

    def outweighing_lines(self, value: tuple[str, ...]) -> list[list[str]]:
        return [[""], *self.lines(value)] if value else [[""]]

    def toml(self, value: tuple[str, ...]) -> TomlValue:
        return list(value)

    def expectation(self) -> str:
        return f"up to {SEEDS_MAX} addresses such as 10.0.0.1, node1:7400 or [::1]:7400"

    def placeholder(self) -> str:
        return "HOST[:PORT]..."


class RolesType(ValueType[Role]):
    """One or more roles, with blanks or commas between them."""

    several = True

    def parse(self, arguments: Sequence[str], current: Role) -> Role:
        roles = Role.NONE
        for word in (word for given in arguments for word in given.split(",") if word):
            role = _ROLE_BY_WORD.get(word.lower())
            if role is None:
                names = ", ".join(_ROLE_BY_WORD)
                raise ValueRefusedError(f"argument(s) must be one of the following: {names}")
            roles |= role
        if roles is Role.NONE:
            raise ValueRefusedError("a node needs at least one role")
        return roles

    def format(self, value: Role) -> str:
        return " ".join(word for word, role in _ROLE_BY_WORD.items() if role in value)

    def lines(self, value: Role) -> list[list[str]]:
        return [self.format(value).split()]

    def toml(self, value: Role) -> TomlValue:
        return self.format(value).split()

    def expectation(self) -> str:
        return f"one or more of {', '.join(_ROLE_BY_WORD)}"

    def placeholder(self) -> str:
        return "ROLE..."


_ROLE_BY_WORD = {str(role.name).lower(): role for role in ALL_ROLES}


class DecimalType(ValueType[float]):
    """A number with a fraction and bounds, in decimal digits without an exponent."""

    def __init__(self, minimum: float, maximum: float) -> None:
        self.minimum = minimum
        self.maximum = maximum

    def parse(self, arguments: Sequence[str], current: float) -> float:
        text = single(arguments)
        if not _DECIMAL.fullmatch(text):
            raise ValueRefusedError("argument couldn't be parsed into a float")
        number = float(text)
        if not self.minimum <= number <= self.maximum:
            low, high = self.format(self.minimum), self.format(self.maximum)
            raise ValueRefusedError(f"argument must be between {low} and {high} inclusive")
        return number

    def format(self, value: float) -> str:
        text = f"{Decimal(repr(value)):f}"
        return text.removesuffix(".0")

    def toml(self, value: float) -> TomlValue:
        return value

    def expectation(self) -> str:
        return f"a number from {self.format(self.minimum)} to {self.format(self.maximum)}"

    def placeholder(self) -> str:
        return "NUMBER"


class NameType(TextType):
    """A name of a failure domain or a cluster: short, printable, without blanks."""

    def parse(self, arguments: Sequence[str], current: str) -> str:
        text = super().parse(arguments, current)
        if len(text) > TEXT_CHARACTERS_MAX or not _WORD.fullmatch(text):
            raise ValueRefusedError(
                f"argument must have at most {TEXT_CHARACTERS_MAX} characters of printable ASCII"
                " and no blanks"
            )
        return text

    def expectation(self) -> str:
        return f"a name of up to {TEXT_CHARACTERS_MAX} printable characters without blanks"


class AddressType(TextType):
    """One numeric address or host name, not a wildcard; empty for none."""

    def parse(self, arguments: Sequence[str], current: str) -> str:
        text = super().parse(arguments, current)
        if not text:
            return text
        try:
            ipaddress.ip_address(text)
        except ValueError:
            if not _HOST_NAME.fullmatch(text):
                reason = "argument must be an IP address or a host name"
                raise ValueRefusedError(reason) from None
        return text

    def expectation(self) -> str:
        return "an IP address or a host name, without a port"
