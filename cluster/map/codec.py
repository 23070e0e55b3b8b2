"""Maps, commands, geneses and deltas as bytes; see docs/formats/cluster-map.md.

    encoded := 4D 4D | kind u8 | version u8 | msgpack array

Equal values have equal bytes, so the digest of a map is that of its bytes, and two nodes compare
16 bytes to know that they agree. There is no checksum here: what carries these bytes (journal,
frame, log entry) has one. Another version is refused and not guessed at.

Rejected: pickle (runs what strangers send), JSON (three times the size, and two spellings for one
value), the structs of `cluster.wire` (their readers ignore what they do not know, and a part of
the map that a node ignores is a part on which it does not agree).
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

import msgspec

from cluster.errors import ClusterError
from cluster.map import commands, values
from cluster.map.commands import MapCommand
from cluster.map.fields import (
    ClassKind,
    EndpointKind,
    EnumKind,
    FieldError,
    FlagKind,
    IdKind,
    MappingKind,
    NumberKind,
    OptionalKind,
    PairsKind,
    PlacementsKind,
    SetKind,
    SlotsKind,
    TextKind,
    TupleKind,
    WeightKind,
)
from cluster.map.genesis import flaw_of_genesis
from cluster.map.values import ClusterMap, Genesis, MemberState, TransitionStep
from cluster.membership.facts import Role

MAGIC: Final = b"MM"
VERSION: Final = 1
HEADER_BYTES: Final = 4
KIND_MAP: Final = 1
KIND_COMMAND: Final = 2
KIND_GENESIS: Final = 3
KIND_DELTA: Final = 4
DIGEST_BYTES: Final = 16


class MapFormatError(ClusterError):
    """Bytes that are not what they should be; `reason` is text for people."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"not an encoded map or command: {self.reason}"


_ID = IdKind()
_MAYBE_ID = OptionalKind(_ID)
_NUMBER = NumberKind()
_MAYBE_NUMBER = OptionalKind(_NUMBER)
_FLAG = FlagKind()
_TEXT = TextKind()
_SLOTS = SlotsKind()
_PLACEMENTS = PlacementsKind()

# What follows is on disk and on the wire: the order of fields and the tags never change within a
# version.

_MEMBER = ClassKind(
    values.MapMember,
    {
        "node": _ID,
        "endpoint": EndpointKind(),
        "client_port": NumberKind(0, 65535),
        "datacenter": _TEXT,
        "rack": _TEXT,
        "machine": _TEXT,
        "capacity_weight": WeightKind(),
        "roles": EnumKind(Role),
        "state": EnumKind(MemberState),
        "config_epoch": _NUMBER,
        "replicates": _MAYBE_ID,
        "chosen_weight": OptionalKind(WeightKind()),
    },
)
_TRANSITION = ClassKind(
    values.Transition,
    {
        "step": EnumKind(TransitionStep),
        "old": _PLACEMENTS,
        "new": _PLACEMENTS,
        "started_epoch": _NUMBER,
    },
)
_PARTITION = ClassKind(
    values.MapPartition,
    {
        "number": _NUMBER,
        "slots": _SLOTS,
        "placements": _PLACEMENTS,
        "epoch": _NUMBER,
        "is_pinned": _FLAG,
        "transition": OptionalKind(_TRANSITION),
    },
)
_RESULT = ClassKind(values.CommandResult, {"is_applied": _FLAG, "text": _TEXT, "epoch": _NUMBER})
_REMEMBERED = ClassKind(values.RememberedResult, {"command_id": _NUMBER, "result": _RESULT})
_MAP = ClassKind(
    ClusterMap,
    {
        "cluster": _ID,
        "epoch": _NUMBER,
        "home_datacenter": _TEXT,
        "replicas": _NUMBER,
        "members": MappingKind(_MEMBER, key=lambda member: member.node),
        "partitions": MappingKind(_PARTITION, key=lambda partition: partition.number),
        "settings": PairsKind(),
        "features": SetKind(_TEXT),
        "removed": SetKind(_ID),
        "is_frozen": _FLAG,
        "dissolved_into": _MAYBE_ID,
        "results": TupleKind(_REMEMBERED),
    },
)
_CLAIM = ClassKind(values.Claim, {"node": _ID, "slots": _SLOTS, "config_epoch": _NUMBER})
_GENESIS = ClassKind(
    Genesis,
    {
        "identifier": _ID,
        "proposer": _ID,
        "voters": TupleKind(_ID),
        "members": TupleKind(_MEMBER),
        "claims": TupleKind(_CLAIM),
        "replicas": _NUMBER,
        "settings": PairsKind(),
    },
)
_CHANGE = ClassKind(commands.PlannedChange, {"partition": _NUMBER, "new": _PLACEMENTS})
_ADVANCE = ClassKind(
    commands.AdvanceTransition, {"partition": _NUMBER, "from_step": EnumKind(TransitionStep)}
)
_PAIR = ClassKind(commands.SplitPair, {"number": _NUMBER, "new_number": _NUMBER})

COMMANDS: Final[dict[int, tuple[type[MapCommand], dict[str, Any]]]] = {
    1: (commands.AddMember, {"member": _MEMBER}),
    2: (commands.UpdateMember, {"member": _MEMBER}),
    3: (commands.SetMemberState, {"node": _ID, "state": EnumKind(MemberState)}),
    4: (commands.SetWeight, {"node": _ID, "weight": WeightKind()}),
    5: (commands.RemoveMember, {"node": _ID}),
    6: (commands.ReplaceMember, {"old": _ID, "new": _ID}),
    7: (commands.AssignSlots, {"node": _ID, "slots": _SLOTS}),
    8: (commands.UnassignSlots, {"slots": _SLOTS, "at_epoch": _MAYBE_NUMBER}),
    9: (commands.MoveSlots, {"slots": _SLOTS, "node": _ID, "at_epoch": _MAYBE_NUMBER}),
    10: (commands.SetReplicates, {"node": _ID, "master": _MAYBE_ID}),
    11: (commands.SetConfigEpoch, {"node": _ID, "config_epoch": _NUMBER}),
    12: (commands.BumpEpoch, {"node": _ID}),
    13: (commands.BeginTransitions, {"changes": TupleKind(_CHANGE), "at_epoch": _NUMBER}),
    14: (
        commands.AdvanceTransition,
        {"partition": _NUMBER, "from_step": EnumKind(TransitionStep)},
    ),
    15: (commands.AbortTransition, {"partition": _NUMBER}),
    16: (commands.SplitPartitions, {"pairs": TupleKind(_PAIR)}),
    17: (commands.Unpin, {"slots": _SLOTS}),
    18: (commands.SetSetting, {"name": _TEXT, "value": _TEXT}),
    19: (commands.SetFeature, {"name": _TEXT, "is_on": _FLAG}),
    20: (commands.Freeze, {}),
    21: (commands.Unfreeze, {}),
    22: (commands.Dissolve, {"into": _ID, "at_epoch": _NUMBER}),
    23: (commands.AdvanceTransitions, {"moves": TupleKind(_ADVANCE)}),
    24: (commands.Fence, {"partitions": TupleKind(_NUMBER)}),
}
_COMMAND_KINDS: Final[dict[int, ClassKind[Any]]] = {
    tag: ClassKind(made, fields) for tag, (made, fields) in COMMANDS.items()
}
_TAGS: Final = {made: tag for tag, (made, _) in COMMANDS.items()}


def encode_map(current: ClusterMap) -> bytes:
    """Return the bytes of a map, with its remembered results; about 100 per partition."""
    return framed(KIND_MAP, _MAP.pack(current))


def decode_map(data: bytes) -> ClusterMap:
    """Return the map in `data`.

    Raises:
        MapFormatError: these bytes are no map, or no map that commands could have made.
    """
    try:
        current = _MAP.unpack(unframed(KIND_MAP, data))
    except FieldError as failure:
        raise MapFormatError(f"map: {failure}") from failure
    flaw = next(current.flaws(), None)
    if flaw is not None:
        raise MapFormatError(f"map: {flaw}")
    return current


def map_digest(current: ClusterMap) -> bytes:
    """Return 16 bytes that all who hold the map of this epoch agree on.

    Remembered results are left out: followers do not have them.
    """
    return hashlib.sha256(encode_map(current.published())).digest()[:DIGEST_BYTES]


def pack_command(command: MapCommand) -> list[object]:
    """Return a command as it stands in msgpack: its tag, then its fields."""
    tag = _TAGS[type(command)]
    return [tag, *_COMMAND_KINDS[tag].pack(command)]


def unpack_command(item: object) -> MapCommand:
    """Return the command of a decoded msgpack list.

    Raises:
        FieldError: it is none.
    """
    if not isinstance(item, list) or not item or type(item[0]) is not int:
        raise FieldError("not a command")
    kind = _COMMAND_KINDS.get(item[0])
    if kind is None:
        raise FieldError(f"there is no command {item[0]}")
    command: MapCommand = kind.unpack(item[1:])
    return command


def encode_command(command: MapCommand) -> bytes:
    """Return the bytes of a command."""
    return framed(KIND_COMMAND, pack_command(command))


def decode_command(data: bytes) -> MapCommand:
    """Return the command in `data`.

    Raises:
        MapFormatError: these bytes are no command.
    """
    try:
        return unpack_command(unframed(KIND_COMMAND, data))
    except FieldError as failure:
        raise MapFormatError(f"command: {failure}") from failure


def encode_genesis(genesis: Genesis) -> bytes:
    """Return the bytes of a genesis."""
    return framed(KIND_GENESIS, _GENESIS.pack(genesis))


def decode_genesis(data: bytes) -> Genesis:
    """Return the genesis in `data`, of which a map can be made.

    Raises:
        MapFormatError: these bytes are no genesis, or one with a flaw.
    """
    try:
        genesis = _GENESIS.unpack(unframed(KIND_GENESIS, data))
    except FieldError as failure:
        raise MapFormatError(f"genesis: {failure}") from failure
    flaw = flaw_of_genesis(genesis)
    if flaw is not None:
        raise MapFormatError(f"genesis: {flaw}")
    return genesis


def framed(kind: int, item: list[object]) -> bytes:
    """Return the header of a kind, and an item in msgpack."""
    return MAGIC + bytes((kind, VERSION)) + msgspec.msgpack.encode(item)


def unframed(kind: int, data: bytes) -> object:
    """Return the decoded msgpack behind the header of a kind.

    Raises:
        MapFormatError: the header is another one, or this is not msgpack.
    """
    if len(data) < HEADER_BYTES or data[:2] != MAGIC or data[2] != kind:
        raise MapFormatError("another kind of bytes")
    if data[3] != VERSION:
        raise MapFormatError(f"version {data[3]}, this program reads {VERSION}")
    try:
        item: object = msgspec.msgpack.decode(memoryview(data)[HEADER_BYTES:])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as failure:
        raise MapFormatError(f"msgpack: {failure}") from failure
    return item
