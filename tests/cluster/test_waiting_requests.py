"""Requests that wait for their answers."""

from __future__ import annotations

from cluster.control.requests import Answer, Done, Form, RequestRefused
from cluster.waiting_requests import LATE, STOPPED, TOO_MANY, WaitingRequests


def add(requests: WaitingRequests, answers: list[Answer], expires_at: float) -> int:
    """A request whose answers are collected."""
    token = requests.add(Form(), answers.append, expires_at)
    assert token is not None
    return token


def test_each_is_answered_once() -> None:
    """By its token; a second answer goes nowhere."""
    requests = WaitingRequests(10)
    first: list[Answer] = []
    second: list[Answer] = []
    one, two = add(requests, first, 5.0), add(requests, second, 5.0)
    requests.answer(two, Done("two"))
    requests.answer(two, Done("again"))
    requests.answer(one, RequestRefused("no"))
    assert (first, second) == ([RequestRefused("no")], [Done("two")])
    assert (requests.count, requests.refused, len(requests)) == (2, 1, 0)


def test_time_runs_out() -> None:
    """Whose time is over hears that the outcome is unknown; what comes later is not heard."""
    requests = WaitingRequests(10)
    early: list[Answer] = []
    late: list[Answer] = []
    token = add(requests, early, 5.0)
    add(requests, late, 6.0)
    assert requests.deadline() == 5.0
    requests.expire(5.0)
    requests.answer(token, Done())
    assert early == [LATE] and LATE.is_unknown
    assert late == []
    assert (requests.deadline(), requests.timed_out) == (6.0, 1)


def test_too_many_are_refused() -> None:
    """The refusal is certain: nothing was asked."""
    requests = WaitingRequests(1)
    answers: list[Answer] = []
    add(requests, [], 5.0)
    assert requests.add(Form(), answers.append, 5.0) is None
    assert answers == [TOO_MANY] and not TOO_MANY.is_unknown


def test_the_end_answers_all() -> None:
    """Nobody waits for a node that is gone, even who asks again from the answer."""
    requests = WaitingRequests(10)
    answers: list[Answer] = []
    requests.add(Form(), lambda answer: add(requests, answers, 9.0) and None, 5.0)
    add(requests, answers, 5.0)
    requests.end(STOPPED)
    assert answers == [STOPPED]
    assert len(requests) == 1 and requests.deadline() == 9.0
