"""Outputs of the control plane are plain values."""

from __future__ import annotations

from typing import get_args

import attrs

from cluster.control import outputs


def test_every_output_is_a_frozen_value_that_says_its_duty() -> None:
    """The shell acts on them in order; what each asks for is in its docstring."""
    for kind in get_args(outputs.Output):
        assert attrs.has(kind)
        assert kind.__setattr__ is not object.__setattr__, kind
        assert kind.__doc__, kind
