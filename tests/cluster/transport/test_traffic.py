from __future__ import annotations

from cluster.transport.traffic import Traffic
from cluster.wire.messages import GenesisCall, MapRequest


def test_counters_are_shown_by_the_names_of_messages() -> None:
    """Each reading is a copy: counting goes on."""
    traffic = Traffic()
    traffic.messages_in[GenesisCall] = 2
    traffic.messages_out[MapRequest] = 1
    traffic.dropped = 3
    shown = traffic.statistics([], failed_endpoints=4, refused={"secret": 1})
    traffic.messages_in[GenesisCall] = 9
    assert shown.messages_in == {"GenesisCall": 2} and shown.messages_out == {"MapRequest": 1}
    assert (shown.dropped, shown.failed_endpoints, shown.refused) == (3, 4, {"secret": 1})
    assert shown.links_to == shown.links_from == shown.pending == 0
