"""The live settings: CONFIG GET and SET, hooks and origins."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meridian_resp.config.choices import AppendFsync, LogLevel
from meridian_resp.config.errors import (
    ChangeError,
    RewriteError,
    UnknownParameterError,
    ValueRefusedError,
)
from meridian_resp.config.loading import load
from meridian_resp.config.parameter import Change
from meridian_resp.config.parameters import PARAMETERS, find, names
from meridian_resp.config.settings import Settings
from meridian_resp.config.sources import Origin


def error_of(settings: Settings, *words: bytes) -> str:
    """The text of the error that CONFIG SET with these words gives."""
    with pytest.raises(ChangeError) as refused:
        settings.change(list(zip(words[::2], words[1::2], strict=True)))
    return refused.value.text


def snapshot(settings: Settings) -> dict[str, object]:
    """All values."""
    return {parameter.name: settings.value(parameter) for parameter in PARAMETERS}


def test_values_are_answered_by_name_alias_and_pattern() -> None:
    """A name once, however many patterns match it; a name in the case it was asked in."""
    settings = Settings()
    assert settings.get_matching([b"PORT"]) == [(b"PORT", b"7401")]
    assert settings.get_matching([b"po?t", b"port", b"[h]z"]) == [
        (b"port", b"7401"),
        (b"hz", b"10"),
    ]
    found = dict(settings.get_matching([b"hash-max-*-entries"]))
    assert found == {b"hash-max-listpack-entries": b"512", b"hash-max-ziplist-entries": b"512"}
    assert settings.get_matching([b"nothing", b"x*y"]) == []


def test_all_but_hidden_parameters_are_answered() -> None:
    """`CONFIG GET *` has every name; renames are not shown, as in Redis, and no shared secret."""
    found = [name.decode() for name, _ in Settings().get_matching([b"*"])]
    hidden = ("rename-command", "cluster-secret")
    assert found == [name for name in names() if name not in hidden]
    assert Settings().get_matching([b"rename-command"]) == []


def test_several_values_are_set_at_once() -> None:
    """All of them, and where they came from is noted."""
    settings = Settings()
    settings.change([(b"hz", b"20"), (b"MAXCLIENTS", b"5"), (b"save", b"900 1")])
    assert (settings.hz, settings.maxclients) == (20, 5)
    assert settings.get_matching([b"save"]) == [(b"save", b"900 1")]
    assert settings.origin("maxclients").origin is Origin.RUN_TIME
    assert settings.origin("timeout").origin is Origin.DEFAULT


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (
            (b"foo", b"1"),
            "ERR Unknown option or number of arguments for CONFIG SET - 'foo'",
        ),
        (
            (b"rename-command", b"a b"),
            "ERR Unknown option or number of arguments for CONFIG SET - 'rename-command'",
        ),
        (
            (b"active-expire-effort", b"11"),
            "ERR CONFIG SET failed (possibly related to argument 'active-expire-effort')"
            " - argument must be between 1 and 10 inclusive",
        ),
        (
            (b"databases", b"abc"),
            "ERR CONFIG SET failed (possibly related to argument 'databases')"
            " - can't set immutable config",
        ),
        (
            (b"hz", b"10", b"HZ", b"11"),
            "ERR CONFIG SET failed (possibly related to argument 'HZ') - duplicate parameter",
        ),
        (
            (b"hz", b"1", b"databases", b"3", b"foo", b"1"),
            "ERR CONFIG SET failed (possibly related to argument 'databases')"
            " - can't set immutable config",
        ),
        (
            (b"hz", b"1", b"Timeout", b"abc"),
            "ERR CONFIG SET failed (possibly related to argument 'timeout')"
            " - argument couldn't be parsed into an integer",
        ),
        (
            (b"appendonly", b"no"),
            "ERR CONFIG SET failed (possibly related to argument 'appendonly')"
            " - every write is logged; appendfsync says when the log is forced to the disk",
        ),
    ],
)
def test_wrong_changes_are_refused_whole(words: tuple[bytes, ...], text: str) -> None:
    """The error is Redis', and no value is another than before."""
    settings = Settings()
    before = snapshot(settings)
    assert error_of(settings, *words) == text
    assert snapshot(settings) == before
    assert settings.origin("hz").origin is Origin.DEFAULT


def test_an_alias_beside_its_name_is_no_duplicate() -> None:
    """Redis takes both; the later one holds."""
    settings = Settings()
    settings.change([(b"list-max-ziplist-size", b"5"), (b"list-max-listpack-size", b"6")])
    assert settings.list_max_listpack_size == 6


VALUES = st.one_of(
    st.sampled_from([b"1", b"yes", b"no", b"0", b"1mb", b"900 1", b"always", b"", b"-1", b"KEA"]),
    st.binary(max_size=12),
)


@given(st.lists(st.tuples(st.sampled_from([name.encode() for name in names()]), VALUES)))
def test_changes_are_all_or_nothing(pairs: list[tuple[bytes, bytes]]) -> None:
    """Whatever is asked for: either every value is taken, or none is changed."""
    settings = Settings()
    before = snapshot(settings)
    try:
        settings.change(pairs)
    except ChangeError:
        assert snapshot(settings) == before
        return
    changed = {name for name, value in snapshot(settings).items() if value != before[name]}
    asked = {parameter.name for name, _ in pairs if (parameter := find(name.decode()))}
    assert changed <= asked
    for parameter in PARAMETERS:
        value = settings.value(parameter)
        words = parameter.type.format(value)
        arguments = words.split(" ") if parameter.type.several else [words]
        again = parameter.type.parse(arguments, value)
        assert parameter.type.format(again) == words


@pytest.mark.parametrize("name", [it.name for it in PARAMETERS if it.change is Change.HOOK])
def test_what_nobody_takes_over_cannot_change(name: str) -> None:
    """Until its component has registered, a parameter is as good as immutable."""
    settings = Settings()
    ((_, value),) = settings.get_matching([name.encode()])
    assert "can't set immutable config" in error_of(settings, name.encode(), value)
    settings.on_change(name, lambda: None)
    settings.change([(name.encode(), value)])


def test_hooks_are_called_after_the_change_and_once() -> None:
    """A hook sees the new values; it is called once, and not when nothing changes."""
    settings = Settings()
    seen: list[tuple[AppendFsync, int]] = []

    def follow() -> None:
        seen.append((settings.appendfsync, settings.compaction_throughput_mb))

    settings.on_change("appendfsync", follow)
    settings.on_change("compaction-throughput-mb", follow)
    settings.change([(b"appendfsync", b"always"), (b"compaction-throughput-mb", b"50")])
    settings.change([(b"appendfsync", b"always")])
    assert seen == [(AppendFsync.ALWAYS, 50)]


def test_a_hook_that_refuses_undoes_all() -> None:
    """All values are as before, and who had followed is told again."""
    settings = Settings()
    levels: list[LogLevel] = []
    settings.on_change("loglevel", lambda: levels.append(settings.loglevel))

    def refuse() -> None:
        raise ValueRefusedError("the disk says no")

    settings.on_change("appendfsync", refuse)
    words = (b"hz", b"20", b"loglevel", b"debug", b"appendfsync", b"always")
    assert error_of(settings, *words) == (
        "ERR CONFIG SET failed (possibly related to argument 'appendfsync') - the disk says no"
    )
    assert levels == [LogLevel.DEBUG, LogLevel.NOTICE]
    assert (settings.hz, settings.appendfsync) == (10, AppendFsync.EVERYSEC)


def test_unknown_names_are_mistakes_of_the_program() -> None:
    """Hooks and origins are asked for by names of the table."""
    with pytest.raises(KeyError):
        Settings().on_change("no-such-option", lambda: None)
    with pytest.raises(KeyError):
        Settings().origin("no-such-option")
    assert issubclass(UnknownParameterError, ChangeError)


def test_without_a_file_nothing_is_rewritten() -> None:
    """The error is Redis'."""
    with pytest.raises(RewriteError) as refused:
        Settings().rewrite()
    assert refused.value.text == "ERR The server is running without a config file"


def test_the_file_is_rewritten(tmp_path: Path) -> None:
    """A server started from the rewritten file has the values of this one."""
    file = tmp_path / "redis.conf"
    file.write_text("# mine\nhz 20\n")
    settings = load([str(file)])
    settings.change([(b"hz", b"30"), (b"timeout", b"5")])
    settings.rewrite()
    again = load([str(file)])
    assert (again.hz, again.timeout_s) == (30, 5)
    assert file.read_text().startswith("# mine\nhz 30\n")
