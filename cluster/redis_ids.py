"""Node ids as Redis clients see them: 40 hexadecimal digits.

Redis' own ids have 40 digits and some tools insist on that. Ours are UUIDs, so the Redis face
shows the UUID's 32 digits followed by eight zeros. Commands take that form, the 32 digits alone,
and the UUID as `meridian-ctl` prints it.
"""

from __future__ import annotations

import re

from cluster.identity import NodeId, id_from_bytes, id_to_bytes, parse_id

_PADDING = "0" * 8
_DIGITS = re.compile(r"([0-9a-f]{32})(?:0{8})?")


def to_redis_id(node: NodeId) -> str:
    """Return the 40 digits of a node id."""
    return id_to_bytes(node).hex() + _PADDING


def from_redis_id(text: str) -> NodeId:
    """Return the node id written in any of the three forms.

    Raises:
        ValueError: this is none of them.
    """
    lowered = text.strip().lower()
    digits = _DIGITS.fullmatch(lowered)
    if digits:
        return NodeId(id_from_bytes(bytes.fromhex(digits.group(1))))
    return NodeId(parse_id(lowered))
