"""One birth core with a hand on its disk and its messages, for tests of single modules."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from cluster.birth.composing import compose_genesis
from cluster.birth.events import (
    BirthMessage,
    Input,
    MembersChanged,
    Output,
    Save,
    Saved,
    Send,
)
from cluster.birth.machine import Birth
from cluster.birth.options import BirthOptions
from cluster.birth.state import Stage
from cluster.identity import ClusterId, new_id
from cluster.journal.records import Record
from cluster.map.values import Claim, Genesis
from cluster.wire.messages import PeerMessage
from tests.sim.birth_nodes import endpoint, node_id, view


def genesis_of(
    proposer: int, *others: int, seed: int = 1, claims: Sequence[Claim] = ()
) -> Genesis:
    """A genesis of these nodes."""
    return compose_genesis(
        ClusterId(new_id(Random(seed))),
        view(proposer),
        others=[view(number) for number in others],
        claims={claim.node: claim for claim in claims},
        replicas=3,
    )


class LoneNode:
    """Node `number`, which sees itself and `others`; its disk is fast unless held."""

    def __init__(
        self,
        number: int = 1,
        *,
        others: Sequence[int] = (),
        journal: Sequence[Record] = (),
        options: BirthOptions | None = None,
        has_data: bool = False,
        holds_entries: bool = False,
    ) -> None:
        self.now = 0.0
        self.journal: list[Record] = list(journal)
        self.outputs: list[Output] = []
        self.is_disk_held = False
        self.core = Birth(
            node_id(number),
            endpoint(number),
            recovered=tuple(journal),
            options=options or BirthOptions(),
            rng=Random(number),
            now=0.0,
            has_data=has_data,
            holds_entries=lambda: holds_entries,
        )
        self.tell(MembersChanged(tuple(view(n) for n in sorted({number, *others}))))

    def tell(self, *events: Input) -> None:
        """Hand events in, and finish what is to be saved."""
        for event in events:
            self.core.handle(event, self.now)
            self._settle()

    def hear(self, source: int, message: PeerMessage) -> None:
        """A message comes from another node."""
        self.tell(BirthMessage(node_id(source), endpoint(source), message))

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        end = self.now + seconds
        while (deadline := self.core.deadline()) is not None and deadline <= end:
            self.now = max(self.now, deadline)
            self.core.on_deadline(self.now)
            self._settle()
        self.now = end

    def stage(self) -> Stage:
        """Where the node stands."""
        return self.core.stage

    def said(self) -> list[Output]:
        """What came out since the last call, saves left out."""
        outputs, self.outputs = self.outputs, []
        return outputs

    def sent(self, *kinds: type) -> list[tuple[int, PeerMessage]]:
        """The messages among what came out, with the number of the receiver."""
        return [
            (output.endpoint.port - 7400, output.message)
            for output in self.said()
            if isinstance(output, Send) and (not kinds or isinstance(output.message, kinds))
        ]

    def _settle(self) -> None:
        while outputs := self.core.take():
            for output in outputs:
                if not isinstance(output, Save):
                    self.outputs.append(output)
                elif not self.is_disk_held:
                    self.journal.extend(output.records)
                    self.core.handle(Saved(output.number), self.now)
        self.core.check_invariants()
