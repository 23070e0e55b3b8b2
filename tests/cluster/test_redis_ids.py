"""Node ids in the forms that Redis' tools and ours use."""

from __future__ import annotations

from random import Random

import pytest

from cluster.identity import NodeId, new_id
from cluster.redis_ids import from_redis_id, to_redis_id


def test_forty_digits_come_back_as_the_same_id() -> None:
    """All three spellings name the same node, in upper case too."""
    node = NodeId(new_id(Random(1)))
    shown = to_redis_id(node)
    assert len(shown) == 40
    assert from_redis_id(shown) == node
    assert from_redis_id(shown[:32]) == node
    assert from_redis_id(node.upper()) == node


@pytest.mark.parametrize("text", ["", "abc", "f" * 40, "0" * 41])
def test_other_texts_are_no_ids(text: str) -> None:
    """Neither another length nor another padding is taken."""
    with pytest.raises(ValueError, match="not a UUID"):
        from_redis_id(text)
