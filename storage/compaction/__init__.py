"""Background work on immutable files: flush and compaction, in worker processes."""

from __future__ import annotations
