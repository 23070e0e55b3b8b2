from __future__ import annotations

import attrs
import pytest

from cluster.map.codec import MapFormatError, framed, map_digest
from cluster.map.commands import AddMember, MapCommand, SetFeature, SetSetting
from cluster.map.deltas import (
    Delta,
    DeltaLog,
    DeltaMismatch,
    NumberedCommand,
    decode_delta,
    encode_delta,
    follow,
)
from cluster.map.state_machine import apply_command
from cluster.map.values import ClusterMap
from tests.cluster.map.maps import first_map, member

COMMANDS: tuple[MapCommand, ...] = (
    AddMember(member(3)),
    SetSetting("", "rejected"),
    SetSetting("name", "value"),
    SetSetting("name", "value"),
    SetFeature("flag", True),
)


def logged(first: ClusterMap, *, commands_max: int = 10) -> tuple[ClusterMap, DeltaLog]:
    """The map after the commands above, and what was remembered of them."""
    log, current = DeltaLog(commands_max=commands_max), first
    for number, command in enumerate(COMMANDS):
        before = current
        current, _ = apply_command(current, number, command)
        log.note(before, current, NumberedCommand(number, command))
    return current, log


def delta_from(first: ClusterMap, known_epoch: int = 1) -> tuple[ClusterMap, Delta]:
    """The map after the commands, and the delta to it."""
    current, log = logged(first)
    delta = log.delta_since(known_epoch, current)
    assert delta is not None
    return current, delta


def test_a_follower_gets_what_changed() -> None:
    """Only commands that changed the map are sent; the follower's map is that of the log."""
    first = first_map(2)
    current, delta = delta_from(first)
    assert (delta.from_epoch, delta.to_epoch, len(delta.commands)) == (1, 4, 3)
    assert current.published() == follow(first, delta)
    assert delta == decode_delta(encode_delta(delta))


def test_a_delta_that_overlaps_is_taken_from_where_the_follower_is() -> None:
    """Two replies may cross: what is held already is skipped, an old delta changes nothing."""
    first = first_map(2)
    current, delta = delta_from(first)
    _, later = delta_from(first, 3)
    middle = follow(
        first,
        attrs.evolve(
            delta,
            to_epoch=2,
            commands=delta.commands[:1],
            digest=(map_digest(apply_command(first, 0, COMMANDS[0])[0])),
        ),
    )
    assert middle.epoch == 2
    assert current.published() == follow(middle, delta)
    assert current.published() == follow(follow(middle, delta), later)


def test_a_delta_that_does_not_fit_is_noticed() -> None:
    """A gap, missing commands, another map of the epoch, or one in which they do nothing."""
    first = first_map(2)
    current, delta = delta_from(first)
    with pytest.raises(DeltaMismatch, match="from epoch 3"):
        follow(first, attrs.evolve(delta, from_epoch=3))
    with pytest.raises(DeltaMismatch, match="2 commands"):
        follow(first, attrs.evolve(delta, commands=delta.commands[:2]))
    with pytest.raises(DeltaMismatch, match="another map"):
        follow(attrs.evolve(first, home_datacenter="dc2"), delta)
    other = attrs.evolve(first, members=current.members)
    with pytest.raises(DeltaMismatch, match="no change"):
        follow(other, delta)


def test_what_is_not_remembered_is_fetched_whole() -> None:
    """The log is bounded, and knows nothing of maps that it did not see."""
    current, log = logged(first_map(2), commands_max=2)
    assert log.delta_since(1, current) is None
    assert log.delta_since(2, current) is not None
    assert log.delta_since(4, current) is None
    assert log.delta_since(7, current) is None
    assert DeltaLog().delta_since(3, current) is None
    assert log.delta_since(2, attrs.evolve(current, epoch=9)) is None


def test_a_gap_in_the_log_forgets_what_was_before() -> None:
    """After a snapshot was installed, commands before it lead nowhere."""
    current, log = logged(first_map(2))
    ahead = attrs.evolve(current, epoch=20)
    command = SetSetting("name", "later")
    after, _ = apply_command(ahead, 99, command)
    log.note(ahead, after, NumberedCommand(99, command))
    assert log.delta_since(19, after) is None
    assert log.delta_since(20, after) is not None


@pytest.mark.parametrize(
    "item",
    [
        [],
        [1, 2, [], b"short"],
        [1, 2, 3, bytes(16)],
        [1, 2, [[1]], bytes(16)],
        [1, 2, [[1, [99]]], bytes(16)],
        [-1, 2, [], bytes(16)],
    ],
)
def test_garbage_is_no_delta(item: list[object]) -> None:
    """Each part is checked."""
    with pytest.raises(MapFormatError):
        decode_delta(framed(4, item))
