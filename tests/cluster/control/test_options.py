"""Options of the control plane: what does not fit together is refused by name."""

from __future__ import annotations

import pytest

from cluster.control.options import ControlOptions
from cluster.errors import OptionError
from cluster.membership.options import SwimOptions


def test_the_defaults_fit_together() -> None:
    """They are what a node runs with."""
    ControlOptions().validate()


@pytest.mark.parametrize(
    "options",
    [
        ControlOptions(transitions_max=0),
        ControlOptions(write_hold_s=8.0),
        ControlOptions(journal_rewrite_bytes=10),
        ControlOptions(rebalance_interval_s=0.0),
        ControlOptions(swim=SwimOptions(probe_timeout_s=2.0)),
    ],
)
def test_what_does_not_fit_is_refused(options: ControlOptions) -> None:
    """Relations too: leaders must hold writes for longer than a proposal can take."""
    with pytest.raises(OptionError):
        options.validate()
