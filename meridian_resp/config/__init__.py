"""Options of the server: one typed table, and everything that comes from it.

`parameters.py` is the table. `loading.load` turns a command line into `Settings`, which the
server reads and CONFIG changes.
"""

from __future__ import annotations

from meridian_resp.config.choices import (
    AppendFsync,
    CompactionStyle,
    Compression,
    ConsistencyLevel,
    EvictionPolicy,
    LogLevel,
    Permission,
)
from meridian_resp.config.errors import (
    ChangeError,
    ConfigError,
    RewriteError,
    StartError,
    ValueRefusedError,
)
from meridian_resp.config.loading import load
from meridian_resp.config.redis_values import BufferLimit, BufferLimits, KeyspaceEvents
from meridian_resp.config.settings import Settings
from meridian_resp.config.sources import Origin, Provenance

__all__ = [
    "AppendFsync",
    "BufferLimit",
    "BufferLimits",
    "ChangeError",
    "CompactionStyle",
    "Compression",
    "ConfigError",
    "ConsistencyLevel",
    "EvictionPolicy",
    "KeyspaceEvents",
    "LogLevel",
    "Origin",
    "Permission",
    "Provenance",
    "RewriteError",
    "Settings",
    "StartError",
    "ValueRefusedError",
    "load",
]
