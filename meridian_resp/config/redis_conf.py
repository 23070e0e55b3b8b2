"""Reading of redis.conf files: lines, quoting, comments and `include`."""

from __future__ import annotations

import glob
from pathlib import Path

from meridian_resp.config.errors import StartError
from meridian_resp.config.quoting import UnbalancedQuotesError, split_words
from meridian_resp.config.sources import Assignment, Origin, Provenance

_INCLUDE_DEPTH_MAX = 16


def read_redis_conf(path: Path, depth: int = 0) -> list[Assignment]:
    """Read a file and what it includes, in order.

    Raises:
        StartError: a file cannot be read, quotes are not closed, or files include each other.
    """
    if depth > _INCLUDE_DEPTH_MAX:
        raise StartError((f"{path}: more than {_INCLUDE_DEPTH_MAX} files include each other",))
    return parse_redis_conf(read_text(path), str(path), depth)


def parse_redis_conf(text: str, where: str, depth: int = 0) -> list[Assignment]:
    """Read the text of a file; `where` names it in messages.

    Raises:
        StartError: as `read_redis_conf`.
    """
    assignments: list[Assignment] = []
    for number, line in enumerate(text.split("\n"), start=1):
        place = f"{where} line {number}"
        words = words_of_line(line, place)
        if not words:
            continue
        if words[0].lower() == "include" and len(words) == 2:
            for included in _included_files(words[1], place):
                assignments += read_redis_conf(included, depth + 1)
        else:
            provenance = Provenance(Origin.FILE, place)
            assignments.append(Assignment(words[0], tuple(words[1:]), provenance))
    return assignments


def words_of_line(line: str, place: str) -> list[str]:
    """Split a line; a comment or an empty line gives nothing.

    Raises:
        StartError: quotes are not closed.
    """
    stripped = line.strip(" \t\r\n")
    if not stripped or stripped.startswith("#"):
        return []
    try:
        return split_words(stripped)
    except UnbalancedQuotesError:
        raise StartError((f"{place}: unbalanced quotes in: {stripped}",)) from None


def read_text(path: Path) -> str:
    """Read a whole file, keeping bytes that are not UTF-8 as surrogate escapes.

    Raises:
        StartError: it cannot be read.
    """
    try:
        return path.read_bytes().decode("utf-8", "surrogateescape")
    except OSError as error:
        raise StartError((f"cannot read {path}: {error.strerror}",)) from None


def _included_files(pattern: str, place: str) -> list[Path]:
    """Files of an `include`, which may be a glob pattern; a pattern may match nothing."""
    if glob.has_magic(pattern):
        return [Path(name) for name in sorted(glob.glob(pattern))]
    if not Path(pattern).is_file():
        raise StartError((f"{place}: cannot read the included file {pattern}",))
    return [Path(pattern)]
