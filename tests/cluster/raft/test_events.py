from __future__ import annotations

import typing

from cluster.raft import core, events


def test_every_event_is_handled() -> None:
    """No event is left out of the tables of the core: a new one cannot be forgotten."""
    kinds = set(typing.get_args(events.Event))
    assert kinds == set(core._LOCAL) | set(core._TERM_MESSAGES)
