"""How a node judges what is claimed about nodes. All changes of status are made here.

The rules of SWIM (section 4.2) with precedences in the place of incarnations:

    claim      holds over                         at precedence
    Alive      anything                           greater
    Suspect    Alive                              equal or greater incarnation, same life
    Dead       Alive, Suspect                     equal or greater incarnation, same life
    Left       Alive, Suspect, Dead               equal or greater incarnation, same life
    Removed    everything, until the quarantine is over

What holds is passed on as a rumour; what does not is dropped, so rumours die out. A Suspect about
a node that is suspected already counts as a confirmation. A claim against the node itself is
refuted by an Alive of a greater incarnation, unless the node is leaving. A Suspect or Dead about a
life that is not known here yet is dropped: without the facts of that life nothing could be told
about it, and its Alive is on the way.

**A refutation that missed somebody.** A rumour reaches everybody but for a chance in thousands,
and of thousands of refutations some do miss a node, which then would hold a node dead that all
others know to be well. So before a suspicion runs out its holder asks the suspect and some others,
twice, by a ping with the suspicion in it; and whoever is pinged adds to the answer what it knows
better than the packet of the ping (`corrections`).

**One id, two processes.** An Alive of the same generation with another nonce, or a newer life at
another address while the held one still counts as live, is refused and reported. When the holder
is really gone it is dead within seconds, and the newcomer's next Alive is taken. A process of the
same generation, which can only be a copy, is told who holds its id.

**Two clusters.** An Alive that names another formed cluster is refused; a member that turns out
to belong to another one is forgotten. Unformed nodes may be known to both sides, but carry nothing
across, since each claim names its cluster itself.
"""

from __future__ import annotations

from collections.abc import Iterable

from cluster.identity import NodeId, Precedence
from cluster.membership.codec import COUNTER_MAX, size_of
from cluster.membership.events import IdentityConflict, MemberForgotten, SelfRemoved
from cluster.membership.local_node import LocalNode
from cluster.membership.messages import (
    Alive,
    Claim,
    Dead,
    Left,
    MemberStatus,
    Message,
    Ping,
    Removed,
    Suspect,
    SyncEntry,
)
from cluster.membership.suspicion import Suspicion, confirmations_wanted, suspicion_bounds_s
from cluster.membership.table import Member

SEQUENCE_BITS = 28  # four bytes as a varint
NOBODY_WAITS = 1 << SEQUENCE_BITS  # the sequence of pings whose answers matter for what they add
_ASK_SHARES = (0.5, 0.75)


class Claims:
    """Judges claims and changes the table by them."""

    def __init__(self, local: LocalNode) -> None:
        self._local = local
        self._noticed: dict[NodeId, float] = {}

    def judge(self, claim: Claim, now: float) -> None:
        """Take a claim from a rumour."""
        match claim:  # the frequent ones first
            case Suspect():
                self.suspect(claim, now)
            case Alive():
                self.alive(claim, now)
            case Dead(node, precedence, accuser):
                self.dead(node, precedence, accuser=accuser, now=now)
            case Left(node, precedence):
                self.left(node, precedence, now)
            case Removed(node, remaining_s):
                self.removed(node, remaining_s, now)

    def merge(self, entry: SyncEntry, sender: NodeId, now: float) -> None:
        """Take a row of another node's table.

        That a node is dead is not believed at once but suspected, so that it can refute: after a
        partition each side holds the other for dead.
        """
        claim = entry.alive
        is_known = claim.node in self._local.table or claim.node == self._local.node
        if entry.status in (MemberStatus.DEAD, MemberStatus.LEFT) and not is_known:
            self._remember(entry, now)
            return
        self.alive(claim, now)
        if entry.status is MemberStatus.LEFT:
            self.left(claim.node, claim.precedence, now)
        elif entry.status is not MemberStatus.ALIVE:
            self.suspect(Suspect(claim.node, claim.precedence, sender), now)

    def alive(self, claim: Alive, now: float) -> None:
        """Take a node's word about itself."""
        local = self._local
        node = claim.node
        if node == local.node:
            self._own_word(claim, now)
            return
        member = local.table.get(node)
        if member is None and local.table.is_quarantined(node, now):
            local.count("claims_quarantined")
            return
        if local.is_foreign(claim.cluster):
            local.count("claims_foreign")
            if member is not None and member.precedence < claim.precedence:
                self.forget(member, is_removed=False)
            return
        if member is None:
            self._welcome(claim, now)
            return
        if claim.incarnation <= member.incarnation and claim.boot == member.boot:
            return  # what most claims are: heard before
        if self._is_other_process(member, claim):
            self._notice_conflict(member, claim, now)
            if claim.boot.generation == member.boot.generation:
                # A copied directory. It takes part unnoticed until it hears who has its id.
                local.send_packet(claim.endpoint, (member.claim,))
            return
        if claim.precedence <= member.precedence:
            return
        previous = member.status
        member.endpoint, member.boot = claim.endpoint, claim.boot
        member.incarnation, member.cluster = claim.incarnation, claim.cluster
        member.facts = claim.facts
        local.table.set_status(member, MemberStatus.ALIVE, now)
        local.tell(claim)
        local.announce(member, previous)

    def suspect(self, claim: Suspect, now: float) -> None:
        """Take an accusation; the accused has the suspicion's time to refute."""
        local, precedence = self._local, claim.precedence
        if claim.node == local.node:
            self._refute(precedence, now)
            return
        member = self._held(claim.node, precedence)
        if member is None or not member.status.is_live:
            return
        if member.suspicion is not None and precedence.incarnation == member.incarnation:
            if member.suspicion.confirm(claim.accuser):
                local.tell(claim)
                self._arm(member, member.suspicion, now)
            return
        options = local.options
        previous = member.status
        member.incarnation = precedence.incarnation
        least, greatest = suspicion_bounds_s(
            local.table.live_count,
            options.probe_interval_s,
            multiplier=options.suspicion_multiplier,
            max_multiplier=options.suspicion_max_multiplier,
        )
        local.table.set_status(member, MemberStatus.SUSPECTED, now)
        member.suspicion = Suspicion(
            claim.accuser,
            now,
            confirmations=confirmations_wanted(
                local.table.live_count, options.suspicion_multiplier
            ),
            min_s=least,
            max_s=greatest,
        )
        self._arm(member, member.suspicion, now)
        local.count("suspicions")
        local.tell(claim)
        local.announce(member, previous)

    def dead(self, node: NodeId, precedence: Precedence, *, accuser: NodeId, now: float) -> None:
        """Take it that a suspicion ran out."""
        if node == self._local.node:
            self._refute(precedence, now)
            return
        member = self._held(node, precedence)
        if member is None or not member.status.is_live:
            return
        self._end(member, MemberStatus.DEAD, precedence, now)
        self._local.tell(Dead(node, precedence, accuser))
        self._local.count("deaths")

    def left(self, node: NodeId, precedence: Precedence, now: float) -> None:
        """Take a node's word that it goes."""
        if node == self._local.node:
            self._refute(precedence, now)
            return
        member = self._held(node, precedence)
        if member is None or member.status is MemberStatus.LEFT:
            return
        self._end(member, MemberStatus.LEFT, precedence, now)
        self._local.tell(Left(node, precedence))

    def removed(self, node: NodeId, remaining_s: float, now: float) -> None:
        """Forget a node and refuse its id for so long."""
        local = self._local
        if local.table.is_quarantined(node, now) or remaining_s <= 0:
            return
        if node == local.node:
            if not local.is_leaving:
                local.is_leaving = True
                local.outputs.append(SelfRemoved())
            return
        local.table.quarantine(node, now + remaining_s)
        member = local.table.get(node)
        if member is not None:
            local.unwanted.add(member.endpoint)
            self.forget(member, is_removed=True)
        local.tell(Removed(node, max(1, round(remaining_s))))

    def forget(self, member: Member, *, is_removed: bool) -> None:
        """Take a member out of the table and say nothing more about it."""
        local = self._local
        local.table.forget(member.node)
        local.broadcasts.drop(member.node)
        local.outputs.append(MemberForgotten(member.node, is_removed))

    def corrections(self, messages: Iterable[Message]) -> list[Alive]:
        """Return newer words of nodes that these messages accuse, as many as fit an answer."""
        local, newer = self._local, list[Alive]()
        room = local.options.packet_bytes_max - local.options.packet_reserve_bytes - 64
        for claim in messages:
            if isinstance(claim, Suspect | Dead):
                member = local.table.get(claim.node)
                if (
                    member is not None
                    and member.status.is_live
                    and claim.precedence < member.precedence
                ):
                    room -= size_of(member.claim)
                    if room < 0:
                        break
                    newer.append(member.claim)
        return newer

    def renew(self, now: float) -> None:
        """Say again what this node is, by its next incarnation."""
        member = self._local.member
        # Who was made to climb to the bound stays there: what is beyond it no node would read.
        member.incarnation = min(member.incarnation + 1, COUNTER_MAX - 1)
        member.changed_at = now
        self._local.tell(member.claim)
        self._local.announce(member, MemberStatus.ALIVE)

    def _welcome(self, claim: Alive, now: float) -> None:
        local = self._local
        member = Member(
            claim.node,
            claim.endpoint,
            claim.boot,
            claim.incarnation,
            claim.cluster,
            claim.facts,
            MemberStatus.ALIVE,
            changed_at=now,
        )
        local.table.insert(member)
        local.tell(claim)
        local.announce(member, None)

    def _held(self, node: NodeId, precedence: Precedence) -> Member | None:
        member = self._local.table.get(node)
        if member is None or precedence.generation != member.boot.generation:
            return None
        return member if precedence.incarnation >= member.incarnation else None

    def _end(
        self, member: Member, status: MemberStatus, precedence: Precedence, now: float
    ) -> None:
        previous = member.status
        member.incarnation = precedence.incarnation
        self._local.table.set_status(member, status, now)
        self._local.announce(member, previous)

    def _arm(self, member: Member, suspicion: Suspicion, now: float) -> None:
        deadline = suspicion.deadline()

        def ask(_now: float) -> None:
            if member.suspicion is suspicion:
                self._ask(member, suspicion)

        def expire(now: float) -> None:
            if member.suspicion is suspicion and suspicion.deadline() <= now:
                self.dead(member.node, member.precedence, accuser=self._local.node, now=now)

        for share in _ASK_SHARES:
            self._local.timers.at(now + share * max(0.0, deadline - now), ask)
        self._local.timers.at(deadline, expire)

    def _ask(self, member: Member, suspicion: Suspicion) -> None:
        local = self._local
        # In the name of somebody who accuses already: that we ask confirms nothing.
        claim = Suspect(member.node, member.precedence, min(suspicion.accusers))
        others = local.table.pick(
            local.options.indirect_probes,
            lambda m: m.status is MemberStatus.ALIVE and m is not local.member,
        )
        for asked in (member, *others):
            local.send_packet(asked.endpoint, (Ping(NOBODY_WAITS, asked.node), claim))

    def _refute(self, precedence: Precedence, now: float) -> None:
        local, member = self._local, self._local.member
        if local.is_leaving:
            return
        if precedence < member.precedence:
            # When an earlier life is being buried, those who refused this one while the other
            # seemed to live, at another address, will take it now.
            is_earlier_life = precedence.generation < member.boot.generation
            if is_earlier_life and member.node not in local.broadcasts:
                local.tell(member.claim)
            return
        if precedence.generation > member.boot.generation:
            return  # a later life of this id: whoever leads it refutes
        member.incarnation = precedence.incarnation
        local.awareness.apply(1)
        local.count("refutations")
        self.renew(now)

    def _own_word(self, claim: Alive, now: float) -> None:
        member = self._local.member
        is_same_life = claim.boot == member.boot
        if is_same_life:
            if claim.incarnation > member.incarnation:
                # Said in this life and forgotten: only a defect elsewhere can do that.
                self._refute(claim.precedence, now)
        elif claim.boot.generation >= member.boot.generation or (
            claim.endpoint != member.endpoint
        ):
            self._notice_conflict(member, claim, now)

    def _is_other_process(self, member: Member, claim: Alive) -> bool:
        if claim.boot.generation == member.boot.generation:
            return claim.boot.nonce != member.boot.nonce
        is_newer = claim.boot.generation > member.boot.generation
        return is_newer and member.status.is_live and claim.endpoint != member.endpoint

    def _notice_conflict(self, member: Member, claim: Alive, now: float) -> None:
        local = self._local
        local.count("identity_conflicts")
        noticed = self._noticed.get(member.node)
        if noticed is not None and now - noticed < local.options.notice_interval_s:
            return
        self._noticed[member.node] = now
        local.outputs.append(
            IdentityConflict(member.node, member.endpoint, member.boot, claim.endpoint, claim.boot)
        )

    def _remember(self, entry: SyncEntry, now: float) -> None:
        """Keep a dead or left node that was not known, so that all tables hold the same."""
        local, claim = self._local, entry.alive
        is_old = entry.age_s >= local.options.dead_retention_s
        if is_old or local.is_foreign(claim.cluster):
            return
        if local.table.is_quarantined(claim.node, now):
            return
        member = Member(
            claim.node,
            claim.endpoint,
            claim.boot,
            claim.incarnation,
            claim.cluster,
            claim.facts,
            entry.status,
            changed_at=now - entry.age_s,
        )
        local.table.insert(member)
        local.announce(member, None)
