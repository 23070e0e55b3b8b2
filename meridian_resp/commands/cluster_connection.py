"""What cluster clients say about their connection: ASKING, READONLY, READWRITE.

They are accepted, because clients send them unasked, and change nothing: a request is served by
the leader of its slot wherever it arrives, so there is neither a slot that only ASKING may use
nor a replica whose stale keys a client would have to agree to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from meridian_resp.commands.cluster_arguments import cluster_of
from meridian_resp.commands.registry import Flag, Group, command
from meridian_resp.protocol.replies import OK, Reply

if TYPE_CHECKING:
    from meridian_resp.commands.context import Context

ANY_TIME: Final = Flag.LOADING | Flag.STALE | Flag.FAST


@command(
    "ASKING", arity=1, flags=Flag.FAST, group=Group.CLUSTER, since="3.0.0",
    summary="Announces a request for a slot that is being moved here.", complexity="O(1)",
    categories=["@connection"],
)  # fmt: skip
def asking(context: Context, arguments: list[bytes]) -> Reply:
    """ASKING."""
    cluster_of(context)
    return OK


@command(
    "READONLY", arity=1, flags=ANY_TIME, group=Group.CLUSTER, since="3.0.0",
    summary="Allows reads from replicas.", complexity="O(1)", categories=["@connection"],
)  # fmt: skip
def readonly(context: Context, arguments: list[bytes]) -> Reply:
    """READONLY."""
    cluster_of(context)
    return OK


@command(
    "READWRITE", arity=1, flags=ANY_TIME, group=Group.CLUSTER, since="3.0.0",
    summary="Takes READONLY back.", complexity="O(1)", categories=["@connection"],
)  # fmt: skip
def readwrite(context: Context, arguments: list[bytes]) -> Reply:
    """READWRITE."""
    cluster_of(context)
    return OK
