"""Tables for people: a heading, columns as wide as they must be, numbers on the right."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

#: The least that is shown of an id, if that tells it from the others.
ID_CHARACTERS_MIN = 8
_GAP = "  "


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Lines of a table; a column of numbers is set to the right."""
    body = [list(row) for row in rows]
    assert all(len(row) == len(headings) for row in body), headings
    columns = [[row[at] for row in body] for at in range(len(headings))]
    cells = [
        _aligned([heading, *column], is_right=bool(column) and all(map(_is_number, column)))
        for heading, column in zip(headings, columns, strict=True)
    ]
    return "\n".join(_GAP.join(line).rstrip() for line in zip(*cells, strict=True))


def short_ids(ids: Iterable[str]) -> dict[str, str]:
    """The shortest beginnings of ids, all of one length, that tell them apart."""
    known = sorted(set(ids))
    length = ID_CHARACTERS_MIN
    while len({identifier[:length] for identifier in known}) < len(known):
        length += 1
    return {identifier: identifier[:length] for identifier in known}


def decimals(number: float | None, places: int = 2) -> str:
    """A number without needless zeros; `inf` for what JSON cannot hold."""
    if number is None:
        return "inf"
    text = f"{number:.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def plural(count: int, noun: str) -> str:
    """A count with its noun: `1 node`, `2 nodes`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _aligned(column: list[str], *, is_right: bool) -> list[str]:
    width = max(map(len, column))
    return [text.rjust(width) if is_right else text.ljust(width) for text in column]


def _is_number(text: str) -> bool:
    return text in ("-", "inf") or text.replace(".", "", 1).removeprefix("-").isdigit()
