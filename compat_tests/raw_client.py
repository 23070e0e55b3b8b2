"""A Redis client that keeps the bytes: what was received is what is compared.

Client libraries hide the difference between a null bulk string and a null array, between a map
and a flat array, between a simple and a bulk string. These tests are about exactly that, so this
module reads one reply as the bytes that stood on the wire and parses them only on demand.

It understands RESP2 and RESP3 (https://redis.io/docs/reference/protocol-spec), pushes included.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Any

Argument = bytes | str | int | float
LINE_END = b"\r\n"
_RECEIVE_BYTES = 262_144
_AGGREGATES = {ord("*"): 1, ord("~"): 1, ord(">"): 1, ord("%"): 2, ord("|"): 2}
_BULKS = {ord("$"), ord("="), ord("!")}


class ConnectionClosedError(Exception):
    """The server closed the connection; `received` holds the bytes that came before the end."""

    def __init__(self, received: bytes) -> None:
        super().__init__(received)
        self.received = received


@dataclass(frozen=True)
class Address:
    """Where a server listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True)
class ErrorReply:
    """An error reply, without its leading minus sign."""

    text: str


class Push(list[Any]):
    """An out-of-band RESP3 message."""


class SetReply(list[Any]):
    """A RESP3 set, in the order in which it was sent."""


def encode_argument(argument: Argument) -> bytes:
    """Return the bytes an argument stands for; text is UTF-8, numbers are decimal."""
    if isinstance(argument, bytes):
        return argument
    return str(argument).encode()


def encode_command(*arguments: Argument) -> bytes:
    """Return a command as an array of bulk strings."""
    parts = [b"*%d\r\n" % len(arguments)]
    for argument in arguments:
        data = encode_argument(argument)
        parts.append(b"$%d\r\n%s\r\n" % (len(data), data))
    return b"".join(parts)


def end_of_reply(buffer: bytes | bytearray, start: int = 0) -> int | None:
    """Return the offset after the reply that begins at `start`, None while it is incomplete."""
    position = start
    missing = 1
    while missing:
        line_end = buffer.find(LINE_END, position)
        if line_end < 0:
            return None
        marker = buffer[position]
        missing -= 1
        if marker in _BULKS:
            length = int(buffer[position + 1 : line_end])
            position = line_end + 2 + (length + 2 if length >= 0 else 0)
            if position > len(buffer):
                return None
            continue
        if marker in _AGGREGATES:
            count = int(buffer[position + 1 : line_end])
            missing += max(count, 0) * _AGGREGATES[marker]
            if marker == ord("|"):
                missing += 1
        position = line_end + 2
    return position


def split_elements(reply: bytes) -> list[bytes]:
    """Return the raw elements of an aggregate reply (keys and values alternate in a map)."""
    if reply[0] not in _AGGREGATES:
        raise ValueError(f"not an aggregate: {reply[:80]!r}")
    position = reply.index(LINE_END) + 2
    elements = []
    while position < len(reply):
        end = end_of_reply(reply, position)
        assert end is not None
        elements.append(reply[position:end])
        position = end
    return elements


def header_of(reply: bytes) -> bytes:
    """Return the first line of a reply, its line end included."""
    return reply[: reply.index(LINE_END) + 2]


def as_map(reply: Any) -> dict[Any, Any]:
    """Return a map reply as a dict, also when RESP2 sent it as a flat array."""
    if isinstance(reply, dict):
        return reply
    return dict(zip(reply[::2], reply[1::2], strict=True))


def parse(reply: bytes) -> Any:
    """Return the Python value of one raw reply.

    Simple and bulk strings are bytes, nulls None, maps dicts, pushes `Push`, sets `SetReply`,
    errors `ErrorReply`; verbatim strings lose their three-letter prefix.
    """
    value, end = _parse_at(reply, 0)
    assert end == len(reply), f"{len(reply) - end} bytes follow the reply"
    return value


def _parse_at(data: bytes, position: int) -> tuple[Any, int]:
    line_end = data.index(LINE_END, position)
    marker, line = data[position : position + 1], data[position + 1 : line_end]
    after = line_end + 2
    if marker in b"$=!":
        return _parse_bulk(marker, data, int(line), after)
    if marker in b"*~>%|":
        return _parse_aggregate(marker, data, int(line), after)
    return _parse_line(marker, line), after


def _parse_line(marker: bytes, line: bytes) -> Any:
    match marker:
        case b"+":
            return line
        case b"-":
            return ErrorReply(line.decode("utf-8", "backslashreplace"))
        case b":" | b"(":
            return int(line)
        case b"_":
            return None
        case b",":
            return float(line)
        case b"#":
            return line == b"t"
    raise ValueError(f"unknown reply type {marker!r} before {line[:80]!r}")


def _parse_bulk(marker: bytes, data: bytes, length: int, after: int) -> tuple[Any, int]:
    if length < 0:
        return None, after
    content = data[after : after + length]
    end = after + length + 2
    assert data[end - 2 : end] == LINE_END, "a bulk string does not end where its length says"
    if marker == b"=":
        return content[4:], end
    if marker == b"!":
        return ErrorReply(content.decode("utf-8", "backslashreplace")), end
    return content, end


def _parse_aggregate(marker: bytes, data: bytes, count: int, after: int) -> tuple[Any, int]:
    if count < 0:
        return None, after
    items: list[Any] = []
    position = after
    for _ in range(count * (2 if marker in b"%|" else 1)):
        item, position = _parse_at(data, position)
        items.append(item)
    if marker == b"|":
        return _parse_at(data, position)
    if marker == b"%":
        return dict(zip(items[::2], items[1::2], strict=True)), position
    if marker == b"~":
        return SetReply(items), position
    if marker == b">":
        return Push(items), position
    return items, position


class RawClient:
    """One connection. Not safe for threads; every read has a deadline of `timeout_s` seconds."""

    def __init__(self, address: Address, *, timeout_s: float = 8.0) -> None:
        self._socket = socket.create_connection((address.host, address.port), timeout_s)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = bytearray()
        self.address = address

    def close(self) -> None:
        """Close the socket; harmless when it is closed already."""
        self._socket.close()

    def send(self, *arguments: Argument) -> None:
        """Send one command and wait for nothing."""
        self.send_bytes(encode_command(*arguments))

    def send_bytes(self, data: bytes) -> None:
        """Send bytes as they are.

        Raises:
            ConnectionClosedError: the server no longer reads.
        """
        try:
            self._socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise ConnectionClosedError(bytes(self._buffer)) from error

    def read_reply(self) -> bytes:
        """Return the bytes of exactly one reply.

        Raises:
            ConnectionClosedError: the connection ended inside or before it.
            TimeoutError: nothing came for `timeout_s` seconds.
        """
        while True:
            end = end_of_reply(self._buffer) if self._buffer else None
            if end is not None:
                reply = bytes(self._buffer[:end])
                del self._buffer[:end]
                return reply
            self._receive()

    def do(self, *arguments: Argument) -> bytes:
        """Send one command and return its raw reply."""
        self.send(*arguments)
        return self.read_reply()

    def value(self, *arguments: Argument) -> Any:
        """Send one command and return its parsed reply."""
        return parse(self.do(*arguments))

    def pipeline(self, commands: list[list[Argument]]) -> list[bytes]:
        """Send all commands in one write and return all raw replies."""
        self.send_bytes(b"".join(encode_command(*command) for command in commands))
        return [self.read_reply() for _ in commands]

    def read_to_end(self) -> bytes:
        """Return everything received until the server closes the connection."""
        try:
            while True:
                self._receive()
        except ConnectionClosedError:
            return bytes(self._buffer)

    def half_close(self) -> None:
        """Tell the server that nothing more will be sent; replies can still be read."""
        self._socket.shutdown(socket.SHUT_WR)

    def has_input(self, wait_s: float) -> bool:
        """Return whether bytes or an end of stream arrive within `wait_s` seconds."""
        if self._buffer:
            return True
        previous = self._socket.gettimeout()
        self._socket.settimeout(wait_s)
        try:
            self._receive()
        except TimeoutError:
            return False
        except ConnectionClosedError:
            return True
        finally:
            self._socket.settimeout(previous)
        return True

    def _receive(self) -> None:
        try:
            data = self._socket.recv(_RECEIVE_BYTES)
        except ConnectionResetError:
            data = b""
        if not data:
            raise ConnectionClosedError(bytes(self._buffer))
        self._buffer += data
