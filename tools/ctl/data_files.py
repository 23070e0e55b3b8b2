"""Files of a data directory, opened for reading only and named in errors as they were given."""

from __future__ import annotations

import os

from storage.filenames import FileKind, parse_name
from storage.os_files import OsFileSystem
from tools.ctl.output import Failure


def open_directory(path: str) -> OsFileSystem:
    """The data directory at this path.

    Raises:
        Failure: there is no such directory; none is created.
    """
    if not os.path.isdir(path):
        raise Failure(f"{path}: no such directory")
    return OsFileSystem(path)


def open_file(path: str, kind: FileKind) -> tuple[OsFileSystem, str]:
    """The directory and the name of a file that must be of this kind.

    Raises:
        Failure: there is no such file, or its name says that it is something else.
    """
    directory, name = os.path.split(path)
    if not os.path.isfile(path):
        raise Failure(f"{path}: no such file")
    parsed = parse_name(name)
    if parsed is None or parsed[0] is not kind:
        wanted = {
            FileKind.SEGMENT: "segment_0000000001.wal",
            FileKind.TABLE: "table_0000000001.sst",
        }
        raise Failure(f"{path}: a {kind.value} is called like {wanted[kind]}")
    return OsFileSystem(directory or "."), name
