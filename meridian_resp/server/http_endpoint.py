"""A small HTTP server for `/metrics`, `/status` and `/healthz`: h11 on Trio.

It shares the process with the reactor, so it is bounded in every direction: connections, size of
headers and body, time for a request to arrive and for an answer to leave. It reads nothing but
the statistics, needs no authentication and should listen where only operators reach it.

Tasks: one per connection, in the nursery that `serve` opens through `trio.serve_listeners`. On
cancellation connections that wait for a request end at once; an answer that is being sent may
take `_SEND_S` more.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from email.utils import formatdate
from http import HTTPStatus
from typing import Final

import h11
import trio
from attrs import frozen

from meridian_resp.server.metrics import MeridianCollector, render_metrics
from meridian_resp.server.status import HttpSources, status_document

logger = logging.getLogger(__name__)

CONNECTIONS_MAX: Final = 64
HEADER_BYTES_MAX: Final = 16 * 1024
BODY_BYTES_MAX: Final = 64 * 1024
#: How long a connection may be silent between requests, and how long a request may take to come.
IDLE_S: Final = 75.0
REQUEST_S: Final = 10.0
_SEND_S: Final = 5.0
#: What is still read from a peer that was refused, in time and in bytes.
_LINGER_S: Final = 1.0
_LINGER_BYTES_MAX: Final = 256 * 1024
_RECEIVE_BYTES: Final = 16 * 1024
_TEXT: Final = "text/plain; charset=utf-8"
#: Whoever begins like a Redis client would otherwise wait for an answer until its time is over.
_NOT_RESP: Final = "this port (http-port) speaks HTTP; Redis clients connect to another one (port)"


@frozen
class _Page:
    """An answer: status code, content type, body, and headers of its own."""

    status: int
    body: bytes
    content_type: str = _TEXT
    headers: Sequence[tuple[str, str]] = ()


class _RefusedError(Exception):
    """The request is answered with an error and the connection closes."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.page = _Page(status, f"{text}\n".encode())


async def serve(
    host: str,
    port: int,
    sources: HttpSources,
    *,
    task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Answer requests until cancelled. Starts with the port in use, for port 0 the one given.

    Raises:
        OSError: the address cannot be listened on.
    """
    endpoint = HttpEndpoint(sources)
    listeners = await trio.open_tcp_listeners(port, host=host)
    task_status.started(listeners[0].socket.getsockname()[1])
    await trio.serve_listeners(endpoint.answer, listeners)


class HttpEndpoint:
    """Answers the requests of any number of connections."""

    def __init__(self, sources: HttpSources, *, connections_max: int = CONNECTIONS_MAX) -> None:
        self._sources = sources
        self._collector = MeridianCollector(sources.server, sources.storage, sources.cluster)
        self._connections_max = connections_max
        self.connections = 0

    async def answer(self, stream: trio.abc.Stream) -> None:
        """Serve one connection until it closes, misbehaves or is cancelled; closes the stream."""
        self.connections += 1
        try:
            connection = _Connection(stream)
            if self.connections > self._connections_max:
                await connection.send(_Page(503, b"too many connections\n"), is_last=True)
            else:
                await self._serve_requests(connection)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # the peer went away, which is its right
        finally:
            self.connections -= 1
            with trio.CancelScope(shield=True, deadline=trio.current_time() + _SEND_S):
                await stream.aclose()

    async def _serve_requests(self, connection: _Connection) -> None:
        while True:
            try:
                request = await connection.next_request()
                if request is None:
                    return
                page = await self._page(request)
            except _RefusedError as refused:
                await connection.refuse(refused.page)
                return
            if not await connection.send(page):
                return

    async def _page(self, request: h11.Request) -> _Page:
        """The page asked for; a failure of ours is logged and answered with 500."""
        path = request.target.partition(b"?")[0]
        if path not in (b"/metrics", b"/status", b"/healthz"):
            return _Page(404, b"not found: try /metrics, /status or /healthz\n")
        if request.method not in (b"GET", b"HEAD"):
            return _Page(405, b"only GET and HEAD\n", headers=[("Allow", "GET, HEAD")])
        try:
            if path == b"/metrics":
                return await self._metrics(request)
            if path == b"/status":
                body = json.dumps(status_document(self._sources), indent=2).encode() + b"\n"
                return _Page(200, body, "application/json")
            reasons = self._sources.health()
            if reasons:
                return _Page(503, "\n".join([*reasons, ""]).encode())
            return _Page(200, b"ok\n")
        except Exception:
            logger.exception("The page %s could not be made", path.decode("ascii", "replace"))
            return _Page(500, b"internal error\n")

    async def _metrics(self, request: h11.Request) -> _Page:
        accept = b",".join(value for name, value in request.headers if name == b"accept")
        body, content_type = await render_metrics(self._collector, accept.decode("latin-1"))
        return _Page(200, body, content_type)


class _Connection:
    """One HTTP/1.1 connection: requests in, pages out, limits on both."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self._protocol = h11.Connection(h11.SERVER, max_incomplete_event_size=HEADER_BYTES_MAX)
        self._is_head = False
        self._has_begun = False

    async def next_request(self) -> h11.Request | None:
        """The next request, its body thrown away; None when the peer is done or silent.

        Raises:
            _RefusedError: the request is wrong, too big, or does not arrive in time.
        """
        self._has_begun = bool(self._protocol.trailing_data[0])
        with trio.move_on_after(REQUEST_S if self._has_begun else IDLE_S) as waiting:
            try:
                return await self._read_request(waiting)
            except h11.RemoteProtocolError as error:
                raise _RefusedError(error.error_status_hint, str(error)) from None
        if self._has_begun:
            raise _RefusedError(408, "the request did not arrive in time")
        return None

    async def _read_request(self, waiting: trio.CancelScope) -> h11.Request | None:
        """Read up to the end of a request; the first byte of it starts the shorter deadline."""
        protocol = self._protocol
        request = None
        body_bytes = 0
        while True:
            event = protocol.next_event()
            if isinstance(event, h11.Request):
                if not event.http_version.startswith(b"1."):
                    raise _RefusedError(505, "only HTTP/1.1 is spoken here")
                request = event
                self._is_head = event.method == b"HEAD"
            elif isinstance(event, h11.Data):
                body_bytes += len(event.data)
                if body_bytes > BODY_BYTES_MAX:
                    raise _RefusedError(413, "the body is too big")
            elif isinstance(event, h11.EndOfMessage):
                return request
            elif event is not h11.NEED_DATA:
                return None  # the peer closed between two requests
            elif protocol.they_are_waiting_for_100_continue:
                raise _RefusedError(417, "no body is wanted")
            else:
                data = await self._stream.receive_some(_RECEIVE_BYTES)
                if data and not self._has_begun:
                    self._has_begun = True
                    if data[:1] == b"*":
                        raise _RefusedError(400, _NOT_RESP)
                    waiting.deadline = trio.current_time() + REQUEST_S
                protocol.receive_data(bytes(data))

    async def send(self, page: _Page, *, is_last: bool = False) -> bool:
        """Send an answer; whether the connection can take another request.

        Shielded from cancellation for at most `_SEND_S`: an answer is sent whole or the
        connection ends.
        """
        headers = [
            ("Date", formatdate(usegmt=True)),
            ("Content-Type", page.content_type),
            ("Content-Length", str(len(page.body))),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
            *page.headers,
        ]
        if is_last:
            headers.append(("Connection", "close"))
        protocol = self._protocol
        response = h11.Response(
            status_code=page.status, headers=headers, reason=HTTPStatus(page.status).phrase
        )
        data = protocol.send(response)
        if not self._is_head:
            data += protocol.send(h11.Data(data=page.body))
        data += protocol.send(h11.EndOfMessage())
        with trio.CancelScope(shield=True, deadline=trio.current_time() + _SEND_S) as sending:
            await self._stream.send_all(data)
        if sending.cancelled_caught or protocol.our_state is not h11.DONE:
            return False
        protocol.start_next_cycle()
        return True

    async def refuse(self, page: _Page) -> None:
        """Send an answer after which the connection closes, whatever the peer still sends.

        What it sends is read for a moment: closing over unread bytes resets the connection, and
        the peer would lose the answer.
        """
        if self._protocol.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            return
        await self.send(page, is_last=True)
        if isinstance(self._stream, trio.abc.HalfCloseableStream):
            await self._stream.send_eof()
        unread_bytes = _LINGER_BYTES_MAX
        with trio.move_on_after(_LINGER_S):
            while unread_bytes > 0:
                data = await self._stream.receive_some(_RECEIVE_BYTES)
                if not data:
                    return
                unread_bytes -= len(data)
