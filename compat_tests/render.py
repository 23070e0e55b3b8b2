"""Print the table of known differences as Markdown: `python -m compat_tests.render`."""

from __future__ import annotations

import sys

from compat_tests.known_differences import KNOWN_DIFFERENCES

_HEADER = "| Where | Redis 7.0 | Meridian | Why |"
_RULE = "| --- | --- | --- | --- |"


def rendered_table() -> str:
    """Return the Markdown table, ending in a line end; pipes inside cells are escaped."""
    lines = [_HEADER, _RULE]
    for difference in KNOWN_DIFFERENCES:
        cells = (difference.commands, difference.redis, difference.meridian, difference.reason)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(rendered_table())
