"""Who this node is, on disk: the file `cluster/node` of the data directory.

Its id is drawn once. Each start draws the next boot and makes it durable before anybody hears of
it, so nothing that was said about an earlier life holds for this one. The nonce in it is new at
each start: of a directory that was cloned both copies go on with the same generation, and the
other nodes tell the two processes apart by their nonces.

The file is text, so that an operator can read it, with a version and a checksum; it is replaced by
renaming. Bytes: docs/formats/cluster-journal.md.
"""

from __future__ import annotations

import re
from random import Random

from attrs import frozen

from cluster.identity import Boot, NodeId, first_boot, new_id
from storage.codec import checksum
from storage.errors import CorruptionError, FormatVersionError
from storage.files import FileSystem

FORMAT = 1
FILE_NAME = "node"
TEMPORARY_NAME = FILE_NAME + ".tmp"
DISPLAY_NAME = "cluster/" + FILE_NAME

_TEXT = re.compile(
    r"meridian-node (?P<format>[0-9]{1,9})\n"
    r"id (?P<id>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\n"
    r"generation (?P<generation>[1-9][0-9]{0,18})\n"
    r"nonce (?P<nonce>[0-9a-f]{16})\n"
)
_FORMAT_LINE = re.compile(rb"meridian-node ([0-9]{1,9})\n")


@frozen
class Identity:
    """Which node this is, and which of its lives."""

    node: NodeId
    boot: Boot


def encode_identity(identity: Identity) -> bytes:
    """Return the bytes of the file."""
    boot = identity.boot
    text = (
        f"meridian-node {FORMAT}\nid {identity.node}\n"
        f"generation {boot.generation}\nnonce {boot.nonce:016x}\n"
    ).encode("ascii")
    return text + b"crc32c %08x\n" % checksum(text)


def decode_identity(data: bytes) -> Identity:
    """Return what the file says.

    Raises:
        CorruptionError: the file is damaged.
        FormatVersionError: written by a newer version.
    """
    text, separator, crc = data.rpartition(b"crc32c ")
    if not separator or crc != b"%08x\n" % checksum(text):
        raise CorruptionError(DISPLAY_NAME, None, "the checksum does not match")
    version = _FORMAT_LINE.match(text)
    if version is not None and int(version[1]) != FORMAT:
        raise FormatVersionError(DISPLAY_NAME, int(version[1]), FORMAT)
    found = _TEXT.fullmatch(text.decode("ascii", "replace"))
    if found is None:
        raise CorruptionError(DISPLAY_NAME, None, "it does not name a node and its start")
    boot = Boot(int(found["generation"]), int(found["nonce"], 16))
    return Identity(NodeId(found["id"]), boot)


def read_identity(files: FileSystem) -> Identity | None:
    """Return who the directory was in its last life; None in a new one.

    Raises:
        CorruptionError: the file is damaged.
        FormatVersionError: written by a newer version.
        OSError: the disk refuses.
    """
    return decode_identity(files.read(FILE_NAME)) if files.exists(FILE_NAME) else None


def new_identity(rng: Random) -> Identity:
    """Return somebody who never was before; `write_identity` makes it count."""
    return Identity(NodeId(new_id(rng)), first_boot(rng))


def next_life(former: Identity, rng: Random) -> Identity:
    """Return the next life of a node; `write_identity` makes it count."""
    return Identity(former.node, former.boot.next(rng))


def write_identity(files: FileSystem, identity: Identity) -> None:
    """Begin a life: it is durable when this returns, and may be spoken of.

    Raises:
        OSError: after a crash either this or the former life is found; do not speak of it.
    """
    file = files.create(TEMPORARY_NAME)
    try:
        file.append(encode_identity(identity))
        file.sync()
    finally:
        file.close()
    files.rename(TEMPORARY_NAME, FILE_NAME)
    files.sync_dir()


def load_identity(files: FileSystem, rng: Random) -> Identity:
    """Begin the next life of this directory, or the first; it is durable when this returns.

    Raises:
        CorruptionError: the file is damaged.
        FormatVersionError: written by a newer version.
        OSError: it cannot be made durable; this life has not begun.
    """
    former = read_identity(files)
    identity = new_identity(rng) if former is None else next_life(former, rng)
    write_identity(files, identity)
    return identity
