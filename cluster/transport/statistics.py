"""What the transport has counted, as frozen values for INFO, `/status`, `/metrics` and CLUSTER."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from cluster.identity import Endpoint, NodeId


@frozen
class LinkView:
    """One link as CLUSTER LINKS shows it; `events` are those that it waits for: r, rw."""

    is_outgoing: bool
    node: NodeId
    endpoint: Endpoint
    created_ms: int
    events: str
    send_buffer_allocated: int
    send_buffer_used: int


@frozen
class PeerStatistics:
    """Counters of all links since the start, and how many there are now.

    Attributes:
        links_from: links that peers opened.
        links_to: links that this node opened.
        pending: connections, of either direction, that are not links yet.
        failed_endpoints: endpoints that are waited for after a failure.
        queued_bytes: what waits to be sent.
        accepted: connections taken in.
        dialled: attempts to connect.
        dial_failures: attempts that did not become a link.
        lost: links that ended.
        bytes_in: as on the network.
        bytes_out: as on the network.
        messages_in: by kind.
        messages_out: by kind, when they are queued.
        refused: by reason; see `Refusal`, and "oversize", "checksum", "message", "msgpack".
        dropped: messages that found the queue full or no link, or were lost with their link.
    """

    links_from: int
    links_to: int
    pending: int
    failed_endpoints: int
    queued_bytes: int
    accepted: int
    dialled: int
    dial_failures: int
    lost: int
    bytes_in: int
    bytes_out: int
    messages_in: Mapping[str, int]
    messages_out: Mapping[str, int]
    refused: Mapping[str, int]
    dropped: int


@frozen
class DatagramStatistics:
    """Counters of datagrams; `dropped` were to be sent and were not; `refused` by reason."""

    sent: int
    received: int
    bytes_out: int
    bytes_in: int
    dropped: int
    refused: Mapping[str, int]
