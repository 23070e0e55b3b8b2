"""The manifest: which tables make up the store, as a log of edits."""

from __future__ import annotations
