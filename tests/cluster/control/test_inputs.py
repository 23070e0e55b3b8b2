"""Inputs of the control plane are plain values."""

from __future__ import annotations

from typing import get_args

import attrs

from cluster.control import inputs


def test_every_input_is_a_frozen_value() -> None:
    """They wait in the shell's inbox, so nobody may change them."""
    for kind in get_args(inputs.Input):
        assert attrs.has(kind)
        assert kind.__setattr__ is not object.__setattr__, kind
