"""What a command prints: lines that have a form for people and one for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Union

import attrs

Value = Union[str, int, float, bool, None, Sequence["Value"], Mapping[str, "Value"]]

_ESCAPES = {ord("\\"): "\\\\", ord('"'): '\\"', 10: "\\n", 13: "\\r", 9: "\\t"}
_PRINTABLE = {code: chr(code) for code in range(32, 127)} | _ESCAPES
LENGTH_SHOWN_MAX = 64


@attrs.frozen
class Line:
    """One result. The text may be empty (for programs only) or have several lines."""

    text: str
    data: Mapping[str, Value]

    def as_json(self) -> str:
        """The result as one line of JSON."""
        return json.dumps(self.data, ensure_ascii=True)


class Failure(Exception):
    """The command cannot be done or found something wrong; the text is for the person.

    Attributes:
        code: exit code of the program.
    """

    def __init__(self, text: str, code: int = 1) -> None:
        super().__init__(text)
        self.code = code


def readable(data: bytes, length_max: int | None = None) -> str:
    """Bytes as ASCII text: escaped as in C where not printable, cut off with `...`."""
    shown = data if length_max is None else data[:length_max]
    text = "".join(_PRINTABLE.get(code) or f"\\x{code:02x}" for code in shown)
    return text + ("..." if len(shown) < len(data) else "")


def quoted(data: bytes) -> str:
    """Bytes in quotes for a line of text, long ones shortened."""
    return f'"{readable(data, LENGTH_SHOWN_MAX)}"'
