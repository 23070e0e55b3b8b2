"""Errors: their texts are Redis'."""

from __future__ import annotations

from meridian_resp.config.errors import (
    RefusedChangeError,
    RewriteError,
    StartError,
    UnknownParameterError,
)


def test_texts_for_clients_are_those_of_redis() -> None:
    """The answer of CONFIG SET, byte for byte."""
    unknown = UnknownParameterError("foo")
    expected = "ERR Unknown option or number of arguments for CONFIG SET - 'foo'"
    assert unknown.text == expected
    refused = RefusedChangeError("hz", "argument must be between 0 and 1 inclusive")
    expected = (
        "ERR CONFIG SET failed (possibly related to argument 'hz')"
        " - argument must be between 0 and 1 inclusive"
    )
    assert refused.text == expected
    rewrite = RewriteError("The server is running without a config file")
    assert rewrite.text == "ERR The server is running without a config file"


def test_all_problems_are_told() -> None:
    """A refused start names each mistake on a line."""
    assert str(StartError(("one", "two"))) == "one\ntwo"
