"""Watching the moves of partitions until there are none, for commands that wait.

The map is asked for again and again; a line is shown when its epoch has changed, so it tells each
step that was agreed on. What cannot go on (a node is dead, the metadata log has no leader) shows
as no progress; then waiting ends with an error after a while, and the moves stay as they are.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator

from attrs import frozen

from tools.ctl.cluster import Cluster, ClusterMap, Status
from tools.ctl.output import Failure, Line
from tools.ctl.tables import plural

#: The steps of a move, in order.
STEPS = ("allow_both", "write_both", "stream", "read_new", "clean_up")
INTERVAL_S = 0.5
STUCK_S = 120.0
REASONS_SHOWN_MAX = 3


@frozen
class Pace:
    """How often to look, how long nothing may change; the clock is that of the machine."""

    interval_s: float = INTERVAL_S
    stuck_s: float = STUCK_S
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic


def watch_moves(cluster: Cluster, pace: Pace, *, is_endless: bool = False) -> Iterator[Line]:
    """A line for each map in which moves are under way, and one when all are done.

    With `is_endless` it goes on after that, until it is interrupted.

    Raises:
        Failure: nothing has changed for too long.
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
        if is_moving and now - changed_at > pace.stuck_s:
            raise Failure(stuck_text(cluster.status(), pace.stuck_s))
        pace.sleep(pace.interval_s)


def stuck_text(status: Status, stuck_s: float) -> str:
    """Why nothing moves, as far as the server knows: the leader of the metadata log does."""
    reasons = [f"partition {number}: {why}" for number, why in status.waiting_for.items()]
    shown = "; ".join(reasons[:REASONS_SHOWN_MAX] or status.troubles)
    more = len(reasons) - REASONS_SHOWN_MAX
    if more > 0:
        shown += f"; and {more} more"
    return (
        f"nothing has moved for {stuck_s:g} s at epoch {status.epoch}; the moves stay as they are"
        f" ({shown or 'ask the leader of the metadata log: meridian-ctl metadata tells who'})"
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
