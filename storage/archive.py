"""Archive of sealed log segments: gzip'ed copies in a directory of their own, kept for days.

Only segments that are sealed and already in tables come here, after that and before their removal,
so archiving can fail (it is logged) without any loss of data. A copy is written under a temporary
name, synced and renamed; its name carries the wall clock, as in
`segment_0000000001_20260131T120000Z.wal.gz`.
"""

from __future__ import annotations

import logging
import time
import zlib
from typing import TYPE_CHECKING

from storage.filenames import FileKind, parse_name, temporary_name

if TYPE_CHECKING:
    from storage.blocking import BlockingRunner
    from storage.files import FileSystem

logger = logging.getLogger(__name__)

SUFFIX = ".wal.gz"
_TIME_FORMAT = "%Y%m%dT%H%M%SZ"
_GZIP_WINDOW_BITS = 31  # zlib's number for "largest window, gzip header"
_DAY_S = 86400
_CHUNK_BYTES = 1 << 20


class Archive:
    """One archive directory."""

    def __init__(
        self, source: FileSystem, target: FileSystem, days: int, run_blocking: BlockingRunner
    ) -> None:
        self._source = source
        self._target = target
        self._days = days
        self._run_blocking = run_blocking

    async def keep(self, names: list[str], now_ms: int) -> None:
        """Copy segments into the archive and remove copies that are too old."""
        try:
            for name in names:
                await self._run_blocking(self.copy, name, now_ms)
            await self._run_blocking(self.expire, now_ms)
        except OSError as error:
            logger.error("log segments could not be archived: %s", error)

    def keep_older(self, number: int, now_ms: int) -> None:
        """Copy the segments below a number (blocking), before recovery removes them.

        They are in tables, and the process ended between that and their copy. One that was
        copied and not yet removed is copied a second time.
        """
        for name in self._source.names():
            kind, theirs = parse_name(name) or (None, 0)
            if kind is FileKind.SEGMENT and theirs < number:
                try:
                    self.copy(name, now_ms)
                except OSError as error:
                    logger.error("log segment %s could not be archived: %s", name, error)

    def copy(self, name: str, now_ms: int) -> str:
        """Write one compressed copy (blocking); return its name.

        Raises:
            OSError: it could not be read or written.
        """
        stamp = time.strftime(_TIME_FORMAT, time.gmtime(now_ms / 1000))
        archived = f"{name.removesuffix('.wal')}_{stamp}{SUFFIX}"
        data = self._source.map(name)
        compressor = zlib.compressobj(6, zlib.DEFLATED, _GZIP_WINDOW_BITS)
        file = self._target.create(temporary_name(archived))
        try:
            for start in range(0, len(data), _CHUNK_BYTES):
                file.append(compressor.compress(bytes(data[start : start + _CHUNK_BYTES])))
            file.append(compressor.flush())
            file.sync()
        finally:
            file.close()
        self._target.rename(temporary_name(archived), archived)
        self._target.sync_dir()
        return archived

    def expire(self, now_ms: int) -> None:
        """Remove copies older than the retention (blocking).

        Raises:
            OSError: one could not be removed.
        """
        oldest = now_ms / 1000 - self._days * _DAY_S
        stamp = time.strftime(_TIME_FORMAT, time.gmtime(oldest))
        for name in self._target.names():
            written = name.removesuffix(SUFFIX).rpartition("_")[2]
            if name.endswith(SUFFIX) and written < stamp:
                self._target.unlink(name)
