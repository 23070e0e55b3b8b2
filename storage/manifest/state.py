"""All that the manifest knows: the result of applying its edits in order. Immutable."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import Factory, frozen

from storage.manifest.edit import AddedTable, CompactionPointer, VersionEdit
from storage.manifest.version import Version


@frozen
class ManifestState:
    """What the store consists of.

    Attributes:
        version: the layout of tables.
        obsolete_segments: WAL segments that must not be replayed though their file may exist.
        next_file_number: the number that the next new file takes.
        values: the engine's named values.
        pointers: compaction pointer per level.
    """

    version: Version = Factory(Version)
    obsolete_segments: frozenset[int] = frozenset()
    next_file_number: int = 1
    values: Mapping[str, bytes] = Factory(dict)
    pointers: Mapping[int, bytes] = Factory(dict)

    def apply(self, edit: VersionEdit) -> ManifestState:
        """Return the state after an edit.

        Raises:
            CorruptionError: the edit does not fit the layout.
        """
        obsolete = self.obsolete_segments.union(edit.obsolete_segments)
        if edit.next_file_number is not None:
            next_file_number = max(self.next_file_number, edit.next_file_number)
        else:
            next_file_number = self.next_file_number
        highest = max((added.table.number for added in edit.added), default=0)
        return ManifestState(
            version=self.version.apply(edit) if edit.added or edit.removed else self.version,
            obsolete_segments=obsolete.difference(edit.forgotten_segments),
            next_file_number=max(next_file_number, highest + 1),
            values={**self.values, **edit.values},
            pointers={**self.pointers, **{part.level: part.key for part in edit.pointers}},
        )

    def snapshot(self) -> VersionEdit:
        """Return the one edit that makes this state out of nothing."""
        added = []
        for depth, level in enumerate(self.version.levels):
            # Level 0 is held newest first and added oldest first.
            tables = reversed(level) if depth == 0 else iter(level)
            added += [AddedTable(depth, table) for table in tables]
        return VersionEdit(
            added=tuple(added),
            obsolete_segments=tuple(sorted(self.obsolete_segments)),
            next_file_number=self.next_file_number,
            values=dict(self.values),
            pointers=tuple(CompactionPointer(level, key) for level, key in self.pointers.items()),
        )
