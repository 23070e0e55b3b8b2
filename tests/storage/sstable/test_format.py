"""The footer and the document of the format."""

from __future__ import annotations

import pytest

from storage.codec import checksum
from storage.errors import CorruptionError, FormatVersionError
from storage.sstable.format import (
    FOOTER_BYTES,
    MAGIC,
    Footer,
    Section,
    decode_footer,
    read_section,
)

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
