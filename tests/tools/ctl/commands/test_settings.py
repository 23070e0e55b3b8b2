"""`meridian-ctl settings`."""

from __future__ import annotations

import json

import attrs
import pytest

from cluster.control.requests import Request, SetFeature, SetSetting, Unpin
from cluster.slots import SlotSet
from tests.cluster.map.maps import first_map
from tests.harness.told_cluster import told_cluster
from tests.tools.ctl.told_server import ran


def test_settings_and_features_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """Those that were set; nothing at first."""
    cluster = told_cluster(first_map(1))
    assert ran(cluster, capsys, "settings", "get")[1] == ["nothing was set"]
    assert cluster.current is not None
    cluster.current = attrs.evolve(
        cluster.current, settings={"auto-rebalance": "no"}, features=frozenset({"x"})
    )
    _, lines, _ = ran(cluster, capsys, "settings", "get")
    assert [line.split() for line in lines] == [
        ["SETTING", "VALUE"], ["auto-rebalance", "no"], ["feature", "x", "on"],
    ]  # fmt: skip
    _, lines, _ = ran(cluster, capsys, "settings", "get", "--json")
    assert json.loads(lines[0]) == {"settings": {"auto-rebalance": "no"}, "features": ["x"]}


@pytest.mark.parametrize(
    ("words", "asked", "text"),
    [
        (
            "set auto-rebalance no",
            SetSetting("auto-rebalance", "no"),
            "auto-rebalance = no",
        ),
        (
            "unset auto-rebalance",
            SetSetting("auto-rebalance", ""),
            "auto-rebalance has its usual value again",
        ),
        ("feature x off", SetFeature("x", is_on=False), "feature x is off"),
        ("unpin 0-9 12", Unpin(SlotSet.of([*range(10), 12])), "0-9 12 are placed by plan"),
    ],
)
def test_each_verb_is_a_request(
    words: str, asked: Request, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Answered when all nodes will see it."""
    cluster = told_cluster(first_map(1))
    assert cluster.current is not None
    cluster.current = attrs.evolve(cluster.current, features=frozenset({"x"}))
    code, lines, _ = ran(cluster, capsys, "settings", *words.split())
    assert (code, lines) == (0, [text])
    assert cluster.asked == [asked]
