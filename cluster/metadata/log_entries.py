"""Commands as the log carries them: the id that makes a repetition harmless, and the bytes.

    entry := version u8 | command id u64 big-endian | command in the bytes of cluster.map.codec

These bytes are on disk and on the wire; see docs/protocols/metadata-log.md.
"""

from __future__ import annotations

from attrs import frozen

from cluster.errors import ClusterError
from cluster.map.codec import decode_command
from cluster.map.commands import MapCommand

VERSION = 1
ID_BITS = 63
_HEADER_BYTES = 9


class LogEntryError(ClusterError):
    """A committed entry cannot be read by this program: a later version wrote it."""

    def __init__(self, version: int) -> None:
        super().__init__(version)
        self.version = version

    def __str__(self) -> str:
        return f"an entry of the metadata log has version {self.version}, not {VERSION}"


@frozen
class LogEntry:
    """One command of the log."""

    identifier: int
    command: MapCommand


def encode_log_entry(identifier: int, command: bytes) -> bytes:
    """Return the data of an entry; `command` is encoded already, as it travels."""
    assert 0 <= identifier < 1 << ID_BITS, identifier
    return bytes((VERSION,)) + identifier.to_bytes(8, "big") + command


def decode_log_entry(data: bytes) -> LogEntry:
    """Return the command in an entry.

    Raises:
        LogEntryError: the entry has another version.
        ClusterError: the command in it cannot be read.
    """
    if data[:1] != bytes((VERSION,)):
        raise LogEntryError(data[0] if data else 0)
    identifier = int.from_bytes(data[1:_HEADER_BYTES], "big")
    return LogEntry(identifier, decode_command(data[_HEADER_BYTES:]))
