"""One blocking connection to a server that speaks RESP: all that a command-line tool needs.

Requests go out one at a time in RESP2 and the answer is waited for. An error reply is raised as
`ErrorReply`, everything that goes wrong below that as `ConnectionLost`; both have a text that can
be shown to a person as it is.
"""

from __future__ import annotations

import socket
from types import TracebackType
from typing import Union, cast

import attrs
import hiredis

Answer = Union[bytes, int, None, list["Answer"]]

RECEIVE_BYTES = 1 << 16
TIMEOUT_S = 10.0
DEFAULT_PORT = 7401


class ConnectionLost(Exception):
    """The server cannot be reached, did not answer in time or closed the connection."""


class ErrorReply(Exception):
    """The server answered with an error; its text is the exception's."""


@attrs.frozen
class Address:
    """Where a server listens: a host and a port, or the path of a Unix socket."""

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    unix_path: str = ""

    def __str__(self) -> str:
        return self.unix_path or f"{self.host}:{self.port}"

    @property
    def is_local(self) -> bool:
        """Whether the server certainly runs on this machine."""
        return bool(self.unix_path) or self.host in {"127.0.0.1", "localhost", "::1"}


def parse_address(text: str) -> Address:
    """Read `host:port`, `:port`, `host` or the path of a Unix socket.

    Raises:
        ValueError: the port is not a number from 1 to 65535.
    """
    if "/" in text:
        return Address(unix_path=text)
    host, colon, port = text.rpartition(":")
    if not colon:
        host, port = text, str(DEFAULT_PORT)
    if not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError(f"{text!r}: the port must be a number from 1 to 65535")
    return Address(host=host.strip("[]") or "127.0.0.1", port=int(port))


def encode_request(*arguments: bytes | str | int) -> bytes:
    """A request as the array of bulk strings that every server takes."""
    parts = [b"*%d\r\n" % len(arguments)]
    for argument in arguments:
        data = argument if isinstance(argument, bytes) else str(argument).encode()
        parts.append(b"$%d\r\n%b\r\n" % (len(data), data))
    return b"".join(parts)


def as_list(answer: Answer) -> list[Answer]:
    """An answer that must be an array.

    Raises:
        ConnectionLost: it is something else, so the other side is not what it should be.
    """
    if not isinstance(answer, list):
        raise ConnectionLost(f"an array was expected, not {answer!r}")
    return answer


class Connection:
    """A context manager; closes its socket at the end."""

    def __init__(self, address: Address, *, timeout_s: float = TIMEOUT_S) -> None:
        self.address = address
        self._reader = hiredis.Reader()
        try:
            self._socket = open_socket(address, timeout_s)
        except OSError as error:
            raise ConnectionLost(f"no connection to {address}: {reason(error)}") from error

    def __enter__(self) -> Connection:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the socket; a second call does nothing."""
        self._socket.close()

    def call(self, *arguments: bytes | str | int) -> Answer:
        """Send one command and return its answer.

        Raises:
            ErrorReply: the server refused the command.
            ConnectionLost: no answer came.
        """
        try:
            self._socket.sendall(encode_request(*arguments))
            while (answer := self._reader.gets()) is False:
                data = self._socket.recv(RECEIVE_BYTES)
                if not data:
                    raise ConnectionLost(f"{self.address} closed the connection")
                self._reader.feed(data)
        except OSError as error:
            raise ConnectionLost(f"{self.address}: {reason(error)}") from error
        except hiredis.ProtocolError as error:
            raise ConnectionLost(f"{self.address} does not speak RESP: {error}") from error
        if isinstance(answer, hiredis.ReplyError):
            raise ErrorReply(str(answer))
        return cast("Answer", answer)

    def call_text(self, *arguments: bytes | str | int) -> str:
        """Send a command whose answer is text (a status or a bulk string)."""
        answer = self.call(*arguments)
        if isinstance(answer, bytes):
            return answer.decode("utf-8", "replace")
        return str(answer)

    def info(self, section: str) -> dict[str, str]:
        """A section of INFO as names and values."""
        lines = self.call_text("INFO", section).splitlines()
        pairs = (line.partition(":") for line in lines if ":" in line and line[0] != "#")
        return {name: value for name, _, value in pairs}


def open_socket(address: Address, timeout_s: float) -> socket.socket:
    """A connected socket without Nagle's delay.

    Raises:
        OSError: the server cannot be reached.
    """
    if address.unix_path:
        channel = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        channel.settimeout(timeout_s)
        try:
            channel.connect(address.unix_path)
        except OSError:
            channel.close()
            raise
        return channel
    channel = socket.create_connection((address.host, address.port), timeout_s)
    channel.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return channel


def reason(error: OSError) -> str:
    """What went wrong, in the system's words and without its error number."""
    return error.strerror or str(error) or type(error).__name__
