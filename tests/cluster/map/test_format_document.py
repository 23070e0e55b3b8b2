"""The examples of docs/formats/cluster-map.md are executed: decoded, and encoded again."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import attrs
import pytest

from cluster.map import codec
from cluster.map.codec import (
    decode_command,
    decode_genesis,
    decode_map,
    encode_command,
    encode_genesis,
    encode_map,
)
from cluster.map.commands import MapCommand, SetSetting
from cluster.map.deltas import DeltaLog, NumberedCommand, decode_delta, encode_delta
from cluster.map.genesis import genesis_map
from cluster.map.state_machine import apply_command
from cluster.map.values import Claim, Genesis
from cluster.slots import SlotSet
from tests.cluster.map.maps import genesis_of, member, node_id

FORMATS = Path(__file__).resolve().parents[3] / "docs" / "formats"
DOCUMENT = FORMATS / "cluster-map.md"
COMMAND = SetSetting("a", "b")


def genesis() -> Genesis:
    """One node that claims slot 5 with config epoch 1."""
    return genesis_of([member(1)], Claim(node_id(1), SlotSet.of([5]), 1))


def encoded_delta() -> bytes:
    """From the first map to that after the command."""
    first, log = genesis_map(genesis()), DeltaLog()
    after, _ = apply_command(first, 7, COMMAND)
    log.note(first, after, NumberedCommand(7, COMMAND))
    delta = log.delta_since(1, after)
    assert delta is not None
    return encode_delta(delta)


def encoded_map() -> bytes:
    """After the command, with its result."""
    after, _ = apply_command(genesis_map(genesis()), 7, COMMAND)
    return encode_map(after)


BUILD: Mapping[str, Callable[[], bytes]] = {
    "genesis": lambda: encode_genesis(genesis()),
    "command": lambda: encode_command(COMMAND),
    "map": encoded_map,
    "delta": encoded_delta,
}
AGAIN: Mapping[str, Callable[[bytes], bytes]] = {
    "genesis": lambda data: encode_genesis(decode_genesis(data)),
    "command": lambda data: encode_command(decode_command(data)),
    "map": lambda data: encode_map(decode_map(data)),
    "delta": lambda data: encode_delta(decode_delta(data)),
}


@pytest.mark.parametrize("name", sorted(BUILD))
def test_examples(name: str) -> None:
    """The documented bytes are those that the code makes, and come out again when read."""
    text = DOCUMENT.read_text(encoding="utf-8")
    (block,) = re.findall(rf"^```hex {name}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    data = bytes.fromhex(block)
    assert BUILD[name]() == data
    assert AGAIN[name](data) == data


def test_every_command_is_in_the_table() -> None:
    """Tags, names and fields as the code has them, in order."""
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \| (.*) \|$", DOCUMENT.read_text(), re.MULTILINE)
    told = [(int(tag), name, fields) for tag, name, fields in rows]
    commands: Mapping[int, tuple[type[MapCommand], Mapping[str, object]]] = codec.COMMANDS
    assert told == [
        (tag, made.__name__, ", ".join(fields)) for tag, (made, fields) in commands.items()
    ]
    for made, fields in commands.values():
        assert tuple(fields) == tuple(field.name for field in attrs.fields(made))


def test_the_document_is_complete() -> None:
    """Like every format document: grammar, an odd case, examples, damage and versions."""
    text = DOCUMENT.read_text()
    for heading in ("Grammar", "The odd case", "Example", "Unknown or damaged", "Versions"):
        assert re.search(rf"^## {heading}", text, re.MULTILINE), heading
