"""Value types of Redis' own forms, against answers seen from redis-server 7.0.15."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meridian_resp.config.errors import ValueRefusedError
from meridian_resp.config.redis_values import (
    BufferLimit,
    BufferLimits,
    BufferLimitsType,
    CommandRename,
    CommandRenamesType,
    KeyspaceEvents,
    KeyspaceEventsType,
    SavePoint,
    SavePointsType,
)
from meridian_resp.config.toml_file import words_of_value
from meridian_resp.config.values import INT64_MAX

SAVE_POINTS = st.builds(SavePoint, st.integers(1, 10**9), st.integers(0, 10**9))
LIMITS = st.builds(
    BufferLimit, st.integers(0, INT64_MAX), st.integers(0, INT64_MAX), st.integers(0, 10**6)
)
NO_LIMIT = BufferLimit(0, 0, 0)
DEFAULT_LIMITS = BufferLimits(NO_LIMIT, NO_LIMIT, NO_LIMIT)


@given(st.lists(SAVE_POINTS, max_size=5).map(tuple))
def test_save_points_round_trip(points: tuple[SavePoint, ...]) -> None:
    """One text of CONFIG GET, one line each in a file, and a list in TOML give them back."""
    save = SavePointsType()
    assert save.parse(save.format(points).split(" "), ()) == points
    parsed: tuple[SavePoint, ...] = ()
    for line in save.lines(points):
        parsed = save.combine(parsed, save.parse(line, ()))
    assert parsed == points
    assert save.parse(words_of_value(save.toml(points)) or (), ()) == points


def test_an_empty_save_line_clears_the_earlier_ones() -> None:
    """`save ""` takes back what stood before it."""
    save = SavePointsType()
    earlier = (SavePoint(900, 1),)
    assert save.combine(earlier, save.parse([""], ())) == ()
    later = (SavePoint(60, 5),)
    merged: tuple[SavePoint, ...] = earlier
    for line in save.outweighing_lines(later):
        merged = save.combine(merged, save.parse(line, ()))
    assert merged == later


@pytest.mark.parametrize("text", ["900", "900 1 300", "0 1", "900 a", "900 -1", "900  1", "a"])
def test_wrong_save_points_are_refused(text: str) -> None:
    """Half pairs, no seconds, negative changes and double spaces are refused as by Redis."""
    with pytest.raises(ValueRefusedError) as refused:
        SavePointsType().parse(text.split(" "), ())
    assert str(refused.value) == "Invalid save parameters"


@given(
    st.builds(BufferLimits, LIMITS, LIMITS, LIMITS),
    st.builds(BufferLimits, LIMITS, LIMITS, LIMITS),
)
def test_buffer_limits_round_trip(limits: BufferLimits, other: BufferLimits) -> None:
    """All classes written name all classes, so they give the value back from any other one."""
    buffer = BufferLimitsType()
    assert buffer.parse(buffer.format(limits).split(" "), other) == limits
    current = other
    for line in buffer.lines(limits):
        current = buffer.parse(line, current)
    assert current == limits
    assert buffer.parse(words_of_value(buffer.toml(limits)) or (), other) == limits


def test_buffer_limits_of_other_classes_stay() -> None:
    """A class that is not named keeps its limits; slave is replica, in the answer too."""
    buffer = BufferLimitsType()
    words = ["normal", "1mb", "2k", "3", "slave", "1", "1", "1"]
    changed = buffer.parse(words, DEFAULT_LIMITS)
    assert changed.pubsub == DEFAULT_LIMITS.pubsub
    assert buffer.format(changed) == "normal 1048576 2000 3 slave 1 1 1 pubsub 0 0 0"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "Wrong number of arguments in buffer limit configuration."),
        ("normal 1 2", "Wrong number of arguments in buffer limit configuration."),
        ("foo 1 2 3", "Invalid client class specified in buffer limit configuration."),
        (
            "normal 1xb 2k 3",
            "Error in hard, soft or soft_seconds setting in buffer limit configuration.",
        ),
        (
            "normal 1 2k -3",
            "Error in hard, soft or soft_seconds setting in buffer limit configuration.",
        ),
    ],
)
def test_wrong_buffer_limits_are_refused(text: str, reason: str) -> None:
    """Each mistake has the text Redis has for it."""
    with pytest.raises(ValueRefusedError) as refused:
        BufferLimitsType().parse(text.split(" "), DEFAULT_LIMITS)
    assert str(refused.value) == reason


@given(st.integers(0, 2**15 - 1).map(lambda bits: KeyspaceEvents(bits & ~(1 << 12))))
def test_keyspace_events_round_trip_in_files(events: KeyspaceEvents) -> None:
    """Any set of classes is written to a file and read back."""
    event_type = KeyspaceEventsType()
    assert event_type.parse(event_type.lines(events)[0], KeyspaceEvents(0)) == events
    assert event_type.parse([str(event_type.toml(events))], KeyspaceEvents(0)) == events


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("", ""),
        ("KEA", "AKE"),
        ("AKExm", "AKEm"),
        ("Kn", "nK"),
        ("tlshz$xedKg", "AK"),
        ("KgnE", "gnKE"),
        ("KExgm", "gxKEm"),
        ("An", "A"),
        ("KEd", "dKE"),
    ],
)
def test_keyspace_events_are_answered_as_by_redis(text: str, answer: str) -> None:
    """CONFIG GET sorts the letters and folds all classes to A."""
    event_type = KeyspaceEventsType()
    assert event_type.format(event_type.parse([text], KeyspaceEvents(0))) == answer


def test_unknown_event_letters_are_refused() -> None:
    """A letter that is no class is refused with the ones that are."""
    with pytest.raises(ValueRefusedError) as refused:
        KeyspaceEventsType().parse(["xyz"], KeyspaceEvents(0))
    expected = "Invalid event class character. Use 'Ag$lshzxeKEtmdn'."
    assert str(refused.value) == expected


@given(st.lists(st.builds(CommandRename, st.binary(min_size=1), st.binary())).map(tuple))
def test_renames_round_trip(renames: tuple[CommandRename, ...]) -> None:
    """A line for each rename gives them all back, in order."""
    rename_type = CommandRenamesType()
    parsed: tuple[CommandRename, ...] = ()
    for line in rename_type.lines(renames):
        parsed = rename_type.combine(parsed, rename_type.parse(line, ()))
    assert parsed == renames


def test_renames_need_both_names() -> None:
    """A command without a new name is a mistake; an empty new name takes the command away."""
    rename_type = CommandRenamesType()
    assert rename_type.parse(["DEBUG", ""], ()) == (CommandRename(b"DEBUG", b""),)
    for arguments in ([], ["GET"], ["", "X"]):
        with pytest.raises(ValueRefusedError):
            rename_type.parse(arguments, ())
