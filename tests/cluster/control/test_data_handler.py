from __future__ import annotations

from cluster.control.data_handler import DATA_MESSAGES
from cluster.wire.messages import PeerMessage


def _tag(kind: type[PeerMessage]) -> object:
    return kind.__struct_config__.tag


def test_messages_about_data_are_those_of_the_thirties() -> None:
    """Everything else is the control plane's own."""
    assert {_tag(kind) for kind in DATA_MESSAGES} == {30, 31, 32, 33}
    assert all(kind.__name__.startswith(("Forward", "Key")) for kind in DATA_MESSAGES)
