"""Meridian's face to Redis clients: protocol, commands, live keyspace, server, application."""

from __future__ import annotations

__version__ = "0.1.0"

#: The version of Redis whose commands and answers are followed; INFO and HELLO report it.
REDIS_VERSION = "7.0.15"
