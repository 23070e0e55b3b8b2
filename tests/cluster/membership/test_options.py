from __future__ import annotations

import pytest
from attrs import evolve

from cluster.errors import OptionError
from cluster.membership.options import SwimOptions


def test_defaults_are_the_lan_profile() -> None:
    """The figures of memberlist's LAN profile, which the documents name."""
    options = SwimOptions()
    options.validate()
    assert (options.probe_interval_s, options.probe_timeout_s) == (1.0, 0.5)
    assert (options.gossip_interval_s, options.gossip_nodes) == (0.2, 3)
    assert (options.suspicion_multiplier, options.suspicion_max_multiplier) == (4, 6)
    assert (options.retransmit_multiplier, options.indirect_probes) == (4, 3)
    assert (options.sync_interval_s, options.packet_bytes_max) == (30.0, 1400)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("probe_timeout_s", 1.0),
        ("nack_share", 1.0),
        ("gossip_interval_s", 0.0),
        ("suspicion_multiplier", 1),
        ("awareness_max", 0),
        ("packet_bytes_max", 600),
    ],
)
def test_what_does_not_fit_is_refused_by_name(name: str, value: float) -> None:
    """A profile that would make false deaths is refused at start."""
    with pytest.raises(OptionError, match=name):
        evolve(SwimOptions(), **{name: value}).validate()
