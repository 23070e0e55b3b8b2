"""Answers wait for the map that they speak of, but not for long."""

from __future__ import annotations

from cluster.identity import NodeId
from cluster.map.values import CommandResult
from cluster.metadata.answers import Answer, Answers

DONE = CommandResult(True, "", 7)


def test_an_answer_waits_for_its_map() -> None:
    """Who was told that it is done sees it done."""
    answers = Answers(wait_s=1.0)
    answer = Answer(identifier=1, result=DONE, token=5)
    answers.add(answer, 10.0)
    assert answers.due(6, 10.1) == []
    assert answers.due(7, 10.2) == [answer]
    assert answers.due(7, 10.3) == [], "given twice"
    assert answers.deadline() is None


def test_a_map_that_does_not_come_holds_nothing_up() -> None:
    """The answer is true without it."""
    answers = Answers(wait_s=1.0)
    answer = Answer(identifier=1, result=DONE, askers=frozenset({NodeId("a")}))
    answers.add(answer, 10.0)
    assert answers.deadline() == 11.0
    assert answers.due(0, 11.0) == [answer]


def test_what_nobody_asked_for_is_dropped() -> None:
    """Most commands that a member applies are others'."""
    answers = Answers(wait_s=1.0)
    answers.add(Answer(identifier=1, result=DONE), 10.0)
    assert answers.due(7, 10.0) == []
