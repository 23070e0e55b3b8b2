"""The footer and the document of the format."""

from __future__ import annotations

import pytest

from storage.codec import checksum
from storage.errors import CorruptionError, FormatVersionError
from storage.filenames import table_name
from storage.keys import metadata_key
from storage.options import TableOptions
from storage.records import encode_string, encode_tombstone
from storage.sstable.builder import TableBuilder
from storage.sstable.format import (
    FOOTER_BYTES,
    MAGIC,
    Footer,
    Section,
    decode_footer,
    read_section,
)
from storage.sstable.reader import Table
from tests.harness.documents import hex_example
from tests.harness.tables import MemoryFiles

SECTIONS = (Section(0, 4, 1), Section(4, 1, 2), Section(5, 0, 3), Section(5, 3, checksum(b"xyz")))


def file_of(footer, body=b"fffgrxyz"):
    """A file that is nothing but sections."""
    return body + footer.encode()


def test_footer_round_trip():
    """What is encoded is decoded, from the end of a file."""
    footer = Footer(*SECTIONS)
    assert len(footer.encode()) == FOOTER_BYTES
    assert footer == decode_footer(file_of(footer), "t")


def test_sections_must_tile():
    """A gap or an overlap between sections is corruption, even if the checksum fits."""
    gap = Footer(SECTIONS[0], Section(5, 0, 2), SECTIONS[2], SECTIONS[3])
    with pytest.raises(CorruptionError, match="follow"):
        decode_footer(file_of(gap), "t")
    with pytest.raises(CorruptionError, match="follow"):
        decode_footer(b"more" + file_of(Footer(*SECTIONS)), "t")


def test_damage_is_named():
    """Magic, checksum and version each have their own message."""
    data = bytearray(file_of(Footer(*SECTIONS)))
    with pytest.raises(CorruptionError, match="too few"):
        decode_footer(bytes(data[-FOOTER_BYTES + 1 :]), "t")
    data[-1] ^= 1
    with pytest.raises(CorruptionError, match="magic"):
        decode_footer(bytes(data), "t")
    data[-1] ^= 1
    data[-FOOTER_BYTES] ^= 1
    with pytest.raises(CorruptionError, match="checksum"):
        decode_footer(bytes(data), "t")


def test_later_versions_are_refused():
    """A footer of a later format, in itself sound, is refused as such."""
    head = Footer(*SECTIONS).encode()[: FOOTER_BYTES - 16] + (2).to_bytes(4, "big")
    later = head + checksum(head).to_bytes(4, "big") + MAGIC
    with pytest.raises(FormatVersionError):
        decode_footer(b"fffgrxyz" + later, "t")


def test_sections_are_checked():
    """Bytes of a section are given only if their checksum fits."""
    assert read_section(b"fffgrxyz", SECTIONS[3], "t") == b"xyz"
    with pytest.raises(CorruptionError):
        read_section(b"fffgrxyy", SECTIONS[3], "t")
    with pytest.raises(CorruptionError):
        read_section(b"fffgrxy", SECTIONS[3], "t")


def test_documented_example():
    """The hex example of the format's document is what the builder writes and the reader reads."""
    example = hex_example("sstable.md")
    entries = {
        metadata_key(0, b"a"): encode_string(7, b"one"),
        metadata_key(0, b"b"): encode_tombstone(9),
    }
    files = MemoryFiles()
    builder = TableBuilder(
        files.create(table_name(5)), TableOptions(4096, 0, 0), number=5, created_ms=1000
    )
    for key in sorted(entries):
        builder.add(key, entries[key])
    builder.add_range(b"\x10\x00", b"\x10\x01", 8)
    metadata = builder.finish()
    assert example == bytes(files.contents[table_name(5)])
    table = Table(files, table_name(5), metadata, None)
    assert sorted(entries.items()) == list(table.scan())
    assert table.ranges.version_at(b"\x10\x00k") == 8
    assert (table.verify(), decode_footer(example, "t").ranges.offset) == (2, 68)
