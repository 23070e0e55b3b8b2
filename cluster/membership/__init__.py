"""Membership: SWIM with Lifeguard, and the accrual detector. Pure cores.

Rules and bytes are described in docs/protocols/gossip.md.
"""
