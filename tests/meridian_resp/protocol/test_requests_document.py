"""The document of the protocol says what the parser does: its examples and texts are executed."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path

from meridian_resp.protocol import strict_requests
from meridian_resp.protocol.replies import OK, bulk
from meridian_resp.protocol.request_limits import RequestLimits
from meridian_resp.protocol.requests import RequestParser

TEXT = (Path(__file__).parents[3] / "docs/protocols/resp.md").read_text(encoding="utf-8")


def block(kind: str) -> str:
    """The code block of that kind; there is one."""
    (found,) = re.findall(rf"^```{kind}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    assert isinstance(found, str)
    return found


def test_example_is_parsed_as_written() -> None:
    """The bytes of the example are the commands beside it, and the stated number is held."""
    parser = RequestParser(RequestLimits())
    commands = parser.feed(bytes.fromhex(block("hex requests")))
    wanted = [[word.encode() for word in words] for words in json.loads(block("json requests"))]
    assert commands == wanted
    assert f"{parser.buffered} bytes are held" in TEXT


def test_replies_of_the_example() -> None:
    """The replies are OK and the word that was sent."""
    assert bytes.fromhex(block("hex replies")) == OK + bulk(b"hi!")


def test_odd_case_is_as_told() -> None:
    """Bytes in place of line ends are skipped unseen."""
    (example,) = re.findall(r"So `(\S+)` is PING", TEXT)
    data = example.replace("\\r", "\r").encode()
    assert RequestParser(RequestLimits()).feed(data) == [[b"PING"]]


def test_every_refusal_is_listed() -> None:
    """Each text that the strict parser can refuse with stands in the table of limits."""
    source = inspect.getsource(strict_requests)
    texts = set(re.findall(r'"((?:too big|invalid|unauthenticated|unbalanced) [a-z ]+)"', source))
    assert len(texts) == 8
    assert {text for text in texts if f"| `{text}` |" not in TEXT} == set()
    assert "| `expected '$', got 'x'` |" in TEXT
