"""Reading of TOML files: flat keys with underscores, values of TOML's own types."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

from meridian_resp.config.errors import StartError
from meridian_resp.config.quoting import UnbalancedQuotesError, split_words
from meridian_resp.config.redis_conf import read_text
from meridian_resp.config.sources import Assignment, Origin, Provenance


def read_toml(path: Path) -> list[Assignment]:
    """Read a file.

    Raises:
        StartError: it cannot be read, is not TOML, or holds a table or a date.
    """
    return parse_toml(read_text(path), str(path))


def parse_toml(text: str, where: str) -> list[Assignment]:
    """Read the text of a file; `where` names it in messages.

    Raises:
        StartError: as `read_toml`.
    """
    try:
        document: Mapping[str, object] = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, UnicodeError) as error:
        raise StartError((f"{where} is not a TOML file: {error}",)) from None
    problems: list[str] = []
    assignments: list[Assignment] = []
    for key, value in document.items():
        words = words_of_value(value)
        if words is None:
            problems.append(
                f"{where}: {key} must be a number, a text, true, false or a list of these;"
                " tables and dates have no meaning here"
            )
            continue
        provenance = Provenance(Origin.FILE, f"{where} key {key}")
        assignments.append(Assignment(key.replace("_", "-"), words, provenance))
    if problems:
        raise StartError(tuple(problems))
    return assignments


def words_of_value(value: object) -> tuple[str, ...] | None:
    """Write a TOML value as words of a redis.conf line; None for what has no such form.

    A text is one word. In a list each text is split, so `save = ["900 1", "300 10"]` and
    `bind = ["127.0.0.1", "::1"]` both work; an empty text stays a word.
    """
    if not isinstance(value, list):
        word = _word(value)
        return None if word is None else (word,)
    words: list[str] = []
    for item in value:
        word = _word(item)
        if word is None:
            return None
        try:
            words += split_words(word) or [word]
        except UnbalancedQuotesError:
            return None
    return tuple(words) or ("",)


def _word(value: object) -> str | None:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float | str):
        return str(value)
    return None
