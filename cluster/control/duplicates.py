"""Two processes with one node id: a data directory was copied, and both copies run.

The one that the cluster knows goes on; the other one must not serve a single key, since it holds
the same map and would answer for the same slots. A copy that starts has a later life than the
original by its own count, exactly as a node has that was moved to another address, so what others
say does not tell the two apart. What does is a look at the other address: a process that answers
there with this node's id is alive (`LinkFailed.is_duplicate`), and this one stops. While that is
not known this node serves nothing; it does again when nobody answers at the other address, or
after `dispute_s`, because what swallows packets there is no process.

What remains: a copy that can reach no other node cannot know that it is one.
"""

from __future__ import annotations

import logging

from cluster.control import outputs
from cluster.control.parts import Parts
from cluster.identity import Endpoint
from cluster.membership.events import IdentityConflict
from cluster.wire.messages import MapRequest


class Duplicates:
    """Finds out whether this process is the second one with its id."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        #: Where others hold an earlier life of this node, and until when that is looked into.
        self._disputed: tuple[Endpoint, float] | None = None
        #: Where a process with this id has answered last.
        self._answered: Endpoint | None = None

    def deadline(self) -> float | None:
        """When `on_deadline` wants to be called."""
        return None if self._disputed is None else self._disputed[1]

    def on_deadline(self, now: float) -> None:
        """Serve again when nothing was found out."""
        if self._disputed is not None and now >= self._disputed[1]:
            self._serve_again()

    def conflict(self, news: IdentityConflict) -> None:
        """Others hold this id, or another one, for a process at another address."""
        parts = self._parts
        if news.node != parts.own_id:
            text = (
                f"Two processes have the node id {news.node}: at {news.held_endpoint} and at "
                f"{news.claimed_endpoint}; the second one is not taken in"
            )
            parts.notice(logging.ERROR, text)
        elif (
            news.claimed_boot.generation >= news.held_boot.generation
            or news.claimed_endpoint == self._answered
        ):
            self._stop(news.claimed_endpoint)
        else:
            text = (
                f"The others still hold an earlier life of this node, at {news.claimed_endpoint}; "
                "they take this one in when they have found that one dead"
            )
            parts.notice(logging.WARNING, text)
            self._look_at(news.claimed_endpoint)

    def link_failed(self, endpoint: Endpoint, *, is_duplicate: bool) -> None:
        """A link could not be opened, possibly because a process with this id is there."""
        if is_duplicate:
            self._answered = endpoint
        if self._disputed is None or self._disputed[0] != endpoint:
            return
        if is_duplicate:
            self._stop(endpoint)
        else:
            self._serve_again()

    def _look_at(self, endpoint: Endpoint) -> None:
        parts = self._parts
        is_new = self._disputed is None
        self._disputed = (endpoint, parts.now + parts.options.dispute_s)
        if is_new and parts.map is not None:
            parts.is_disputed = True
            parts.put(outputs.MapChanged(None))
        # Whatever the message: it opens a link, and who is there says its id.
        parts.send(endpoint, MapRequest(b"", 0))

    def _serve_again(self) -> None:
        parts = self._parts
        self._disputed = None
        if parts.is_disputed:
            parts.is_disputed = False
            parts.put(outputs.MapChanged(parts.map))

    def _stop(self, endpoint: Endpoint) -> None:
        parts = self._parts
        reason = (
            f"another process, at {endpoint}, has this node's id {parts.own_id}, and the cluster "
            "knows that one: was the data directory copied? If this directory is the copy, remove "
            "the directory `cluster` in it and start again; if it is the original, stop the other "
            "process first and start this one again"
        )
        parts.put(outputs.Stop(reason))
