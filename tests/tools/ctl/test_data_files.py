"""Opening what the command line names."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage.filenames import FileKind, segment_name, table_name
from tools.ctl.data_files import open_directory, open_file
from tools.ctl.output import Failure


def test_file_is_found_by_its_kind(tmp_path: Path) -> None:
    """The directory and the name come back, ready to be read."""
    (tmp_path / table_name(3)).write_bytes(b"abc")
    files, name = open_file(str(tmp_path / table_name(3)), FileKind.TABLE)
    assert name == table_name(3)
    assert bytes(files.map(name)) == b"abc"


def test_file_in_the_current_directory_needs_no_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its name alone is enough."""
    monkeypatch.chdir(tmp_path)
    Path(segment_name(1)).touch()
    files, name = open_file(segment_name(1), FileKind.SEGMENT)
    assert files.names() == [name]


def test_other_kinds_and_missing_files_are_refused(tmp_path: Path) -> None:
    """The refusal says what the name of such a file looks like."""
    (tmp_path / segment_name(1)).touch()
    with pytest.raises(Failure, match="a table is called like table_"):
        open_file(str(tmp_path / segment_name(1)), FileKind.TABLE)
    with pytest.raises(Failure, match="no such file"):
        open_file(str(tmp_path / table_name(1)), FileKind.TABLE)


def test_missing_directory_is_not_created(tmp_path: Path) -> None:
    """Looking changes nothing."""
    with pytest.raises(Failure, match="no such directory"):
        open_directory(str(tmp_path / "none"))
    assert list(tmp_path.iterdir()) == []
