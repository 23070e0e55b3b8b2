"""Tests of the error texts. Expected texts were taken from redis-server 7.0."""

from __future__ import annotations

import pytest

from meridian_resp import errors
from meridian_resp.errors import CommandError


def test_a_command_error_carries_its_text() -> None:
    """The text is what the reply says, and what a log would show."""
    failure = CommandError(errors.SYNTAX)
    assert errors.SYNTAX == failure.text == str(failure)


@pytest.mark.parametrize(
    "name",
    [name for name in dir(errors) if name.isupper() and isinstance(getattr(errors, name), str)],
)
def test_every_text_begins_with_a_code(name: str) -> None:
    """Clients tell errors apart by the first word, which is in upper case."""
    text = getattr(errors, name)
    code, _, rest = text.partition(" ")
    assert code.isupper()
    assert rest
    assert "\r" not in text and "\n" not in text


def test_arity_errors_name_the_command() -> None:
    """Sub-commands are named with their container."""
    expected = "ERR wrong number of arguments for 'config|get' command"
    assert expected == errors.wrong_arguments("config|get")


def test_unknown_commands_show_their_arguments() -> None:
    """Each argument is quoted and followed by a blank."""
    expected = "ERR unknown command 'foo', with args beginning with: 'a' 'b' "
    assert expected == errors.unknown_command(b"foo", [b"a", b"b"])
    assert (
        errors.unknown_command(b"foo", [])
        == "ERR unknown command 'foo', with args beginning with: "
    )


def test_unknown_commands_are_cut() -> None:
    """A name of any length and arguments of any number make a short text."""
    text = errors.unknown_command(b"x" * 1000, [b"y" * 1000] * 1000)
    assert "'" + "x" * 128 + "'" in text
    assert len(text) < 400


def test_unknown_subcommands_point_to_help() -> None:
    """The container is named in upper case."""
    expected = "ERR unknown subcommand 'foo'. Try OBJECT HELP."
    assert expected == errors.unknown_subcommand("OBJECT", b"foo")


def test_expiry_errors_name_the_command() -> None:
    """The command stands in lower case."""
    assert errors.invalid_expire("setex") == "ERR invalid expire time in 'setex' command"


def test_limits_are_named_with_their_options() -> None:
    """Whoever meets a limit reads what was given, what is allowed, and what to change."""
    assert "513 bytes given, at most 512 allowed" in errors.key_too_long(513, 512)
    assert "key-size-max-bytes" in errors.key_too_long(513, 512)
    assert "value-size-max-bytes" in errors.value_too_long(9, 8)


def test_refused_writes_say_why() -> None:
    """The reason stands inside a MISCONF error, which clients know from Redis."""
    text = errors.writes_refused("no space left on the device")
    assert text.startswith("MISCONF ")
    assert "no space left on the device" in text
