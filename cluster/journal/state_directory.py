"""The directory `cluster` in the data directory: who this node is and what it must not forget.

Two files belong together, and one without the other is not a new node but half of an old one: a
journal without its identity holds votes of nobody, an identity without its journal has forgotten
them. So a start with one half missing is refused. The order of the first start makes that
judgement sound: the journal is created before the identity, and an empty journal is no half.

After a hard reset the identity is retired. The journal, whose records were the former node's, is
emptied before the new id is drawn.
"""

from __future__ import annotations

import os
from random import Random

from attrs import frozen

from cluster.identity_store import DISPLAY_NAME, Identity, load_identity, read_identity
from cluster.journal.file_format import file_number
from cluster.journal.journal import DIRECTORY_NAME, Journal
from cluster.journal.records import Record
from storage.errors import CorruptionError
from storage.files import FileSystem
from storage.os_files import OsFileSystem


@frozen
class OpenedState:
    """What a start finds.

    Attributes:
        identity: this life, durable.
        journal: open for the records to come.
        records: what the former lives must not have forgotten.
    """

    identity: Identity
    journal: Journal
    records: tuple[Record, ...]


def cluster_files(data_directory: str) -> FileSystem:
    """Return the directory of the cluster's state, made durably if it is not there.

    Raises:
        OSError: it cannot be made.
    """
    files = OsFileSystem(os.path.join(data_directory, DIRECTORY_NAME))
    OsFileSystem(data_directory).sync_dir()
    return files


def open_state(files: FileSystem, rng: Random) -> OpenedState:
    """Open the journal, then begin the next life of this directory; blocks.

    Raises:
        CorruptionError: damage, or one half is missing.
        FormatVersionError: written by a newer version.
        OSError: the disk refuses.
    """
    stored = read_identity(files)
    has_journal = any(file_number(name) is not None for name in files.names())
    if stored is not None and not has_journal:
        detail = "this node was started before, but its journal is gone, and its votes with it"
        raise CorruptionError(f"{DIRECTORY_NAME}/journal_*.log", None, detail)
    journal, records = Journal.open(files)
    if stored is not None and stored.is_retired:
        journal.rewrite(())
        records = []
    if stored is None and records:
        raise CorruptionError(DISPLAY_NAME, None, "it is missing, but the node's journal is there")
    return OpenedState(load_identity(files, rng), journal, tuple(records))
