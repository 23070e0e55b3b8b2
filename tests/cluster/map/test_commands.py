from __future__ import annotations

import pytest

from cluster.map.commands import SetConfigEpoch, SetWeight
from tests.cluster.map.maps import node_id


def test_numbers_in_commands_have_bounds() -> None:
    """What no member can have is refused where the command is made, before it is proposed."""
    with pytest.raises(ValueError, match="weight"):
        SetWeight(node_id(0), 1000.5)
    with pytest.raises(ValueError, match="weight"):
        SetWeight(node_id(0), -1.0)
    with pytest.raises(ValueError, match="config_epoch"):
        SetConfigEpoch(node_id(0), -1)


def test_equal_weights_make_equal_commands() -> None:
    """A weight is in thousandths from the beginning, as it travels."""
    assert SetWeight(node_id(0), 1.0004) == SetWeight(node_id(0), 1.0)
