"""Configuration files as statements: pieces of text that set one parameter, or none.

Both kinds of file are cut so that the pieces joined are the file again, byte for byte. That is
what lets CONFIG REWRITE change one setting and keep comments, order and spelling of all others.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence

import attrs

from meridian_resp.config.errors import ValueRefusedError
from meridian_resp.config.quoting import quote
from meridian_resp.config.redis_conf import words_of_line
from meridian_resp.config.values import TomlValue


@attrs.frozen
class Statement:
    """A piece of a file with its line ends.

    Attributes:
        text: the piece.
        name: the directive or key it sets, as written; empty for comments and blank lines.
        comment: the comment at its end, with what stands before it; empty when there is none.
    """

    text: str
    name: str = ""
    comment: str = ""


def split_redis_conf(text: str) -> list[Statement]:
    """Cut a redis.conf into its lines; there are no comments at the end of a line."""
    statements = []
    for line in text.splitlines(keepends=True):
        words = words_of_line(line, "the file")
        statements.append(Statement(line, words[0] if words else ""))
    return statements


def redis_conf_line(name: str, arguments: Sequence[str]) -> str:
    """Write a line of redis.conf."""
    return f"{name} {' '.join(map(quote, arguments))}\n"


def split_toml(text: str) -> list[Statement]:
    """Cut a valid TOML file without tables into its statements, which may have several lines."""
    statements: list[Statement] = []
    piece = ""
    for line in text.splitlines(keepends=True):
        piece += line
        parsed = _parse(piece)
        if parsed is None:
            continue
        statements.append(Statement(piece, "".join(parsed), _comment(piece) if parsed else ""))
        piece = ""
    assert not piece, "the caller has checked that the whole text is valid"
    return statements


def toml_line(key: str, value: TomlValue, comment: str = "") -> str:
    """Write a statement of a TOML file.

    Raises:
        ValueRefusedError: the value holds bytes that are not UTF-8, which TOML cannot.
    """
    return f"{key} = {_toml(value)}{comment}\n"


def _toml(value: TomlValue) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, int | float):
        return str(value)
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueRefusedError("a TOML file holds UTF-8 only") from None
    # A basic string of TOML has the escapes of JSON, and one character more must be escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _parse(piece: str) -> dict[str, object] | None:
    try:
        return tomllib.loads(piece)
    except tomllib.TOMLDecodeError:
        return None


def _comment(piece: str) -> str:
    """Find the comment at the end of a statement: the first # that can be cut off."""
    at = piece.find("#")
    while at >= 0:
        before = piece[:at].rstrip()
        if "\n" not in piece[at:].rstrip("\n") and _parse(before) == _parse(piece):
            return piece[len(before) :].rstrip("\n")
        at = piece.find("#", at + 1)
    return ""
