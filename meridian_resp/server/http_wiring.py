"""The HTTP endpoint, connected to a node."""

from __future__ import annotations

import trio

from meridian_resp.server import http_endpoint
from meridian_resp.server.cluster_report import ClusterReport, report_of
from meridian_resp.server.node import Node
from meridian_resp.server.status import HttpSources


async def serve_http(
    node: Node, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Serve `/metrics`, `/status` and `/healthz` on every `http-bind` address until cancelled.

    Raises:
        OSError: an address can't be listened on.
    """
    settings = node.settings

    def health() -> list[str]:
        refusal, dispatcher = node.engine.refusal, node.dispatcher
        reasons = [] if refusal is None else [f"writes are refused: {refusal}"]
        if dispatcher.read_failures:
            reasons.append(
                f"{dispatcher.read_failures} commands since the start could not read storage, "
                f"the last one: {dispatcher.last_read_failure}"
            )
        return reasons

    def ports() -> dict[str, int]:
        used = {"client": settings.port, "http": settings.http_port}
        return used | ({"gossip": settings.gossip_port} if settings.cluster_enabled else {})

    def cluster() -> ClusterReport | None:
        if node.cluster is None:
            return None
        return report_of(node.cluster, node.forwarding_statistics())

    sources = HttpSources(
        server=node.statistics,
        storage=node.storage_statistics,
        health=health,
        ports=ports,
        cluster=cluster,
    )
    hosts = settings.http_bind or settings.bind or ("127.0.0.1",)
    async with trio.open_nursery() as nursery:
        for host in hosts:
            name = host.removeprefix("-").replace("*", "")
            try:
                await nursery.start(
                    http_endpoint.serve, name or "0.0.0.0", settings.http_port, sources
                )
            except OSError as failure:
                reason = failure.strerror or str(failure)
                address = f"{name} port {settings.http_port}"
                raise OSError(f"can't listen for HTTP on {address}: {reason}") from None
        task_status.started()
