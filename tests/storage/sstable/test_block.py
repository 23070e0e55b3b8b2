"""Blocks: what goes in comes out, and damage is seen."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.codec import checksum
from storage.errors import CorruptionError, FormatVersionError
from storage.sstable.block import Block, BlockCodec, encode_block
from storage.sstable.format import COMPRESSION_NONE, COMPRESSION_ZSTD
from tests.harness.tables import short_keys

contents = st.dictionaries(short_keys, st.binary(max_size=30), min_size=1, max_size=30)


def block_of(entries):
    """The payload of sorted entries."""
    keys = sorted(entries)
    return encode_block(keys, [entries[key] for key in keys])


@given(contents, short_keys)
def test_round_trip(entries, other):
    """A parsed block gives every record, by key and all at once, and nothing else."""
    block = Block(block_of(entries))
    keys = sorted(entries)
    assert tuple(keys) == block.keys
    assert len(keys) == len(block)
    assert all(entries[key] == block.get(key) for key in keys)
    assert tuple(entries[key] for key in keys) == block.records()
    # Now the payload has been given up for the records.
    assert all(entries[key] == block.get(key) for key in keys)
    assert entries.get(other) == block.get(other)


@given(contents, st.integers(0, 5))
def test_codec_round_trip(entries, level):
    """Sealing and opening gives the payload back at every compression level."""
    payload = block_of(entries)
    stored = BlockCodec(level).seal(payload)
    assert payload == BlockCodec().open(b"xx" + stored + b"yy", 2, len(stored), "t")


def test_compression_only_where_it_saves():
    """Random bytes are stored as they are, repetition is compressed."""
    noise = random.Random(1).randbytes(2000)
    codec = BlockCodec(3)
    assert codec.seal(noise)[-5] == COMPRESSION_NONE
    assert codec.seal(bytes(2000))[-5] == COMPRESSION_ZSTD
    assert len(codec.seal(bytes(2000))) < 100


@given(contents, st.integers(0, 3), st.data())
def test_flipped_bits_are_seen(entries, level, data):
    """Any flipped bit of a stored block raises CorruptionError."""
    stored = bytearray(BlockCodec(level).seal(block_of(entries)))
    position = data.draw(st.integers(0, len(stored) * 8 - 1))
    stored[position // 8] ^= 1 << position % 8
    with pytest.raises(CorruptionError):
        BlockCodec().open(bytes(stored), 0, len(stored), "t")


def test_outside_the_file():
    """A block that would lie beyond the end is corruption, not a short read."""
    stored = BlockCodec().seal(block_of({b"k": b"v"}))
    with pytest.raises(CorruptionError):
        BlockCodec().open(stored, 0, len(stored) + 1, "t")
    with pytest.raises(CorruptionError):
        BlockCodec().open(stored, 0, 3, "t")


def test_unknown_compression():
    """A compression of a later version is refused as such."""
    body = b"payload" + b"\x07"
    stored = body + checksum(body).to_bytes(4, "big")
    with pytest.raises(FormatVersionError):
        BlockCodec().open(stored, 0, len(stored), "t")


@given(st.binary(max_size=40))
def test_garbage_is_no_block(garbage):
    """Bytes that no builder wrote raise CorruptionError or parse; nothing else happens."""
    try:
        block = Block(garbage)
    except CorruptionError:
        return
    assert len(block) >= 1
