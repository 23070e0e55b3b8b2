"""Captures of the protocol between nodes: the bytes of a handshake, of every message, of a seal.

`python -m tests.harness.peer_captures` writes those of the newest version, and the table of
messages in docs/protocols/peer.md. A file of a version
that was released is never written again: it shows that its bytes are still understood.
"""

from __future__ import annotations

import typing
from pathlib import Path
from typing import Union, get_args, get_origin, get_type_hints

from cluster.wire.frames import encode_frame
from cluster.wire.handshake import Handshake
from cluster.wire.hello import PROTOCOL_MAX
from cluster.wire.messages import PeerMessage, encode_message
from cluster.wire.seal import Sealer, seal_key
from tests.harness.memory_peers import identity_of

_ROOT = Path(__file__).resolve().parents[2]
DIRECTORY = _ROOT / "tests" / "golden" / "peer"
DOCUMENT = _ROOT / "docs" / "protocols" / "peer.md"
_TABLE_HEAD = "| tag | message | fields |\n|---|---|---|\n"
SECRET = b"secret"
PAYLOAD = b"a packet of gossip"


def path_of(version: int) -> Path:
    """The file of a version."""
    return DIRECTORY / f"version-{version}.txt"


def handshakes() -> tuple[Handshake, Handshake]:
    """The two sides, before they have said anything: node 1 connects to node 2."""
    initiator = Handshake(identity_of(1), SECRET, is_outgoing=True, challenge=b"i" * 32)
    acceptor = Handshake(
        identity_of(2, cluster=None), SECRET, is_outgoing=False, challenge=b"a" * 32
    )
    return initiator, acceptor


def conversation() -> list[tuple[str, bytes]]:
    """The steps of the handshake: who says what."""
    initiator, acceptor = handshakes()
    steps: list[tuple[str, bytes]] = []
    for _ in range(2):
        for name, near, far in (
            ("initiator", initiator, acceptor),
            ("acceptor", acceptor, initiator),
        ):
            data = near.take()
            far.receive(data)
            steps.append((name, data))
    return steps


def kinds() -> list[type[PeerMessage]]:
    """All kinds of message in the order of their tags."""
    return sorted(get_args(PeerMessage), key=lambda kind: int(kind.__struct_config__.tag))


def samples() -> list[PeerMessage]:
    """One message of each kind, every field with a value of its own."""
    return [
        kind(*(_sample(hint, number) for number, hint in enumerate(_hints(kind), 1)))
        for kind in kinds()
    ]


def table() -> str:
    """The rows of the table of messages."""
    rows = []
    for kind in kinds():
        fields = ", ".join(kind.__struct_fields__)
        rows.append(f"| {kind.__struct_config__.tag} | {kind.__name__} | {fields} |\n")
    return "".join(rows)


def captures() -> list[tuple[str, bytes]]:
    """All captures of the newest version: (name, bytes)."""
    found = [
        (f"handshake {number} {name}", data)
        for number, (name, data) in enumerate(conversation(), 1)
    ]
    found += [
        (f"frame {type(message).__name__}", encode_frame(encode_message(message)))
        for message in samples()
    ]
    identity = identity_of(1)
    sealer = Sealer(seal_key(identity.cluster_name, SECRET), identity.node, identity.boot)
    return [*found, ("datagram", sealer.seal(PAYLOAD))]


def load(version: int) -> dict[str, bytes]:
    """The captures of a version, by name."""
    lines = path_of(version).read_text(encoding="ascii").splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: bytes.fromhex(digits) for name, digits in pairs}


def write() -> None:
    """Write the file of the newest version, and the table in the document."""
    head = f"# Version {PROTOCOL_MAX} of the protocol between nodes; see docs/protocols/peer.md.\n"
    lines = [f"{name} {data.hex()}\n" for name, data in captures()]
    path_of(PROTOCOL_MAX).write_text(head + "".join(lines), encoding="ascii")
    before, rest = DOCUMENT.read_text(encoding="utf-8").split(_TABLE_HEAD)
    behind = rest[rest.index("\n\n") + 1 :]
    DOCUMENT.write_text(before + _TABLE_HEAD + table() + behind, encoding="utf-8")


def _hints(kind: type) -> list[object]:
    return [
        hint for hint in get_type_hints(kind).values() if get_origin(hint) is not typing.ClassVar
    ]


def _sample(hint: object, number: int) -> object:
    origin, inner = get_origin(hint), get_args(hint)
    if origin is list:
        return [_sample(inner[0], number), _sample(inner[0], number + 1)]
    if origin is tuple:
        return tuple(_sample(item, number + place) for place, item in enumerate(inner))
    if origin is Union:
        return _sample(inner[0], number)
    values: dict[object, object] = {
        int: 1000 * number,
        bool: number % 2 == 0,
        str: f"text {number}",
        bytes: bytes((number,)) * 16,
        float: number / 2,
    }
    return values[hint]


if __name__ == "__main__":
    write()
