"""Calling blocking functions."""

from __future__ import annotations

import threading

import pytest

from storage.blocking import run_in_thread, run_inline


async def test_threads_and_inline_give_the_same_results() -> None:
    """Both return the value; only one uses another thread."""
    here = threading.get_ident()
    assert here == await run_inline(threading.get_ident)
    assert here != await run_in_thread(threading.get_ident)
    assert 5 == await run_inline(max, 3, 5) == await run_in_thread(max, 3, 5)


async def test_errors_come_through() -> None:
    """An exception of the function is the caller's."""
    for run in (run_inline, run_in_thread):
        with pytest.raises(ZeroDivisionError):
            await run(divmod, 1, 0)
