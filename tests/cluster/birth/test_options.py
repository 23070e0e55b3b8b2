from __future__ import annotations

from typing import Any

import attrs
import pytest

from cluster.birth.options import BirthOptions
from cluster.errors import OptionError


def test_the_defaults_fit_together() -> None:
    """Nobody has to set anything."""
    BirthOptions().validate()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("quiet_s", 0.0),
        ("resend_s", 3.0),
        ("patience_s", 6.9),
        ("abandon_s", 5.0),
        ("replicas", 0),
    ],
)
def test_what_does_not_fit_is_refused_by_name(name: str, value: float) -> None:
    """A second proposer before the first one's round is over, for instance, is no patience."""
    changes: dict[str, Any] = {name: value}
    options = attrs.evolve(BirthOptions(), **changes)
    with pytest.raises(OptionError, match=name):
        options.validate()
