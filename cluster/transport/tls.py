"""Mutual TLS around a link, without its socket.

`TlsSession` is fed with what came from the network and gives what is to be sent there; between
the two it hands plain bytes to the link and takes them from it. Both sides show a certificate
that the authority of the cluster has signed, and both check it. Names in certificates are not
compared: nodes move between addresses, and it is the authority that says who belongs to the
cluster. Which node it is says the handshake inside.

Nothing here raises for what a peer does; a session that can't go on has a `failure`.
"""

from __future__ import annotations

import ssl
from typing import Final

from attrs import frozen

_READ_BYTES: Final = 1 << 16


@frozen
class TlsContexts:
    """The two roles of a node."""

    client: ssl.SSLContext
    server: ssl.SSLContext


def load_tls(*, certificate: str, key: str, authority: str) -> TlsContexts:
    """Return contexts for these PEM files: own certificate chain, its key, who signs peers.

    Raises:
        OSError: a file can't be read, or (ssl.SSLError) is not what it should be.
    """
    contexts = []
    for protocol in (ssl.PROTOCOL_TLS_CLIENT, ssl.PROTOCOL_TLS_SERVER):
        context = ssl.SSLContext(protocol)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= ssl.OP_NO_RENEGOTIATION
        context.check_hostname = False
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_cert_chain(certificate, key)
        context.load_verify_locations(authority)
        contexts.append(context)
    return TlsContexts(*contexts)


class TlsSession:
    """One side of a TLS connection.

    Attributes:
        is_established: the handshake of TLS is done, as far as this side can tell.
        is_ended: the other side sends no more.
        failure: why it can't go on; empty while it can.
    """

    def __init__(self, contexts: TlsContexts, *, is_outgoing: bool) -> None:
        self._inbound = ssl.MemoryBIO()
        self._outbound = ssl.MemoryBIO()
        context = contexts.client if is_outgoing else contexts.server
        self._tls = context.wrap_bio(self._inbound, self._outbound, server_side=not is_outgoing)
        self._waiting: list[bytes] = []
        self.is_established = False
        self.is_ended = False
        self.failure = ""
        self._shake()

    def receive(self, data: bytes) -> bytes:
        """Take in bytes from the network and return the plain bytes that are whole now."""
        if self.failure or self.is_ended:
            return b""
        self._inbound.write(data)
        if not self.is_established:
            self._shake()
            if not self.is_established:
                return b""
        plain: list[bytes] = []
        try:
            while piece := self._tls.read(_READ_BYTES):
                plain.append(piece)
            self.is_ended = True
        except ssl.SSLWantReadError:
            pass  # all that is whole has been read
        except ssl.SSLZeroReturnError:
            self.is_ended = True
        except ssl.SSLError as failure:
            self._fail(failure)
        return b"".join(plain)

    def send(self, plain: bytes) -> None:
        """Take plain bytes of the link; they wait for the end of the handshake if they must."""
        if self.failure:
            return
        if not self.is_established:
            self._waiting.append(plain)
            return
        try:
            self._tls.write(plain)
        except ssl.SSLError as failure:
            self._fail(failure)

    def take(self) -> bytes:
        """Return what is to be sent to the network now, and forget it."""
        return self._outbound.read()

    @property
    def has_output(self) -> bool:
        """Whether `take` would return something."""
        return self._outbound.pending > 0

    def _shake(self) -> None:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return
        except ssl.SSLError as failure:
            self._fail(failure)
            return
        self.is_established = True
        waiting, self._waiting = b"".join(self._waiting), []
        if waiting:
            self.send(waiting)

    def _fail(self, failure: ssl.SSLError) -> None:
        reason = failure.reason or failure.strerror or "failed"
        self.failure = reason.lower().replace("_", " ")
