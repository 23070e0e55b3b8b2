"""Reading redis.conf files."""

from __future__ import annotations

from pathlib import Path

import pytest

from meridian_resp.config.errors import StartError
from meridian_resp.config.redis_conf import parse_redis_conf, read_redis_conf, read_text
from meridian_resp.config.sources import Origin

TEXT = """\
# a comment
port 7000

  HZ   20\t
save 900 1\r
requirepass "a # b"
"""


def test_lines_become_assignments_with_their_place() -> None:
    """Comments and blank lines are nothing; every other line is a name with words."""
    found = parse_redis_conf(TEXT, "redis.conf")
    assert [(it.name, it.arguments, it.provenance.place) for it in found] == [
        ("port", ("7000",), "redis.conf line 2"),
        ("HZ", ("20",), "redis.conf line 4"),
        ("save", ("900", "1"), "redis.conf line 5"),
        ("requirepass", ("a # b",), "redis.conf line 6"),
    ]
    assert {it.provenance.origin for it in found} == {Origin.FILE}


def test_included_files_are_read_where_they_stand(tmp_path: Path) -> None:
    """`include` puts the other file's lines in its place; a pattern takes files in order."""
    (tmp_path / "b.conf").write_text("hz 2\n")
    (tmp_path / "a.conf").write_text("hz 1\n")
    main = tmp_path / "main.conf"
    main.write_text(f"hz 0\ninclude {tmp_path}/[ab].conf\nhz 3\ninclude {tmp_path}/none*.conf\n")
    assert [it.arguments[0] for it in read_redis_conf(main)] == ["0", "1", "2", "3"]


def test_files_that_include_themselves_are_refused(tmp_path: Path) -> None:
    """A circle of files ends with a message."""
    main = tmp_path / "main.conf"
    main.write_text(f"include {main}\n")
    with pytest.raises(StartError, match="include each other"):
        read_redis_conf(main)


def test_missing_files_are_named(tmp_path: Path) -> None:
    """The message says which file, and where it was asked for."""
    with pytest.raises(StartError, match=r"cannot read .*nothing\.conf"):
        read_redis_conf(tmp_path / "nothing.conf")
    with pytest.raises(StartError, match=r"x line 1: cannot read the included file /none/x"):
        parse_redis_conf("include /none/x\n", "x")


def test_unbalanced_quotes_are_named_with_their_line() -> None:
    """The line is shown."""
    with pytest.raises(StartError, match='x line 2: unbalanced quotes in: hz "1'):
        parse_redis_conf('port 1\nhz "1\n', "x")


def test_bytes_that_are_no_text_are_kept(tmp_path: Path) -> None:
    """A password in another encoding comes through."""
    file = tmp_path / "latin.conf"
    file.write_bytes(b"requirepass caf\xe9\n")
    assert parse_redis_conf(read_text(file), "x")[0].arguments == ("caf\udce9",)
