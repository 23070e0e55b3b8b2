"""Watching the moves of partitions until there are none, for commands that wait.

The map is asked for again and again; a line is shown when its epoch has changed, so it tells each
step that was agreed on. What cannot go on (a node is dead, the metadata log has no leader) shows
as no progress; then waiting ends with an error after a while, and the moves stay as they are. When
all that is left waits for something that the leader of the metadata log can name, it ends sooner.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator

from attrs import frozen

from tools.ctl.cluster import Cluster, ClusterMap
from tools.ctl.output import Failure, Line
from tools.ctl.tables import plural

#: The steps of a move, in order.
STEPS = ("allow_both", "write_both", "stream", "read_new", "clean_up")
INTERVAL_S = 0.5
#: Without a change for so long the leader of the metadata log is asked what moves wait for.
CALM_S = 3.0
STUCK_S = 120.0
REASONS_SHOWN_MAX = 3


@frozen
class Pace:
    """How often to look, how long nothing may change; the clock is that of the machine."""

    interval_s: float = INTERVAL_S
    calm_s: float = CALM_S
    stuck_s: float = STUCK_S
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic


def watch_moves(cluster: Cluster, pace: Pace, *, is_endless: bool = False) -> Iterator[Line]:
    """A line for each map in which moves are under way, and one when all are done.

    With `is_endless` it goes on after that, until it is interrupted.

    Raises:
        Failure: nothing can move on, or nothing has changed for too long.
    """
    epoch, changed_at = -1, pace.clock()
    was_moving = True
    while True:
        found = cluster.map()
        now = pace.clock()
        is_moving = any(it.transition is not None for it in found.partitions)
        if found.epoch != epoch:
            epoch, changed_at = found.epoch, now
            if is_moving or was_moving:
                yield progress_line(found)
            was_moving = is_moving
        if not is_moving and not is_endless:
            return
        if is_moving and not is_endless:
            check_hope(cluster, pace, found, calm_s=now - changed_at)
        pace.sleep(pace.interval_s)


def watch_settling(cluster: Cluster, pace: Pace) -> Iterator[Line]:
    """Follow what comes of a change, until nothing is left to move.

    Where plans are carried out by themselves that takes the settling time before it begins; where
    they are not, it says how to carry this one out.

    Raises:
        Failure: moves cannot go on, or the plan is not carried out although it should be.
    """
    calm_since = pace.clock()
    while True:
        if any(it.transition is not None for it in cluster.map().partitions):
            yield from watch_moves(cluster, pace)
            calm_since = pace.clock()
            continue
        plan = cluster.plan()
        if plan.is_empty:
            yield Line("nothing is left to move", {"epoch": plan.epoch, "is_settled": True})
            return
        if not cluster.is_auto_rebalance():
            text = f"it is planned; carry it out with: meridian-ctl commit {plan.epoch} --wait"
            yield Line(text, {"epoch": plan.epoch, "is_settled": False})
            return
        if pace.clock() - calm_since > pace.stuck_s:
            raise Failure(
                f"the plan was not carried out within {pace.stuck_s:g} s; meridian-ctl metadata"
                " tells whether somebody leads"
            )
        pace.sleep(pace.interval_s)


def check_hope(cluster: Cluster, pace: Pace, found: ClusterMap, *, calm_s: float) -> None:
    """See whether it is worth to wait on, when nothing has changed for `calm_s`.

    Raises:
        Failure: it is not; with what moves wait for, as far as it is known.
    """
    if calm_s < pace.calm_s:
        return
    status = cluster.status_at_leader()
    moving = sum(it.transition is not None for it in found.partitions)
    if len(status.waiting_for) < moving and calm_s <= pace.stuck_s:
        return
    reasons = [f"partition {number}: {why}" for number, why in status.waiting_for.items()]
    more = len(reasons) - REASONS_SHOWN_MAX
    shown = reasons[:REASONS_SHOWN_MAX] or status.troubles or ["meridian-ctl status may tell why"]
    raise Failure(
        f"{plural(moving, 'move')} cannot go on now and will when that changes:\n  "
        + "\n  ".join(shown)
        + (f"\n  and {more} more" if more > 0 else "")
    )


def progress_line(found: ClusterMap) -> Line:
    """How many moves are at which step."""
    steps = Counter(it.transition.step for it in found.partitions if it.transition is not None)
    moving = sum(steps.values())
    text = f"epoch {found.epoch}: "
    if moving:
        shown = ", ".join(f"{steps[step]} {step}" for step in STEPS if steps[step])
        text += f"{plural(moving, 'move')} under way ({shown})"
    else:
        text += "no moves under way"
    return Line(text, {"epoch": found.epoch, "moving": moving, "steps": dict(steps)})
