"""CONFIG REWRITE."""

from __future__ import annotations

import errno
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meridian_resp.config.assigning import apply
from meridian_resp.config.errors import RewriteError
from meridian_resp.config.parameter import Parameter
from meridian_resp.config.parameters import PARAMETERS, Parameters
from meridian_resp.config.redis_conf import parse_redis_conf
from meridian_resp.config.redis_values import (
    BufferLimit,
    BufferLimits,
    CommandRename,
    KeyspaceEvents,
    SavePoint,
)
from meridian_resp.config.rewrite import ConfigFile, FileKind, rewrite_file, rewritten
from meridian_resp.config.toml_file import parse_toml

REDIS_FILE = ConfigFile(path=Path("redis.conf"), kind=FileKind.REDIS)
TOML_FILE = ConfigFile(path=Path("meridian.toml"), kind=FileKind.TOML)
CONF = """\
# My server
port 7000
save 900 1
  HZ   20
# memory
maxmemory 10mb
save 300 10

slave-of-nothing 1
appendonly no
"""
TOML = """\
# My server
port = 7000 # the port
bind = [
  "127.0.0.1",
]

# tuning
compaction_throughput_mb = 50
"""
CONF_LINES = st.sampled_from(
    [
        "# a comment\n", "\n", "hz 20\n", "hz 30\n", "HZ 40\n", "save 900 1\n", "save 300 10\n",
        'save ""\n', "client-output-buffer-limit normal 1 2 3\n", "bind 127.0.0.1 -::1\n",
        "rename-command DEBUG X\n", 'rename-command FLUSHALL ""\n', 'requirepass "a b"\n',
        "hash-max-ziplist-entries 3\n", "hash-max-listpack-entries 4\n", "appendonly no\n",
        "unknown 1 2 3\n", "dbfilename x\n", "notify-keyspace-events KEA\n",
    ]
)  # fmt: skip
TOML_LINES = (
    "hz = 20 # often\n", "save = [\n '900 1', # first\n]\n", "# comment\n", "\n",
    "bind = ['127.0.0.1', '-::1']\n", "protected_mode = false\n", "requirepass = 'a # b'\n",
    "hash-max-ziplist-entries = 3\n", "client_output_buffer_limit = ['normal 1 2 3']\n",
)  # fmt: skip
LIMITS = st.builds(BufferLimit, st.integers(0, 9**9), st.integers(0, 9**9), st.integers(0, 99))
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "hz": st.integers(1, 500),
        "timeout_s": st.integers(0, 1000),
        "maxmemory_bytes": st.integers(0, 1 << 40),
        "save": st.lists(st.builds(SavePoint, st.integers(1, 99), st.integers(0, 9))).map(tuple),
        "client_output_buffer_limit": st.builds(BufferLimits, LIMITS, LIMITS, LIMITS),
        "notify_keyspace_events": st.integers(0, 511).map(KeyspaceEvents),
        "protected_mode": st.booleans(),
        "requirepass": st.text(st.characters(blacklist_categories=["Cs"])).map(str.encode),
        "hash_max_listpack_entries": st.integers(0, 9),
        "bind": st.sampled_from([("127.0.0.1",), ("*", "::*"), ("-::1",), ()]),
        "bloom_bits_per_level": st.lists(st.integers(0, 64), min_size=1, max_size=4).map(tuple),
    },
)


def read_back(text: str, file: ConfigFile) -> Parameters:
    """The values that a server started with this text has."""
    parameters = Parameters()
    is_redis = file.kind is FileKind.REDIS
    for parameter in PARAMETERS:
        setattr(parameters, parameter.attribute, parameter.initial(from_redis_conf=is_redis))
    apply((parse_redis_conf if is_redis else parse_toml)(text, "x"), parameters)
    return parameters


def differing(one: Parameters, other: Parameters) -> list[Parameter]:
    """Parameters with different values."""
    return [
        parameter
        for parameter in PARAMETERS
        if getattr(one, parameter.attribute) != getattr(other, parameter.attribute)
    ]


def check_rewritten(text: str, file: ConfigFile, changes: dict[str, object]) -> None:
    """The new text gives the values; comments are kept; a second time nothing changes."""
    current = read_back(text, file)
    for attribute, value in changes.items():
        setattr(current, attribute, value)
    new = rewritten(text, file, current)
    assert differing(read_back(new, file), current) == []
    assert rewritten(new, file, current) == new
    comments = [line for line in text.splitlines() if line.startswith("#")]
    assert [line for line in new.splitlines() if line in comments] == comments
    if not changes:
        assert new == text


@given(st.lists(CONF_LINES).map("".join), st.sampled_from(["", "hz 9"]), CHANGES)
def test_a_redis_conf_is_brought_up_to_date(
    lines: str, last: str, changes: dict[str, object]
) -> None:
    """Any file with any changes starts a server with these values afterwards."""
    check_rewritten(lines + last, REDIS_FILE, changes)


@given(st.lists(st.sampled_from(TOML_LINES), unique=True).map("".join), CHANGES)
def test_a_toml_file_is_brought_up_to_date(text: str, changes: dict[str, object]) -> None:
    """The same for TOML."""
    check_rewritten(text, TOML_FILE, changes)


def test_only_lines_that_are_wrong_now_are_touched() -> None:
    """Order, units, spelling, unknown lines and comments stay; new lines come below a heading."""
    current = read_back(CONF, REDIS_FILE)
    current.hz = 30
    current.save = (SavePoint(60, 5),)
    current.timeout_s = 7
    current.requirepass = b"a b"
    assert rewritten(CONF, REDIS_FILE, current) == (
        CONF.replace("save 900 1\n", "save 60 5\n")
        .replace("  HZ   20\n", "hz 30\n")
        .replace("save 300 10\n", "")
        + '\n# Generated by CONFIG REWRITE\ntimeout 7\nrequirepass "a b"\n'
    )


def test_the_heading_is_written_once() -> None:
    """A second rewrite with another change adds below the heading that is there."""
    current = read_back(CONF, REDIS_FILE)
    current.timeout_s = 7
    once = rewritten(CONF, REDIS_FILE, current)
    current.maxclients = 5
    assert rewritten(once, REDIS_FILE, current) == once + "maxclients 5\n"


def test_comments_at_the_end_of_toml_lines_stay() -> None:
    """A statement of several lines becomes one; the others are not touched."""
    current = read_back(TOML, TOML_FILE)
    current.port = 7001
    current.bind = ("*",)
    current.hz = 20
    assert rewritten(TOML, TOML_FILE, current) == (
        TOML.replace("7000", "7001").replace('[\n  "127.0.0.1",\n]', '["*"]')
        + "\n# Generated by CONFIG REWRITE\nhz = 20\n"
    )


def test_included_files_are_outweighed_not_changed(tmp_path: Path) -> None:
    """What an included file sets after the replaced line is set again at the end."""
    included = tmp_path / "included.conf"
    included.write_text("hz 20\nsave 900 1\n")
    path = tmp_path / "redis.conf"
    path.write_text(f"hz 15\nsave 300 10\ninclude {included}\n")
    file = ConfigFile(path=path, kind=FileKind.REDIS)
    current = read_back(path.read_text(), file)
    assert (current.hz, len(current.save)) == (20, 2)
    current.hz = 30
    current.save = (SavePoint(60, 5),)
    rewrite_file(file, current)
    assert differing(read_back(path.read_text(), file), current) == []
    assert included.read_text() == "hz 20\nsave 900 1\n"


def test_a_file_keeps_its_mode_and_link(tmp_path: Path) -> None:
    """Permissions are the same; a link still points to the file, which has the new text."""
    path = tmp_path / "redis.conf"
    path.write_text("hz 10\n")
    path.chmod(0o640)
    link = tmp_path / "link.conf"
    link.symlink_to(path)
    rewrite_file(ConfigFile(path=link, kind=FileKind.REDIS), Parameters(port=6379, hz=20))
    assert link.is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert "hz 20\n" in path.read_text()
    assert sorted(it.name for it in tmp_path.iterdir()) == ["link.conf", "redis.conf"]


def test_values_that_toml_cannot_hold_are_refused(tmp_path: Path) -> None:
    """A password that is no UTF-8 leaves the file as it was."""
    path = tmp_path / "meridian.toml"
    path.write_text("hz = 10\n")
    file = ConfigFile(path=path, kind=FileKind.TOML)
    with pytest.raises(RewriteError, match="Rewriting config file: requirepass: a TOML file"):
        rewrite_file(file, Parameters(requirepass=b"\xff", hz=20))
    assert path.read_text() == "hz = 10\n"


def test_renames_that_the_file_makes_cannot_be_taken_back(tmp_path: Path) -> None:
    """A value that the file cannot express is refused and named; the file stays."""
    included = tmp_path / "included.conf"
    included.write_text("rename-command DEBUG X\n")
    path = tmp_path / "redis.conf"
    path.write_text(f"include {included}\n")
    current = read_back(path.read_text(), REDIS_FILE)
    current.rename_command = (CommandRename(b"DEBUG", b"Y"),)
    with pytest.raises(RewriteError, match="cannot express the value of rename-command"):
        rewrite_file(ConfigFile(path=path, kind=FileKind.REDIS), current)


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    """The reason of the system is told."""
    file = ConfigFile(path=tmp_path / "gone.conf", kind=FileKind.REDIS)
    with pytest.raises(RewriteError, match="Rewriting config file: cannot read"):
        rewrite_file(file, Parameters())


def test_a_write_that_fails_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old text is there, nothing is left beside it, and the reason is told."""
    path = tmp_path / "redis.conf"
    path.write_text("hz 10\n")

    def fail(source: str, target: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("meridian_resp.config.rewrite.os.replace", fail)
    with pytest.raises(RewriteError, match="Rewriting config file: No space left on device"):
        rewrite_file(ConfigFile(path=path, kind=FileKind.REDIS), Parameters(port=6379, hz=20))
    assert path.read_text() == "hz 10\n"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_is_current_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a difference nothing touches the disk."""
    path = tmp_path / "redis.conf"
    path.write_text("hz 10\n")
    monkeypatch.delattr("meridian_resp.config.rewrite.os.replace")
    current = read_back(path.read_text(), REDIS_FILE)
    rewrite_file(ConfigFile(path=path, kind=FileKind.REDIS), current)
    assert path.read_text() == "hz 10\n"
