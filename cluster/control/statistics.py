"""The figures of the control plane at one moment, for INFO, metrics and `meridian-ctl`."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from cluster.identity import ClusterId
from cluster.membership.swim import SwimStatistics


@frozen
class ControlStatistics:
    """Figures of one node's control plane.

    Attributes:
        stage: where the node stands: unformed, proposing, accepted, held or formed.
        cluster: the cluster it belongs to.
        map_epoch: of the map that it routes by, 0 without one.
        swim: figures of membership.
        open_transitions: moves of partitions that are under way in this map.
        waiting_for: why moves wait, in words, by partition; known to the leader only.
        counts: what was refused or could not be read, by reason, since the start.
    """

    stage: str
    cluster: ClusterId | None
    map_epoch: int
    swim: SwimStatistics
    open_transitions: int
    waiting_for: Mapping[int, str]
    counts: Mapping[str, int]
