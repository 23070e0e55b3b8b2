"""A server in a thread that answers each command as a test says; it keeps nothing.

It stands for redis-server and Meridian where a test is about the tool and not about them.
"""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import hiredis

from tools.connection import Address

Answering = Callable[[list[bytes]], bytes]


def like_redis(command: list[bytes]) -> bytes:
    """The answers that load generators need; everything else is refused."""
    name = command[0].upper()
    if name == b"SET":
        return b"+OK\r\n"
    if name == b"GET":
        return b"$2\r\nxy\r\n"
    if name == b"PING":
        return b"+PONG\r\n"
    if name == b"KEYS":
        return b"*2\r\n$1\r\na\r\n$1\r\nb\r\n"
    if name == b"INFO":
        text = b"# Server\r\nredis_version:7.0.15\r\nprocess_id:0\r\n"
        return b"$%d\r\n%b\r\n" % (len(text), text)
    return b"-ERR unknown command '%b'\r\n" % command[0]


class Handler(socketserver.BaseRequestHandler):
    """One connection: commands in, answers out, until the client leaves."""

    server: AnsweringServer

    def handle(self) -> None:
        """Answer until the connection ends; no answer (empty bytes) closes it."""
        reader = hiredis.Reader()
        while data := self.request.recv(1 << 16):
            reader.feed(data)
            answers = []
            while (command := reader.gets()) is not False:
                answer = self.server.answering(command)
                if not answer:
                    return
                answers.append(answer)
            self.request.sendall(b"".join(answers))


class AnsweringServer(socketserver.ThreadingTCPServer):
    """Listens on a free port of this machine."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, answering: Answering) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answering = answering

    @property
    def address(self) -> Address:
        """Where it listens."""
        return Address(port=int(self.server_address[1]))

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away in the middle is part of some tests."""


@contextmanager
def answering_server(answering: Answering = like_redis) -> Iterator[AnsweringServer]:
    """Serve until the block ends."""
    with AnsweringServer(answering) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
