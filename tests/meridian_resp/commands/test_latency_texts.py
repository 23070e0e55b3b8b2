from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from meridian_resp.commands.latency_texts import COLUMNS, ROWS, age_label, doctor_text, graph_text
from meridian_resp.server.latency import LatencyMonitor, LatencySample


def test_one_sample_is_drawn_as_redis_draws_it() -> None:
    """Four lines of picture, a blank one, the age from top to bottom."""
    text = graph_text("command", [LatencySample(100, 10)], 12, 100)
    assert text == (
        "command - high 10 ms, low 10 ms (all time high 12 ms)\n" + "-" * 80 + "\n"
        " \n \n \n_\n \n0\ns\n"
    )


def test_heights_follow_durations() -> None:
    """The lowest stands on the ground, the highest reaches the top."""
    samples = [LatencySample(100 + number, 10 * number) for number in range(3)]
    lines = graph_text("x", samples, 20, 103).split("\n")
    assert lines[2:6] == ["  #", " _|", " ||", "_||"]
    assert lines[7:9] == ["321", "sss"]


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=160))
def test_the_picture_has_its_size(durations: list[int]) -> None:
    """Whatever the durations: at most 80 columns, the newest at the right."""
    samples = [LatencySample(number, one) for number, one in enumerate(durations)]
    lines = graph_text("x", samples, 1, len(durations)).split("\n")
    width = min(len(durations), COLUMNS)
    assert all(len(line) == width for line in lines[2 : 2 + ROWS + 1])
    ground = lines[1 + ROWS]
    assert " " not in ground


def test_ages_in_their_largest_unit() -> None:
    """A clock set back gives no negative age."""
    ages = [age_label(age_s) for age_s in (-5, 59, 60, 3599, 3600, 86399, 86400, 10**6)]
    assert ages == ["0s", "59s", "1m", "59m", "1h", "23h", "1d", "11d"]


def test_the_doctor_says_why_there_is_nothing() -> None:
    """Off, or on and quiet."""
    off = doctor_text({}, 0, threshold_ms=0, slow_log_usec=0)
    assert "CONFIG SET latency-monitor-threshold" in off
    assert "100 ms" in doctor_text({}, 0, threshold_ms=100, slow_log_usec=0)


def test_the_doctor_sums_up_and_advises() -> None:
    """Figures of each event; advice depends on the events and on the slow log."""
    monitor = LatencyMonitor()
    monitor.add("command", 90, 10)
    monitor.add("command", 95, 30)
    text = doctor_text(monitor.events, 100, threshold_ms=0, slow_log_usec=-1)
    assert (
        "1. command: 2 latency spikes (average 20ms, mean deviation 10ms, period 5.00 sec). "
        "Worst all time event 30ms." in text
    )
    assert "slow log is off" in text
    assert "slow log is off" not in doctor_text(
        monitor.events, 100, threshold_ms=0, slow_log_usec=0
    )
    monitor.reset()
    monitor.add("fast-command", 1, 1)
    fast = doctor_text(monitor.events, 1, threshold_ms=1, slow_log_usec=0)
    assert "free processor cores" in fast
    monitor.reset()
    monitor.add("eviction-cycle", 1, 1)
    other = doctor_text(monitor.events, 1, threshold_ms=1, slow_log_usec=0)
    assert "Look at what else runs" in other
