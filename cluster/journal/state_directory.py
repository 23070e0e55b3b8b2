"""The directory `cluster` in the data directory: who this node is and what it must not forget.

Two files belong together, and one without the other is not a new node but half of an old one: a
journal without its identity holds votes of nobody, an identity without its journal has forgotten
them. So a start with one half missing is refused. The order of the first start makes that
judgement sound: the journal is created before the identity, and an empty journal is no half.

A node whose life is over (it was reset or removed) begins again as another one: the journal of the
new id is written beside that of the former, and the one rename that changes the id decides which
of the two counts. So nothing that the former node promised is ever said under another id, and
nothing is forgotten under the same.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from random import Random

from attrs import frozen

from cluster.identity_store import (
    DISPLAY_NAME,
    Identity,
    new_identity,
    next_life,
    read_identity,
    write_identity,
)
from cluster.journal.journal import DIRECTORY_NAME, Journal, newest_content
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
    former = read_identity(files)
    if former is None:
        _require_no_records(files)
        identity = new_identity(rng)
    else:
        _require_journal(files, former)
        identity = next_life(former, rng)
    journal, records = Journal.open(files, identity.node)
    write_identity(files, identity)
    return OpenedState(identity, journal, tuple(records))


def renew_state(files: FileSystem, records: Sequence[Record], rng: Random) -> OpenedState:
    """Begin again as another node that knows these records; blocks. Who was before is no more.

    Raises:
        OSError: nobody knows yet who will be found after a crash: try again, say nothing.
    """
    identity = new_identity(rng)
    journal = Journal.create(files, identity.node, records)
    try:
        write_identity(files, identity)
    except BaseException:
        journal.close()
        raise
    journal.remove_others()
    return OpenedState(identity, journal, tuple(records))


def _require_journal(files: FileSystem, former: Identity) -> None:
    if newest_content(files, former.node) is None:
        detail = "this node was started before, but its journal is gone, and its votes with it"
        raise CorruptionError(f"{DIRECTORY_NAME}/journal_*.log", None, detail)


def _require_no_records(files: FileSystem) -> None:
    content = newest_content(files, None)
    if content is not None and content.records:
        raise CorruptionError(DISPLAY_NAME, None, "it is missing, but the node's journal is there")
