"""Requests to the control plane and their answers are plain values."""

from __future__ import annotations

from typing import get_args

import attrs
import pytest

from cluster.control import requests as r


def test_every_request_is_a_frozen_value() -> None:
    """They wait in queues, so nobody may change them."""
    for kind in get_args(r.Request):
        assert attrs.has(kind)
        assert kind.__setattr__ is not object.__setattr__, kind


def test_a_refusal_that_is_raised_says_what_was_wrong() -> None:
    """Who awaits a request gets the text of the answer."""
    with pytest.raises(r.ClusterRequestRefused, match="no such slot") as caught:
        raise r.ClusterRequestRefused("no such slot", is_unknown=True)
    assert caught.value.is_unknown
