from __future__ import annotations

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from cluster.transport.names import FRESH_S, RETRY_S, NameCache, look_up


class Answers:
    """A name server in memory with a clock."""

    def __init__(self) -> None:
        self.now = 0.0
        self.addresses: dict[str, tuple[str, ...]] = {"a.example": ("10.0.0.1", "10.0.0.2")}
        self.asked: list[str] = []

    async def look_up(self, host: str) -> tuple[str, ...]:
        """As `names.look_up`."""
        await trio.lowlevel.checkpoint()
        self.asked.append(host)
        return self.addresses.get(host, ())


async def test_a_name_is_known_after_its_lookup(nursery: trio.Nursery) -> None:
    """Asking twice meanwhile looks up once; addresses need no lookup."""
    answers = Answers()
    names = NameCache(lambda: answers.now, answers.look_up)
    assert names.find("a.example") is None and names.find("a.example") is None
    assert names.find("127.0.0.1") == ("127.0.0.1",) and names.find("::1") == ("::1",)
    nursery.start_soon(names.run)
    await wait_all_tasks_blocked()
    assert names.find("a.example") == ("10.0.0.1", "10.0.0.2")
    assert answers.asked == ["a.example"]


async def test_an_old_answer_holds_until_there_is_a_new_one(nursery: trio.Nursery) -> None:
    """A host that moved is found; a name server that is down takes nobody away."""
    answers = Answers()
    names = NameCache(lambda: answers.now, answers.look_up)
    nursery.start_soon(names.run)
    names.find("a.example")
    await wait_all_tasks_blocked()
    for change in (("10.0.0.3",), ()):
        answers.addresses["a.example"] = change
        answers.now += FRESH_S
        assert names.find("a.example")
        await wait_all_tasks_blocked()
        assert names.find("a.example") == ("10.0.0.3",)
    assert len(answers.asked) == 3


async def test_a_failure_is_asked_again_after_a_while(nursery: trio.Nursery) -> None:
    """Not at each call: a name that does not exist is wanted ten times a second."""
    answers = Answers()
    names = NameCache(lambda: answers.now, answers.look_up)
    nursery.start_soon(names.run)
    names.find("void.example")
    await wait_all_tasks_blocked()
    assert names.find("void.example") == ()
    await wait_all_tasks_blocked()
    assert len(answers.asked) == 1
    answers.now += RETRY_S
    names.find("void.example")
    await wait_all_tasks_blocked()
    assert len(answers.asked) == 2


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_the_system_is_asked(host: str) -> None:
    """The resolver of this machine knows its own name."""
    assert set(await look_up(host)) <= {"127.0.0.1", "::1"}


async def test_an_impossible_name_has_no_address() -> None:
    """Names come from other nodes: nothing they hold is an exception."""
    assert await look_up("a" * 300) == ()
    assert await look_up("a..b") == ()
