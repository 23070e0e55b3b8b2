"""What LATENCY GRAPH and LATENCY DOCTOR say to people, as functions of the samples."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from meridian_resp.server.latency import LatencyEvent, LatencySample

#: Characters of the picture in one line, and lines of the picture.
COLUMNS: Final = 80
ROWS: Final = 4
#: Marks of a line from low to high, and of a line below the top of a column.
MARKS: Final = "_o#"
FILLED: Final = "|"


def graph_text(name: str, samples: Iterable[LatencySample], worst_ms: int, now_s: int) -> str:
    """The last `COLUMNS` samples as columns whose height is the duration, ages below them."""
    shown = list(samples)[-COLUMNS:]
    durations = [sample.duration_ms for sample in shown]
    low, high = min(durations), max(durations)
    steps = ROWS * len(MARKS)
    scale = max(high - low, 1)
    heights = [min((duration - low) * steps // scale, steps - 1) for duration in durations]
    lines = [f"{name} - high {high} ms, low {low} ms (all time high {worst_ms} ms)", "-" * COLUMNS]
    for row in reversed(range(ROWS)):
        lines.append("".join([_mark(height - row * len(MARKS)) for height in heights]))
    lines.append(" " * len(heights))
    labels = [age_label(now_s - sample.at_s) for sample in shown]
    for place in range(max(len(label) for label in labels)):
        lines.append("".join([label[place : place + 1] or " " for label in labels]))
    return "\n".join(lines) + "\n"


def _mark(height: int) -> str:
    """The mark of a column in a row, for its height above the row's foot in steps."""
    if height < 0:
        return " "
    return MARKS[height] if height < len(MARKS) else FILLED


def age_label(age_s: int) -> str:
    """An age in its largest whole unit: `45s`, `12m`, `3h`, `2d`."""
    age_s = max(age_s, 0)
    for unit, seconds in (("d", 86400), ("h", 3600), ("m", 60)):
        if age_s >= seconds:
            return f"{age_s // seconds}{unit}"
    return f"{age_s}s"


def doctor_text(
    events: Mapping[str, LatencyEvent],
    now_s: int,
    *,
    threshold_ms: int,
    slow_log_usec: int,
) -> str:
    """What was seen of each event, and what to do about it."""
    if not threshold_ms and not events:
        return (
            "The latency monitor is off. Switch it on with "
            '"CONFIG SET latency-monitor-threshold <milliseconds>".\n'
        )
    if not events:
        return f"No event took {threshold_ms} ms or longer since the latency monitor is on.\n"
    lines = ["Latency spikes were seen:", ""]
    for number, (name, event) in enumerate(events.items(), 1):
        lines.append(f"{number}. {name}: {_summary(event, now_s)}")
    return "\n".join([*lines, "", *_advice(events, slow_log_usec)]) + "\n"


def _summary(event: LatencyEvent, now_s: int) -> str:
    """Figures of an event in one sentence."""
    durations = [sample.duration_ms for sample in event.samples]
    count = len(durations)
    average = sum(durations) / count
    deviation = sum([abs(duration - average) for duration in durations]) / count
    period_s = max(now_s - event.samples[0].at_s, 1) / count
    return (
        f"{count} latency spikes (average {average:.0f}ms, mean deviation {deviation:.0f}ms, "
        f"period {period_s:.2f} sec). Worst all time event {event.worst_ms}ms."
    )


def _advice(events: Mapping[str, LatencyEvent], slow_log_usec: int) -> Sequence[str]:
    """What helps against the events that were seen."""
    advice = []
    if "command" in events:
        if slow_log_usec < 0:
            advice.append(
                "- The slow log is off; CONFIG SET slowlog-log-slower-than 10000 makes it "
                "remember commands that take 10 ms."
            )
        advice.append("- SLOWLOG GET shows which commands take long, and who sends them.")
    if "fast-command" in events:
        advice.append(
            "- Commands that should take microseconds were slow: the machine has too few free "
            "processor cores, swaps, or its disk is slow."
        )
    return advice or ["- Look at what else runs on this machine at these times."]
