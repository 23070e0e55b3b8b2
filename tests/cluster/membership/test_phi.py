from __future__ import annotations

import math
from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.identity import NodeId
from cluster.membership.phi import Level, PhiDetector, PhiOptions, phi_of

PEER, OTHER = NodeId("peer"), NodeId("other")
OPTIONS = PhiOptions()
PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459230781640628620899")


def exact_phi(z: float) -> float:
    """-log10 of the upper tail of the normal distribution, with hundreds of digits.

    erf by its Taylor series, whose terms grow to e^(z^2/2) before they fall: the precision is
    that many digits more than the tail is small.
    """
    with localcontext() as context:
        context.prec = 60 + int(z * z / 2)
        x = Decimal(z) / Decimal(2).sqrt()
        # erf(x) = 2 x e^(-x^2) / sqrt(pi) * sum (2 x^2)^n / (1*3*5*...): no cancellation.
        term = total = Decimal(1)
        n = 0
        while term > total * Decimal(10) ** -context.prec:
            n += 1
            term *= 2 * x * x / (2 * n + 1)
            total += term
        erf = 2 * x * (-x * x).exp() / many_digits_of_pi(context.prec).sqrt() * total
        later = (1 - erf) / 2
        return float(-later.log10())


def many_digits_of_pi(precision: int) -> Decimal:
    """Pi by Machin's formula, as many digits as asked."""

    def arctangent_of_inverse(x: int) -> Decimal:
        power = total = Decimal(1) / x
        n = 1
        while abs(power) > Decimal(10) ** -(precision + 5):
            power /= -x * x
            n += 2
            total += power / n
        return total

    with localcontext() as context:
        context.prec = precision + 5
        return 4 * (4 * arctangent_of_inverse(5) - arctangent_of_inverse(239))


def detector(*beats: float) -> PhiDetector:
    """A detector that heard a peer at these times and looked often enough in between."""
    made = PhiDetector(OPTIONS)
    made.watch(PEER, beats[0])
    for beat in beats[1:]:
        made.heartbeat(PEER, beat)
    return made


def steady(count: int = 100) -> PhiDetector:
    """A peer that was heard each second, last at `count` - 1."""
    return detector(*(float(i) for i in range(count)))


def look_until(made: PhiDetector, began: float, end: float) -> None:
    """Let the process run: look twice a second."""
    now = began
    while now < end:
        now = min(now + 0.5, end)
        made.look(now)


def test_pi_is_pi() -> None:
    """What the tests compare with is itself compared."""
    assert str(many_digits_of_pi(60))[:50] == str(PI)[:50]


@given(st.floats(-6.0, 37.0))
def test_phi_agrees_with_exact_values(z: float) -> None:
    """To 12 digits over the whole range in which the tail is a number, beyond 8 sigma too."""
    expected = exact_phi(z) if z > 0 else exact_below_mean(z)
    assert phi_of(10.0 + z, 10.0, 1.0) == pytest.approx(expected, rel=1e-10, abs=1e-300)


def exact_below_mean(z: float) -> float:
    """Phi on the other side: -log10(1 - tail(-z))."""
    with localcontext() as context:
        context.prec = 80
        tail = Decimal(10) ** Decimal(-exact_phi(-z)) if z < 0 else Decimal("0.5")
        return float(-(1 - tail).log10())


def test_phi_of_the_impossible_is_infinite() -> None:
    """Where the tail is 0 in floating point, phi is infinite and not an error."""
    assert phi_of(1000.0, 1.0, 0.1) == math.inf
    assert 8 < phi_of(9.3, 1.0, 1.0) < 17  # 8.3 sigma: 1 - F is 0 there, erfc is not


@given(
    st.lists(st.floats(0.0, 20.0), max_size=30),
    st.floats(0.0, 100.0),
    st.floats(0.0, 100.0),
)
def test_phi_never_falls_while_nothing_is_heard(
    pauses: list[float], first: float, second: float
) -> None:
    """Whatever was heard before, more silence is never less suspicious; phi is never negative."""
    now, beats = 0.0, [0.0]
    for pause in pauses:
        now += pause
        beats.append(now)
    made = detector(*beats)
    earlier, later = sorted((now + first, now + second))
    assert 0 <= made.phi(PEER, earlier) <= made.phi(PEER, later)


@given(st.lists(st.integers(0, 9_999_999), min_size=1, max_size=60))
def test_window_forgets_exactly(intervals: list[int]) -> None:
    """Sums over a moving window are exact: after any history they equal those of the window."""
    options = PhiOptions(window=7)
    long, now = PhiDetector(options), 0
    long.watch(PEER, 0.0)
    for interval in intervals:
        now += interval
        long.heartbeat(PEER, now / 1e6)
        long.look(now / 1e6)
    peer = long._peers[PEER]
    kept = list(peer._intervals)
    assert len(kept) <= 7
    assert peer._sum == sum(kept)
    assert peer._sum_of_squares == sum(i * i for i in kept)


def test_levels_are_at_one_and_eight() -> None:
    """alive < 1 <= suspected < 8 <= dead, in this order as time passes; a heartbeat resets."""
    made = steady()
    seen = []
    now = 99.0
    while now < 110.0:
        level, phi = made.level(PEER, now), made.phi(PEER, now)
        expected = Level.ALIVE if phi < 1 else Level.SUSPECTED if phi < 8 else Level.DEAD
        assert level is expected
        seen.append(level)
        now += 0.01
    assert list(dict.fromkeys(seen)) == [Level.ALIVE, Level.SUSPECTED, Level.DEAD]
    made.heartbeat(PEER, now)
    assert made.level(PEER, now) is Level.ALIVE


def test_deviation_has_a_floor_and_a_pause_is_accepted() -> None:
    """A perfectly regular peer is not suspected for being late by the acceptable pause."""
    made = steady()
    assert made.phi(PEER, 99.0 + 1.0 + OPTIONS.acceptable_pause_s) < 1
    look_until(made, 99.0, 102.9)
    assert made.level(PEER, 102.9) is Level.DEAD


def test_nobody_is_convicted_right_after_a_local_pause() -> None:
    """A process that was stopped for a minute suspects, but does not hold dead, until it read."""
    made = steady()
    made.look(99.5)
    assert made.phi(PEER, 160.0) == math.inf
    assert made.level(PEER, 160.0) is Level.SUSPECTED
    mean = made._peers[PEER].mean_s()
    made.heartbeat(PEER, 160.1)
    assert made._peers[PEER].mean_s() == mean, "the pause was learnt as an interval"
    look_until(made, 160.1, 162.9)
    made.watch(OTHER, 120.0)  # silent since before the pause
    assert made.phi(OTHER, 162.9) == math.inf
    assert made.level(OTHER, 162.9) is Level.SUSPECTED
    assert made.level(OTHER, 163.1) is Level.DEAD


def test_strangers_have_no_phi() -> None:
    """A peer that is not watched is not suspected, and its heartbeats make no peer of it."""
    made = steady()
    made.heartbeat(NodeId("other"), 99.0)
    assert made.phi(NodeId("other"), 999.0) == 0.0
    assert made.watched() == (PEER,)
    made.unwatch(PEER)
    assert made.watched() == ()


def test_an_outage_is_not_learnt() -> None:
    """A minute without heartbeats does not make the next minute without them normal."""
    made = steady()
    look_until(made, 99.0, 159.0)
    deviation = made._peers[PEER].deviation_s()
    made.heartbeat(PEER, 159.0)
    assert made._peers[PEER].deviation_s() == deviation
