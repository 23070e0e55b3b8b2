from __future__ import annotations

import pytest
from attrs import evolve

from cluster.errors import OptionError
from cluster.transport.options import TransportOptions


def test_defaults_are_those_of_the_documents() -> None:
    """The figures of docs/protocols/peer.md."""
    options = TransportOptions()
    options.validate()
    assert (options.back_off_min_s, options.back_off_max_s) == (0.1, 10.0)
    assert (options.queue_bytes_max, options.read_bytes_max) == (64 << 20, 256 << 10)
    assert (options.handshake_timeout_s, options.keepalive_s, options.silence_s) == (5, 5, 20)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("queue_bytes_max", 1 << 20),
        ("read_bytes", 1 << 20),
        ("back_off_min_s", 11.0),
        ("jitter", 1.0),
        ("keepalive_s", 10.0),
        ("pending_max", 4096),
        ("accepts_max", 0),
        ("handshake_timeout_s", 0.0),
    ],
)
def test_what_does_not_fit_is_refused_by_name(name: str, value: float) -> None:
    """A bound that can't work is refused at start."""
    with pytest.raises(OptionError, match=name):
        evolve(TransportOptions(), **{name: value}).validate()
