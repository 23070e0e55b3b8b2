"""The hex examples of the format documents are executed: each is decoded and encoded again."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from storage import keys, records
from storage.batch_format import decode_batch, encode_batch
from storage.records import Record, RecordType, VectorEntry, WriteBatch
from storage.wal_format import HEADER_BYTES, decode_header
from storage.wal_reader import SegmentReader
from storage.wal_writer import SegmentWriter
from tests.harness.crashable_files import CrashableFileSystem

FORMATS = Path(__file__).resolve().parents[2] / "docs" / "formats"
VERSION = 1_700_000_000_000 << 16 | 1
DOCUMENTS = ("keys-and-records.md", "batch.md", "wal.md")


def example(document: str, name: str) -> bytes:
    """The bytes of one example."""
    text = (FORMATS / document).read_text()
    found = re.findall(rf"^```hex {name}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert len(found) == 1, (document, name)
    return bytes.fromhex(found[0])


def test_keys() -> None:
    """The documented keys are those that the code makes, and parse into the documented parts."""
    key = example("keys-and-records.md", "key")
    assert keys.metadata_key(0, b"foo") == key
    assert keys.ParsedKey(12182, 0, b"foo") == keys.parse_key(key)
    element = example("keys-and-records.md", "element-key")
    assert keys.element_key(keys.metadata_key(1, b"a\x00b"), 2, 1, b"f") == element
    assert keys.ParsedKey(0x20BF, 1, b"a\x00b", 2, 1, b"f") == keys.parse_key(element)


def test_records() -> None:
    """The documented records decode to the described values and encode to the same bytes."""
    string = example("keys-and-records.md", "string-record")
    assert records.encode_string(VERSION, b"bar") == string
    full = example("keys-and-records.md", "full-record")
    expected = Record(
        VERSION,
        b"bar",
        type=RecordType.HASH,
        expiry_ms=1_700_000_060_000,
        generation=2,
        vector=(VectorEntry(1, 3, 300),),
    )
    assert expected == records.decode_record(full)
    assert records.encode_record(expected) == full


def test_batch() -> None:
    """The documented batch holds the described effects and encodes to the same bytes."""
    data = example("batch.md", "batch")
    _, batch = decode_batch(data)
    record = records.encode_string(VERSION, b"bar")
    assert [(keys.metadata_key(0, b"foo"), record)] == batch.entries
    assert [(*keys.slot_range(5), VERSION + 1)] == batch.ranges
    assert encode_batch(batch) == data


def test_segment() -> None:
    """The documented segment is read without damage, and writing its batch gives its bytes."""
    data = example("wal.md", "segment")
    reader = SegmentReader(data, "segment")
    payloads = list(reader.payloads())
    batch = WriteBatch()
    batch.put(keys.metadata_key(0, b"foo"), records.encode_string(VERSION, b"bar"))
    assert [encode_batch(batch)] == payloads and reader.damage is None
    header = decode_header(data[:HEADER_BYTES], "segment")
    assert header is not None
    files = CrashableFileSystem()
    SegmentWriter.start(files.create("segment"), header).append(payloads[0], 0)
    assert files.read("segment") == data


@pytest.mark.parametrize("document", DOCUMENTS)
def test_documents_are_complete(document: str) -> None:
    """Every format document has a grammar, an odd case, examples, damage rules and versions."""
    text = (FORMATS / document).read_text()
    for heading in ("Grammar", "The odd case", "Example", "Unknown or damaged", "Versions"):
        assert re.search(rf"^## {heading}", text, re.MULTILINE), heading
