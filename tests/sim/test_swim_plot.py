from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from tests.sim.swim_plot import PICTURE_PATH, Point, read, render, write

ROOT = Path(__file__).parents[2]
SVG = "{http://www.w3.org/2000/svg}"
POINTS = [
    Point(0.0, 50, 2200.0, 1900.0),
    Point(0.0, 500, 2300.0, 1900.0),
    Point(0.3, 50, 4000.0, 1800.0),
    Point(0.3, 500, 17000.0, 1800.0),
]


def polylines(picture: str, width: str) -> list[list[tuple[float, float]]]:
    """The lines of a width, as lists of places."""
    found = []
    for line in ElementTree.fromstring(picture).iter(f"{SVG}polyline"):
        if line.attrib["stroke-width"] == width:
            pairs = [pair.split(",") for pair in line.attrib["points"].split()]
            found.append([(float(x), float(y)) for x, y in pairs])
    return found


def test_the_picture_of_the_page_shows_the_kept_points() -> None:
    """Whoever measures anew draws anew."""
    assert (ROOT / PICTURE_PATH).read_text() == render(read(ROOT))


def test_points_come_back_as_written(tmp_path: Path) -> None:
    """In order of the share of slow nodes, then of the nodes, whatever order they came in."""
    write(reversed(POINTS), tmp_path)
    assert read(tmp_path) == POINTS
    assert (tmp_path / PICTURE_PATH).read_text() == render(POINTS)


def test_there_is_a_line_per_share_of_slow_nodes() -> None:
    """Each has a place per size; more nodes are further right, more bytes higher up."""
    well, slow = polylines(render(POINTS), "2.5")
    assert [x for x, _ in well] == [x for x, _ in slow]
    assert well[0][0] < well[1][0]
    assert slow[1][1] < slow[0][1] < well[0][1]


def test_everything_lies_inside_of_the_picture() -> None:
    """No place is above the frame, whatever the greatest value is."""
    for greatest in (900.0, 4000.0, 19999.0, 123456.0):
        picture = render([Point(0.0, 50, 10.0, 5.0), Point(0.0, 500, greatest, 5.0)])
        for line in polylines(picture, "2.5"):
            assert all(60 <= y <= 340 and 70 <= x <= 550 for x, y in line)
