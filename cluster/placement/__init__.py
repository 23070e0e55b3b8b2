"""Placement: where the replicas of every partition should be; see docs/placement.md."""
