"""From a command line to settings."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from meridian_resp.config.errors import StartError
from meridian_resp.config.loading import load
from meridian_resp.config.sources import Origin

CONF = """\
port 7000
hz 20
dbfilename dump.rdb
appendonly no
no-such-thing 1
nor-this
"""


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    """A redis.conf with directives of all kinds."""
    file = tmp_path / "redis.conf"
    file.write_text(CONF)
    return file


def test_without_anything_the_defaults_hold() -> None:
    """No file, no warnings, the specification's port and limits."""
    settings = load([])
    assert (settings.port, settings.value_size_max_bytes) == (7401, 1 << 20)
    assert settings.config_file is None
    assert settings.start_warnings == ()
    assert settings.origin("port").origin is Origin.DEFAULT


def test_options_outweigh_the_file_which_outweighs_defaults(conf: Path) -> None:
    """Each value knows where it came from."""
    settings = load([str(conf), "--port", "7001"])
    assert (settings.port, settings.hz, settings.maxclients) == (7001, 20, 10_000)
    assert str(settings.origin("port")) == "command line (--port)"
    assert str(settings.origin("hz")) == f"file ({conf} line 2)"


def test_a_redis_conf_brings_redis_limits(conf: Path) -> None:
    """Values may be as large as in Redis, unless the command line says otherwise."""
    assert load([str(conf)]).value_size_max_bytes == 512 << 20
    assert load([str(conf), "--value-size-max-bytes", "2mb"]).value_size_max_bytes == 2 << 20
    conf.write_text("hz 1\n")
    assert load([str(conf)]).port == 6379


def test_unknown_directives_are_named_in_one_warning(conf: Path) -> None:
    """One warning has all unknown ones with their lines, another the known ones with reasons."""
    unknown, not_taken = load([str(conf)]).start_warnings
    assert unknown == (
        f"{conf}: unknown directives are ignored: no-such-thing (line 5), nor-this (line 6)"
    )
    assert "dbfilename (line 3): Meridian keeps data" in not_taken
    assert "appendonly (line 4): every write is logged" in not_taken


def test_unknown_options_are_refused(conf: Path) -> None:
    """On the command line a name nobody knows is a mistake; all mistakes are told."""
    with pytest.raises(StartError) as refused:
        load([str(conf), "--prot", "1", "--hz", "x"])
    assert refused.value.problems == (
        "--hz must be a whole number from 1 to 500 (1/s), not x",
        "--prot is not an option of meridian; did you mean --port?",
    )


def test_unknown_keys_are_refused(tmp_path: Path) -> None:
    """A TOML file is written for Meridian, so a misspelt key in it is a mistake."""
    file = tmp_path / "meridian.toml"
    file.write_text("prot = 1\n")
    with pytest.raises(StartError, match=r"key prot: prot is not .* did you mean port\?"):
        load(["--config", str(file)])


def test_a_toml_file_keeps_the_specified_limits(tmp_path: Path) -> None:
    """Only a redis.conf brings Redis' limits."""
    file = tmp_path / "meridian.toml"
    file.write_text("compaction_throughput_mb = 50\n")
    settings = load([str(file)])
    assert (settings.compaction_throughput_mb, settings.port) == (50, 7401)
    assert settings.value_size_max_bytes == 1 << 20


def test_toml_values_of_another_type_are_refused(tmp_path: Path) -> None:
    """A switch is no number, a number no text, a fraction no whole number."""
    file = tmp_path / "meridian.toml"
    file.write_text("port = true\nhz = 1.5\nappendfsync = 1\nprotected_mode = 1\n")
    with pytest.raises(StartError) as refused:
        load([str(file)])
    assert len(refused.value.problems) == 4


def test_standard_input_is_a_redis_conf(monkeypatch: pytest.MonkeyPatch) -> None:
    """`-` reads it; there is no file to rewrite then."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"port 7003\n")))
    settings = load(["-"])
    assert settings.port == 7003
    assert settings.config_file is None
    assert str(settings.origin("port")) == "file (standard input line 1)"


def test_relations_are_checked() -> None:
    """Values that do not go together are refused, whatever source they are from."""
    with pytest.raises(StartError, match="port and http-port must differ"):
        load(["--port", "7402"])


def test_the_file_redis_comes_with_starts_meridian() -> None:
    """The packaged redis.conf is taken without a mistake and without unknown directives."""
    packaged = Path("/etc/redis/redis.conf")
    try:
        text = packaged.read_text()
    except OSError:
        pytest.skip("Redis is not installed here, or its file is not readable")
    assert "port 6379" in text
    (warning,) = load([str(packaged)]).start_warnings
    assert "unknown" not in warning
