from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from cluster.identity import Endpoint
from cluster.transport.dialling import Dial
from cluster.transport.options import TransportOptions

OPTIONS = TransportOptions()


def dial(seed: int = 1) -> Dial:
    """An endpoint that was never tried."""
    return Dial(Endpoint("10.0.0.1", 7400), OPTIONS, Random(seed))


@given(st.integers(0, 2**32), st.integers(1, 100))
def test_the_pause_doubles_between_its_bounds(seed: int, failures: int) -> None:
    """Chance takes away up to half of it, never all."""
    tried = dial(seed)
    for _ in range(failures):
        tried.fail(100.0, up_s=0.0)
    longest = min(0.1 * 2 ** (failures - 1), 10.0)
    assert 100 + longest / 2 <= tried.retry_at <= 100 + longest
    assert not tried.may_try(100.0) and tried.may_try(tried.retry_at)


def test_a_link_that_held_begins_the_count_anew() -> None:
    """One that was up for a moment does not."""
    tried = dial()
    for _ in range(10):
        tried.fail(0.0, up_s=1.0)
    assert tried.retry_at >= 5.0
    tried.fail(0.0, up_s=10.0)
    assert tried.retry_at <= 0.1


def test_it_is_forgotten_when_nobody_wants_it() -> None:
    """A wish keeps it, and is what it is looked at for."""
    tried = dial()
    tried.fail(0.0, up_s=0.0)
    assert tried.look_at() == tried.retry_at + OPTIONS.forget_s
    assert tried.is_forgettable(61.0) and not tried.is_forgettable(60.0)
    tried.is_wanted = True
    assert tried.look_at() == tried.retry_at and not tried.is_forgettable(1000.0)


def test_a_peer_that_shows_itself_ends_the_pause() -> None:
    """And never makes it longer."""
    tried = dial()
    tried.fail(0.0, up_s=0.0)
    tried.hear_of(0.01)
    assert tried.may_try(0.01)
    tried.hear_of(99.0)
    assert tried.retry_at == 0.01
