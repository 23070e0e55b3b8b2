"""Immutable sorted tables: how they are laid out, written and read."""

from __future__ import annotations
