"""The bytes of the journal."""

from __future__ import annotations

import pytest

from cluster.identity import NodeId
from cluster.journal.file_format import (
    ALIGNMENT,
    HEADER_BYTES,
    FileHeader,
    decode_header,
    encode_records,
    encoded_bytes,
    file_name,
    file_number,
    is_temporary,
    temporary_name,
)
from cluster.journal.file_reader import read_file
from cluster.journal.records import Record, RecordKind
from storage.codec import checksum
from storage.errors import CorruptionError, FormatVersionError
from tests.harness.documents import hex_example

NODE = NodeId("01234567-89ab-4cde-8f01-23456789abcd")
RECORDS = [Record(RecordKind.CLAIMS, bytes(size)) for size in range(9)]


def test_header_round_trip() -> None:
    """A header says its number, whose it is, and the length that was complete."""
    header = FileHeader(7, NODE, 1234)
    assert len(header.encode()) == HEADER_BYTES
    assert decode_header(header.encode() + b"more", "file") == header


@pytest.mark.parametrize("position", range(HEADER_BYTES))
def test_every_byte_of_a_header_is_checked(position: int) -> None:
    """A changed bit anywhere is damage, at the beginning of the named file."""
    data = bytearray(FileHeader(7, NODE, 1234).encode())
    data[position] ^= 1
    with pytest.raises(CorruptionError, match="file at byte 0"):
        decode_header(bytes(data), "file")


def test_half_a_header_is_damage() -> None:
    """A file gets its name when it is complete, so there is no half-written header."""
    with pytest.raises(CorruptionError):
        decode_header(FileHeader(7, NODE, 1234).encode()[:-1], "file")


def test_a_newer_format_is_refused() -> None:
    """What a later version wrote is not guessed at."""
    head = bytearray(FileHeader(7, NODE, 1234).encode()[:-4])
    head[11] = 2
    data = bytes(head) + checksum(bytes(head)).to_bytes(4, "big")
    with pytest.raises(FormatVersionError, match="version 2"):
        decode_header(data, "file")


def test_names() -> None:
    """A file being written is never taken for a complete one."""
    assert file_number(file_name(12)) == 12
    assert file_number(temporary_name(12)) is None
    assert is_temporary(temporary_name(12)) and not is_temporary(file_name(12))
    assert file_number("membership.sqlite3") is None and not is_temporary("node.tmp")


def test_records_are_aligned_and_as_long_as_was_said() -> None:
    """Every record begins at a multiple of 4, whatever the length of those before it."""
    for count in range(len(RECORDS) + 1):
        data = encode_records(RECORDS[:count], HEADER_BYTES, durable=HEADER_BYTES, seed=1)
        assert len(data) == encoded_bytes(RECORDS[:count])
        assert len(data) % ALIGNMENT == 0


def test_the_documented_journal() -> None:
    """The example of the document is read as described, and writing it gives its bytes."""
    data = hex_example("cluster-journal.md")
    adopted = Record(RecordKind.CLUSTER_ADOPTED, bytes(range(16)))
    state = Record(RecordKind.RAFT_HARD_STATE, b"vote")
    content = read_file(data, "file")
    assert content.header == FileHeader(2, NODE, 84)
    assert content.records == (adopted, state) and content.torn_bytes == 0
    seed = content.header.seed()
    made = content.header.encode()
    made += encode_records([adopted], HEADER_BYTES, durable=HEADER_BYTES, seed=seed)
    assert made + encode_records([state], 84, durable=84, seed=seed) == data
