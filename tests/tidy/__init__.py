"""The tidy test's parts: how sources are read, the rules, and the allowed exceptions."""

from __future__ import annotations
