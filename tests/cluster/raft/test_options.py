from __future__ import annotations

from typing import Any

import attrs
import pytest

from cluster.errors import OptionError
from cluster.raft.options import RaftOptions


def test_defaults_fit_together() -> None:
    """A group can be started without setting anything."""
    RaftOptions().validate()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("election_timeout_s", 0),
        ("heartbeat_interval_s", 0.6),
        ("heartbeat_interval_s", 0),
        ("clock_drift_s_max", 1.0),
        ("clock_drift_s_max", -0.1),
        ("append_bytes_max", 0),
        ("inflight_messages_max", 0),
        ("inflight_bytes_max", 0),
        ("uncommitted_bytes_max", 0),
        ("apply_bytes_max", 0),
        ("reads_max", 0),
        ("snapshot_timeout_s", 0),
        ("hibernate_after_s", -1.0),
    ],
)
def test_what_does_not_fit_is_named(name: str, value: float) -> None:
    """Every bound is checked, and the error says which option broke it."""
    wrong: dict[str, Any] = {name: value}
    options = attrs.evolve(RaftOptions(), **wrong)
    with pytest.raises(OptionError) as caught:
        options.validate()
    assert caught.value.name == name


def test_leases_need_the_check_of_the_quorum() -> None:
    """Without it voters do not wait for the leader, so a lease would promise nothing."""
    with pytest.raises(OptionError, match="is_lease_reads"):
        RaftOptions(is_check_quorum=False, is_lease_reads=True).validate()
