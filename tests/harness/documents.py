"""Worked examples out of the format documents."""

from __future__ import annotations

import re
from pathlib import Path

_FORMATS = Path(__file__).resolve().parents[2] / "docs" / "formats"


def hex_example(document: str) -> bytes:
    """Return the bytes of the one hex block in a document of docs/formats."""
    text = (_FORMATS / document).read_text(encoding="utf-8")
    (block,) = re.findall(r"^```hex\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return bytes.fromhex(block)
