"""The same commands to both servers, and the ways in which their replies may be compared.

`both.do(...)` wants equal bytes and is the rule. The other methods are for replies that cannot be
equal (times, orders, memory sizes); those that compare shapes only must name an entry of the table
of known differences. A failure prints the protocol, the last commands and both replies.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from compat_tests.known_differences import reason_for
from compat_tests.raw_client import (
    Argument,
    ErrorReply,
    RawClient,
    encode_argument,
    header_of,
    parse,
    split_elements,
)

if TYPE_CHECKING:
    from compat_tests.servers import Server

HISTORY_LENGTH = 12
CLOCK_TOLERANCE_MS = 2000
POLL_S = 0.005
_SHOWN_BYTES = 1500


@dataclass(frozen=True)
class Pair:
    """The two servers of a comparison."""

    redis: Server
    meridian: Server


def shown(data: bytes) -> str:
    """Return bytes as text for a failure, cut in the middle when long."""
    if len(data) <= _SHOWN_BYTES:
        return repr(data)
    half = _SHOWN_BYTES // 2
    return f"{data[:half]!r}...{len(data) - 2 * half} bytes...{data[-half:]!r}"


def shape_of(value: Any) -> Any:
    """Return the types inside a reply: what stays when the values are forgotten."""
    if isinstance(value, dict):
        return {key: shape_of(item) for key, item in value.items()}
    if isinstance(value, list):
        return [type(value).__name__, *(shape_of(item) for item in value)]
    return type(value).__name__


def is_close(redis: Any, meridian: Any, tolerance: float) -> bool:
    """Return whether two replies agree, numbers above zero within a tolerance."""
    if isinstance(redis, list) and isinstance(meridian, list):
        return len(redis) == len(meridian) and all(
            is_close(one, other, tolerance) for one, other in zip(redis, meridian, strict=True)
        )
    if isinstance(redis, int | float) and isinstance(meridian, int | float):
        if redis < 0 or meridian < 0:
            return redis == meridian
        return abs(redis - meridian) <= tolerance
    return bool(redis == meridian)


class Both:
    """A pair of connections, one to each server, that receive the same commands."""

    def __init__(self, pair: Pair, protocol: int = 2) -> None:
        self.pair = pair
        self.protocol = protocol
        self._others: list[Both] = []
        self._history: deque[str] = deque(maxlen=HISTORY_LENGTH)
        self._open()

    def reopen(self) -> None:
        """Replace both connections by new ones that speak this pair's protocol."""
        self.redis.close()
        self.meridian.close()
        self._open()

    def _open(self) -> None:
        self.redis = RawClient(self.pair.redis.address)
        self.meridian = RawClient(self.pair.meridian.address)
        if self.protocol == 3:
            for client in (self.redis, self.meridian):
                reply = client.do("HELLO", "3")
                assert reply.startswith(b"%"), f"HELLO 3 was refused: {shown(reply)}"

    def another(self, protocol: int | None = None) -> Both:
        """Return a further pair of connections to the same servers; closed with this one."""
        other = Both(self.pair, protocol or self.protocol)
        other._history = self._history
        self._others.append(other)
        return other

    def close(self) -> None:
        """Close all connections, those of `another` included."""
        for other in self._others:
            other.close()
        self.redis.close()
        self.meridian.close()

    # --- exact -----------------------------------------------------------------------------

    def do(self, *arguments: Argument) -> Any:
        """Send a command; the raw replies must be equal. Returns the parsed reply."""
        redis, meridian = self.send(*arguments)
        if redis != meridian:
            self.fail("the replies differ", redis, meridian)
        return parse(redis)

    def error(self, text: str, *arguments: Argument) -> None:
        """Send a command; both must answer the same error, and it must contain `text`."""
        reply = self.do(*arguments)
        assert isinstance(reply, ErrorReply), f"{arguments} gave {reply!r} and no error"
        assert text in reply.text, f"{arguments} gave {reply.text!r}, without {text!r}"

    def pipeline(self, *commands: Sequence[Argument]) -> list[Any]:
        """Send commands in one write; all replies must be equal, in order."""
        batch = [list(command) for command in commands]
        for command in batch:
            self.note(command)
        redis, meridian = self.redis.pipeline(batch), self.meridian.pipeline(batch)
        for command, one, other in zip(batch, redis, meridian, strict=True):
            if one != other:
                self.fail(f"the replies to {command} of a pipeline differ", one, other)
        return [parse(reply) for reply in redis]

    def reply(self) -> Any:
        """Read one further reply from each (a push, a monitor line); they must be equal."""
        redis, meridian = self.redis.read_reply(), self.meridian.read_reply()
        if redis != meridian:
            self.fail("the further replies differ", redis, meridian)
        return parse(redis)

    def silence(self, wait_s: float = 0.05) -> None:
        """Neither server may send anything within `wait_s` seconds."""
        assert not self.redis.has_input(wait_s), "redis sent something"
        assert not self.meridian.has_input(wait_s), "meridian sent something"

    # --- what cannot be equal --------------------------------------------------------------

    def approx(self, *arguments: Argument, tolerance: float = CLOCK_TOLERANCE_MS) -> Any:
        """Send a command; numbers in the replies may differ by `tolerance`, nothing else."""
        redis, meridian = self.send(*arguments)
        if not is_close(parse(redis), parse(meridian), tolerance):
            self.fail(f"the replies differ by more than {tolerance}", redis, meridian)
        return parse(redis)

    def unordered(self, *arguments: Argument) -> list[Any]:
        """Send a command; the replies must hold the same elements in any order."""
        redis, meridian = self.send(*arguments)
        is_error = redis.startswith(b"-") or meridian.startswith(b"-")
        if is_error or header_of(redis) != header_of(meridian):
            self.fail("the replies differ", redis, meridian)
        one, other = sorted(split_elements(redis)), sorted(split_elements(meridian))
        if one != other:
            self.fail("the elements differ", b"".join(one), b"".join(other))
        return [parse(element) for element in one]

    def shape(self, because: str, *arguments: Argument) -> tuple[Any, Any]:
        """Send a command; only types and lengths must agree. Returns both parsed replies.

        `because` names the known difference that makes equal bytes impossible.
        """
        reason_for(because)
        redis, meridian = self.send(*arguments)
        if shape_of(parse(redis)) != shape_of(parse(meridian)):
            self.fail("the shapes of the replies differ", redis, meridian)
        return parse(redis), parse(meridian)

    def values(self, *arguments: Argument) -> tuple[Any, Any]:
        """Send a command and compare nothing; the caller looks at both parsed replies."""
        redis, meridian = self.send(*arguments)
        return parse(redis), parse(meridian)

    def eventually(self, expected: Any, *arguments: Argument, within_s: float = 5.0) -> None:
        """Repeat a command on each server until it answers `expected`."""
        self.note(arguments)
        for client, name in ((self.redis, "redis"), (self.meridian, "meridian")):
            wait_until(partial(_answers, client, arguments, expected), within_s, name)

    # --- plumbing --------------------------------------------------------------------------

    def send(self, *arguments: Argument) -> tuple[bytes, bytes]:
        """Send a command to both and return both raw replies."""
        self.note(arguments)
        self.redis.send(*arguments)
        self.meridian.send(*arguments)
        return self.redis.read_reply(), self.meridian.read_reply()

    def send_bytes(self, data: bytes) -> None:
        """Send bytes to both as they are."""
        self._history.append(f"raw {shown(data)}")
        self.redis.send_bytes(data)
        self.meridian.send_bytes(data)

    def fail(self, what: str, redis: bytes, meridian: bytes) -> None:
        """Raise an assertion that shows both raw replies and the way to them."""
        commands = "\n".join(f"    {line}" for line in self._history)
        raise AssertionError(
            f"{what} (RESP{self.protocol})\n  redis    {shown(redis)}\n"
            f"  meridian {shown(meridian)}\n  last commands:\n{commands}"
        )

    def note(self, arguments: Sequence[Argument]) -> None:
        """Remember a command for the text of a failure."""
        self._history.append(" ".join(shown(encode_argument(item)) for item in arguments))


def _answers(client: RawClient, arguments: Sequence[Argument], expected: Any) -> bool:
    return bool(client.value(*arguments) == expected)


def wait_until(condition: Callable[[], bool], within_s: float, name: str) -> None:
    """Poll a condition until it holds.

    Raises:
        AssertionError: it did not hold within `within_s` seconds.
    """
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"{name} did not get there within {within_s} s"
        time.sleep(POLL_S)
