"""Who this node is, on disk: the file `cluster/node` of the data directory.

Its id is drawn once. Each start draws the next boot and makes it durable before anybody hears of
it, so nothing that was said about an earlier life holds for this one. The nonce in it is new at
each start: of a directory that was cloned both copies go on with the same generation, and the
other nodes tell the two processes apart by their nonces.

A retired id belongs to nobody any more: the next start draws a new one, in its first generation.

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
    r"retired (?P<retired>yes|no)\n"
)
_FORMAT_LINE = re.compile(rb"meridian-node ([0-9]{1,9})\n")


@frozen
class Identity:
    """Which node this is, and which of its lives."""

    node: NodeId
    boot: Boot


@frozen
class StoredIdentity:
    """What the file says: the identity of the last life, and whether its id is given up."""

    identity: Identity
    is_retired: bool = False

    def encode(self) -> bytes:
        """Return the bytes of the file."""
        identity, boot = self.identity, self.identity.boot
        text = (
            f"meridian-node {FORMAT}\nid {identity.node}\ngeneration {boot.generation}\n"
            f"nonce {boot.nonce:016x}\nretired {'yes' if self.is_retired else 'no'}\n"
        ).encode("ascii")
        return text + b"crc32c %08x\n" % checksum(text)


def decode_identity(data: bytes) -> StoredIdentity:
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
    return StoredIdentity(Identity(NodeId(found["id"]), boot), found["retired"] == "yes")


def read_identity(files: FileSystem) -> StoredIdentity | None:
    """Return what the directory says; None in a new one.

    Raises:
        CorruptionError: the file is damaged.
        FormatVersionError: written by a newer version.
        OSError: the disk refuses.
    """
    return decode_identity(files.read(FILE_NAME)) if files.exists(FILE_NAME) else None


def load_identity(files: FileSystem, rng: Random) -> Identity:
    """Begin the next life of this directory; it is durable when this returns.

    Raises:
        CorruptionError: the file is damaged.
        FormatVersionError: written by a newer version.
        OSError: it cannot be made durable; this life has not begun.
    """
    stored = read_identity(files)
    if stored is None or stored.is_retired:
        identity = Identity(NodeId(new_id(rng)), first_boot(rng))
    else:
        former = stored.identity
        identity = Identity(former.node, former.boot.next(rng))
    _write(files, StoredIdentity(identity))
    return identity


def retire_identity(files: FileSystem) -> None:
    """Give the id up, durably: the next start draws a new one (CLUSTER RESET HARD).

    Raises:
        CorruptionError: the file is damaged.
        OSError: it is not durable.
    """
    stored = read_identity(files)
    assert stored is not None, "only a node that has begun its life can end it"
    _write(files, StoredIdentity(stored.identity, is_retired=True))


def _write(files: FileSystem, stored: StoredIdentity) -> None:
    file = files.create(TEMPORARY_NAME)
    try:
        file.append(stored.encode())
        file.sync()
    finally:
        file.close()
    files.rename(TEMPORARY_NAME, FILE_NAME)
    files.sync_dir()
