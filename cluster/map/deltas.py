"""Deltas: what a follower is sent so that it need not fetch the whole map.

Followers do not run the log. They hear of a newer epoch by gossip, ask whoever told them, and get
the commands that led there. The state machine makes the same map of them, and the digest shows
that it did: a follower that comes to another one (it had another map of its epoch, or another
version of the program) says so and fetches the whole map instead.

Only commands that changed the map are in a delta, each adding 1 to the epoch.
"""

from __future__ import annotations

from collections import deque

from attrs import frozen

from cluster.errors import ClusterError
from cluster.map.codec import (
    DIGEST_BYTES,
    KIND_DELTA,
    MapFormatError,
    framed,
    map_digest,
    pack_command,
    unframed,
    unpack_command,
)
from cluster.map.commands import MapCommand
from cluster.map.fields import FieldError, NumberKind
from cluster.map.state_machine import apply_command
from cluster.map.values import ClusterMap

DELTA_COMMANDS_MAX = 1024


class DeltaMismatch(ClusterError):
    """A delta does not lead from the held map to where it says; fetch the whole map.

    Args:
        reason: text for people.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"the delta does not fit: {self.reason}"


@frozen
class NumberedCommand:
    """A command under the id that its proposer gave it."""

    command_id: int
    command: MapCommand


@frozen
class Delta:
    """The commands that lead from one map to a later one, and the digest of that."""

    from_epoch: int
    to_epoch: int
    commands: tuple[NumberedCommand, ...]
    digest: bytes


def follow(held: ClusterMap, delta: Delta) -> ClusterMap:
    """Return the later map, as followers hold it; a delta that ends here or before is ignored.

    Raises:
        DeltaMismatch: it begins after the held map, or does not lead where it says.
    """
    current = held.published()
    if delta.to_epoch <= current.epoch:
        return current
    if not delta.from_epoch <= current.epoch:
        raise DeltaMismatch(f"from epoch {delta.from_epoch}, held is {current.epoch}")
    if len(delta.commands) != delta.to_epoch - delta.from_epoch:
        raise DeltaMismatch(f"{len(delta.commands)} commands up to epoch {delta.to_epoch}")
    for numbered in delta.commands[current.epoch - delta.from_epoch :]:
        following, result = apply_command(current, numbered.command_id, numbered.command)
        if following.epoch != current.epoch + 1:
            raise DeltaMismatch(f"after epoch {current.epoch}: {result.text or 'no change'}")
        current = following.published()
    if map_digest(current) != delta.digest:
        raise DeltaMismatch(f"another map of epoch {current.epoch}")
    return current


class DeltaLog:
    """The newest commands that changed the map, from which deltas are cut."""

    def __init__(self, *, commands_max: int = DELTA_COMMANDS_MAX) -> None:
        self._commands_max = commands_max
        self._commands: deque[NumberedCommand] = deque(maxlen=commands_max)
        self._epoch = 0

    def note(self, before: ClusterMap, after: ClusterMap, numbered: NumberedCommand) -> None:
        """Remember what made `after` of `before`; a command that changed nothing is skipped."""
        if after.epoch == before.epoch:
            return
        assert after.epoch == before.epoch + 1, (before.epoch, after.epoch)
        if self._epoch != before.epoch:
            self._commands.clear()
        self._commands.append(numbered)
        self._epoch = after.epoch

    def note_followed(self, held_epoch: int, delta: Delta) -> None:
        """Remember the commands of a delta that was followed from the map of `held_epoch`."""
        assert delta.from_epoch <= held_epoch, (delta.from_epoch, held_epoch)
        if self._epoch != held_epoch:
            self._commands.clear()
        self._commands.extend(delta.commands[held_epoch - delta.from_epoch :])
        self._epoch = max(held_epoch, delta.to_epoch)

    def delta_since(self, known_epoch: int, current: ClusterMap) -> Delta | None:
        """Return what leads from an epoch to the map; None when that is not remembered.

        Costs a digest of the map.
        """
        missing = current.epoch - known_epoch
        if self._epoch != current.epoch or not 0 < missing <= len(self._commands):
            return None
        newest = tuple(self._commands)[-missing:]
        return Delta(known_epoch, current.epoch, newest, map_digest(current))


def encode_delta(delta: Delta) -> bytes:
    """Return the bytes of a delta."""
    numbered = [[each.command_id, pack_command(each.command)] for each in delta.commands]
    return framed(KIND_DELTA, [delta.from_epoch, delta.to_epoch, numbered, delta.digest])


def decode_delta(data: bytes) -> Delta:
    """Return the delta in `data`.

    Raises:
        MapFormatError: these bytes are no delta.
    """
    item = unframed(KIND_DELTA, data)
    try:
        return _unpacked(item)
    except FieldError as failure:
        raise MapFormatError(f"delta: {failure}") from failure


def _unpacked(item: object) -> Delta:
    if not isinstance(item, list) or len(item) != 4 or not isinstance(item[2], list):
        raise FieldError("not a delta")
    digest = item[3]
    if not isinstance(digest, bytes) or len(digest) != DIGEST_BYTES:
        raise FieldError("not a digest")
    numbered = []
    for pair in item[2]:
        if not isinstance(pair, list) or len(pair) != 2:
            raise FieldError("not a numbered command")
        number = NumberKind().unpack(pair[0])
        numbered.append(NumberedCommand(number, unpack_command(pair[1])))
    counter = NumberKind()
    return Delta(counter.unpack(item[0]), counter.unpack(item[1]), tuple(numbered), digest)
