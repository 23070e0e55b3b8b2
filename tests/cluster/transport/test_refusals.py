from __future__ import annotations

from cluster.transport.refusals import Refusals


def test_a_reason_is_said_once_a_minute_with_its_number() -> None:
    """The first is said at once, later ones are added up for the next line."""
    refusals = Refusals(60.0)
    assert refusals.count("magic", 5.0) == 1
    assert [refusals.count("magic", 5.0 + second) for second in range(1, 60)] == [0] * 59
    assert refusals.count("magic", 65.0) == 60
    assert refusals.counts() == {"magic": 61}


def test_reasons_are_said_apart() -> None:
    """A flood of garbage does not hide that somebody has the wrong secret."""
    refusals = Refusals(60.0)
    assert refusals.count("garbage", 0.0) == refusals.count("secret", 1.0) == 1
    assert refusals.counts() == {"garbage": 1, "secret": 1}
