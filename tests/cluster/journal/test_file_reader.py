"""Reading one file, and judging where it ends."""

from __future__ import annotations

from random import Random

import pytest

from cluster.journal.file_format import (
    HEADER_BYTES,
    RECORD_BYTES,
    FileHeader,
    encode_records,
    encoded_bytes,
)
from cluster.journal.file_reader import read_file
from cluster.journal.journal import NOBODY
from cluster.journal.records import Record, RecordKind
from storage.codec import checksum
from storage.errors import CorruptionError

FIRST = [Record(RecordKind.CLAIMS, b"claims"), Record(RecordKind.MAP, b"")]
SECOND = [Record(RecordKind.RAFT_HARD_STATE, b"term 1"), Record(RecordKind.RAFT_ENTRIES, b"12")]
THIRD = [Record(RecordKind.RAFT_ENTRIES, b"345678")]


def make_file() -> tuple[bytes, int, int]:
    """A file made of FIRST, to which SECOND and THIRD were added with a sync between them.

    Returns:
        Its bytes, and where SECOND and THIRD begin.
    """
    header = FileHeader(1, NOBODY, HEADER_BYTES + encoded_bytes(FIRST))
    seed = header.seed()
    data = header.encode()
    data += encode_records(FIRST, len(data), durable=HEADER_BYTES, seed=seed)
    second = len(data)
    data += encode_records(SECOND, second, durable=second, seed=seed)
    third = len(data)
    data += encode_records(THIRD, third, durable=third, seed=seed)
    return data, second, third


def test_whole_file() -> None:
    """Everything that was written is read, in order, up to the end."""
    data, _, _ = make_file()
    content = read_file(data, "file")
    assert content.records == (*FIRST, *SECOND, *THIRD)
    assert (content.end, content.torn_bytes) == (len(data), 0)


def test_a_cut_in_the_last_write_is_a_torn_end() -> None:
    """Wherever the last write was cut off, what was synced before it is there, no more."""
    data, _, third = make_file()
    for length in range(third, len(data)):
        content = read_file(data[:length], "file")
        assert content.records == (*FIRST, *SECOND)
        assert (content.end, content.torn_bytes) == (third, length - third)


def test_changes_of_the_last_write_are_a_torn_end() -> None:
    """Zeros and garbage where a record should be are a page that never reached the disk."""
    data, _, third = make_file()
    for garbage in (bytes(len(data) - third), Random(1).randbytes(8192)):
        content = read_file(data[:third] + garbage, "file")
        assert content.records == (*FIRST, *SECOND)
        assert content.torn_bytes == len(garbage)


def test_a_hole_in_the_last_write_is_a_torn_end() -> None:
    """Of several records in one write a later one may have reached the disk alone."""
    data, second, third = make_file()
    only_second = bytearray(data[:third])
    only_second[second + RECORD_BYTES] ^= 0xFF
    content = read_file(bytes(only_second), "file")
    assert content.records == tuple(FIRST)
    assert content.torn_bytes == third - second


def test_damage_before_a_later_write_is_refused() -> None:
    """Any changed byte of what a later record knew to be durable is named, file and place."""
    data, _, third = make_file()
    for position in range(HEADER_BYTES, third):
        damaged = bytearray(data)
        damaged[position] ^= 0xFF
        with pytest.raises(CorruptionError, match=r"file at byte \d+ is damaged"):
            read_file(bytes(damaged), "file")


def test_damage_to_what_was_complete_needs_no_witness() -> None:
    """What was there when the file got its name was durable, though nothing was added since."""
    data, second, _ = make_file()
    for length in range(HEADER_BYTES, second):
        with pytest.raises(CorruptionError):
            read_file(data[:length], "file")
    assert read_file(data[:second], "file").records == tuple(FIRST)


def test_records_of_another_file_do_not_count() -> None:
    """The same bytes behind another header are no records."""
    data, _, _ = make_file()
    header = FileHeader(2, NOBODY, HEADER_BYTES)
    content = read_file(header.encode() + data[HEADER_BYTES:], "file")
    assert content.records == () and content.end == HEADER_BYTES


def test_an_unknown_kind_is_refused() -> None:
    """A record that checks but means nothing here is not skipped: it may be a vote."""
    header = FileHeader(1, NOBODY, HEADER_BYTES)
    body = (1).to_bytes(4, "big") + HEADER_BYTES.to_bytes(4, "big") * 2 + b"\xfa" + bytes(3)
    record = checksum(body, header.seed()).to_bytes(4, "big") + body
    with pytest.raises(CorruptionError, match="unknown kind 250"):
        read_file(header.encode() + record, "file")
