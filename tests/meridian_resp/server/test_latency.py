from __future__ import annotations

from meridian_resp.server.latency import SAMPLES_MAX, LatencyMonitor, LatencySample


def test_a_second_keeps_its_worst() -> None:
    """Spikes of one second are one sample; the worst ever is kept apart."""
    monitor = LatencyMonitor()
    for at_s, duration_ms in ((5, 10), (5, 30), (5, 20), (6, 15)):
        monitor.add("command", at_s, duration_ms)
    event = monitor.events["command"]
    assert list(event.samples) == [LatencySample(5, 30), LatencySample(6, 15)]
    assert event.latest == LatencySample(6, 15)
    assert event.worst_ms == 30


def test_samples_are_bounded() -> None:
    """The oldest leave, the worst ever stays."""
    monitor = LatencyMonitor(7)
    for second in range(SAMPLES_MAX + 10):
        monitor.add("fork", second, 1000 - second)
    event = monitor.events["fork"]
    assert len(event.samples) == SAMPLES_MAX
    assert event.samples[0].at_s == 10
    assert event.worst_ms == 1000
    assert monitor.threshold_ms == 7


def test_reset_counts_what_it_forgets() -> None:
    """A name given twice or never seen counts once or not at all; no name means all."""
    monitor = LatencyMonitor()
    for name in ("a", "b", "c"):
        monitor.add(name, 1, 1)
    assert monitor.reset(["a", "a", "x"]) == 1
    assert list(monitor.events) == ["b", "c"]
    assert monitor.reset() == 2
    assert monitor.reset() == 0
