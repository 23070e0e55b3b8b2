"""Versions of the durable formats, one enumeration per file kind.

A number is taken once and never changes its meaning. A reader accepts every number of its
enumeration and refuses greater ones with `FormatVersionError`; a writer writes the newest.
"""

from __future__ import annotations

import enum


class WalVersion(enum.IntEnum):
    """Format of write-ahead log segments (docs/formats/wal.md)."""

    # 40-byte header with salt and base offset; records with crc32c, position and un-synced bytes.
    SALTED_POSITIONS = 1


class BatchVersion(enum.IntEnum):
    """Format of a batch of effects (docs/formats/batch.md)."""

    # 24-byte header, put and delete-range effects.
    PUT_AND_DELETE_RANGE = 1


WAL_NEWEST = WalVersion.SALTED_POSITIONS
BATCH_NEWEST = BatchVersion.PUT_AND_DELETE_RANGE
