"""A picture of what gossip costs: bytes per node and second over the number of nodes, as SVG.

The points are kept beside the picture as text (`nodes,slow share,bytes,heartbeat bytes`), so that
the picture can be drawn again, and a test that it shows them, without hours of simulation:

    python -m tests.sim.swim_plot

Written by hand since it needs ten shapes; a plotting library would be the greatest dependency of
the project. The same points give the same bytes, so a change of the picture is a change of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path

from attrs import frozen

POINTS_PATH = Path("docs/images/gossip-traffic.csv")
PICTURE_PATH = Path("docs/images/gossip-traffic.svg")

_HEADING = "nodes,slow_share,bytes_per_s,heartbeat_bytes_per_s"
_WIDTH, _HEIGHT = 720, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 550, 60, 340
_INK, _PALE = "#24292f", "#d8dee4"
_COLOURS = {"slow": "#b35900", "well": "#0a5fb4", "heartbeats": "#6e7781"}
_GRID_LINES = 5


@frozen(order=True)
class Point:
    """What one node of so many sent per second, on average; heartbeats are part of the bytes."""

    slow_share: float
    nodes: int
    bytes_per_s: float
    heartbeat_bytes_per_s: float


def write(points: Iterable[Point], directory: Path) -> None:
    """Write the points and their picture below a directory, the root of the project."""
    ordered = sorted(points)
    rows = [
        f"{p.nodes},{p.slow_share},{p.bytes_per_s:.0f},{p.heartbeat_bytes_per_s:.0f}"
        for p in ordered
    ]
    target = directory / POINTS_PATH
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("\n".join([_HEADING, *rows]) + "\n")
    (directory / PICTURE_PATH).write_text(render(read(directory)))


def read(directory: Path) -> list[Point]:
    """Read the points below a directory."""
    heading, *rows = (directory / POINTS_PATH).read_text().splitlines()
    assert heading == _HEADING, heading
    cells = [row.split(",") for row in rows]
    return [Point(float(s), int(n), float(total), float(beats)) for n, s, total, beats in cells]


def render(points: Sequence[Point]) -> str:
    """Return the picture as SVG: a line per share of slow nodes, and one of the heartbeats."""
    lines = {
        share: sorted(line) for share, line in groupby(sorted(points), lambda p: p.slow_share)
    }
    nodes_max = max(p.nodes for p in points)
    step = _step(max(p.bytes_per_s for p in points))

    def place(nodes: float, value: float) -> tuple[float, float]:
        x = _LEFT + (_RIGHT - _LEFT) * nodes / nodes_max
        return x, _BOTTOM - (_BOTTOM - _TOP) * value / (step * _GRID_LINES)

    shapes = _frame(step)
    for nodes in sorted({p.nodes for p in points}):
        x, _ = place(nodes, 0)
        shapes.append(_text(x, _BOTTOM + 18, f"{nodes}", anchor="middle"))
        shapes.append(_line([(x, _BOTTOM), (x, _BOTTOM + 4)], _INK, 1))
    for share, line in lines.items():
        colour = _COLOURS["slow" if share else "well"]
        name = f"{share * 100:.0f} % of nodes slow" if share else "all nodes well"
        places = [place(p.nodes, p.bytes_per_s) for p in line]
        shapes.append(_line(places, colour, 2.5))
        for point, (x, y) in zip(line, places, strict=True):
            shapes.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>')
            shapes.append(
                _text(x, y - 10, f"{point.bytes_per_s / 1000:.1f}", colour=colour, anchor="middle")
            )
        x, y = places[-1]
        shapes.append(_text(x + 12, y + 4, name, colour=colour, weight="bold"))
    beats = [place(p.nodes, p.heartbeat_bytes_per_s) for p in min(lines.items())[1]]
    shapes.append(_line(beats, _COLOURS["heartbeats"], 1.5, dashes="5 4"))
    x, y = beats[-1]
    shapes.append(_text(x + 12, y + 16, "heartbeats alone", colour=_COLOURS["heartbeats"]))
    return _document(shapes)


def _frame(step: int) -> list[str]:
    """Return title, grid and the words at the axes."""
    shapes = [
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>',
        _text(_LEFT, 26, "What a node sends per second, at 2 % loss", size=16, weight="bold"),
        _text(
            (_LEFT + _RIGHT) / 2, _BOTTOM + 42, "nodes in the cluster", size=13, anchor="middle"
        ),
    ]
    for number in range(_GRID_LINES + 1):
        y = _BOTTOM - (_BOTTOM - _TOP) * number / _GRID_LINES
        is_axis = number == 0
        shapes.append(_line([(_LEFT, y), (_RIGHT, y)], _INK if is_axis else _PALE, 1))
        label = f"{_thousands(number * step)} kB" if number == _GRID_LINES else None
        shapes.append(_text(_LEFT - 8, y + 4, label or _thousands(number * step), anchor="end"))
    return shapes


def _step(greatest: float) -> int:
    """Return the distance of two grid lines: a round number with room above the greatest."""
    power = 100
    while True:
        for step in (power, 2 * power, 4 * power, 5 * power):
            if step * _GRID_LINES >= greatest * 1.05:
                return step
        power *= 10


def _thousands(value: float) -> str:
    return f"{value / 1000:.1f}".removesuffix(".0")


def _line(
    places: Sequence[tuple[float, float]], colour: str, width: float, *, dashes: str = ""
) -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return (
        f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}"{dashed}/>'
    )


def _text(
    x: float,
    y: float,
    words: str,
    *,
    colour: str = _INK,
    size: int = 12,
    anchor: str = "start",
    weight: str = "normal",
) -> str:
    return (  # the white around it keeps the grid from striking it through
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" font-size="{size}" '
        f'paint-order="stroke" stroke="#ffffff" stroke-width="3" '
        f'font-weight="{weight}" text-anchor="{anchor}">{words}</text>'
    )


def _document(shapes: Sequence[str]) -> str:
    inner = "\n".join(f"  {shape}" for shape in shapes)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'width="{_WIDTH}" height="{_HEIGHT}" font-family="sans-serif">\n{inner}\n</svg>\n'
    )


if __name__ == "__main__":
    write(read(Path()), Path())
