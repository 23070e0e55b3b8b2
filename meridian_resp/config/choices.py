"""The closed sets of words that some parameters take.

The order of the members is the order in which an error lists them; where Redis has the same set
it is Redis' order, because clients compare the text.
"""

from __future__ import annotations

import enum


class AppendFsync(enum.StrEnum):
    """When logged writes are forced to the disk."""

    EVERYSEC = "everysec"
    ALWAYS = "always"
    NO = "no"


class LogLevel(enum.StrEnum):
    """How much is logged, most first."""

    DEBUG = "debug"
    VERBOSE = "verbose"
    NOTICE = "notice"
    WARNING = "warning"


class EvictionPolicy(enum.StrEnum):
    """Redis' names of eviction policies."""

    VOLATILE_LRU = "volatile-lru"
    VOLATILE_LFU = "volatile-lfu"
    VOLATILE_RANDOM = "volatile-random"
    VOLATILE_TTL = "volatile-ttl"
    ALLKEYS_LRU = "allkeys-lru"
    ALLKEYS_LFU = "allkeys-lfu"
    ALLKEYS_RANDOM = "allkeys-random"
    NOEVICTION = "noeviction"


class Permission(enum.StrEnum):
    """Who may use a dangerous command: nobody, everybody, or local connections only."""

    NO = "no"
    YES = "yes"
    LOCAL = "local"


class ConsistencyLevel(enum.StrEnum):
    """What a request waits for before it is answered."""

    ONE = "ONE"
    QUORUM = "QUORUM"
    ALL = "ALL"
    LOCAL_QUORUM = "LOCAL_QUORUM"
    LINEARIZABLE = "LINEARIZABLE"


class CompactionStyle(enum.StrEnum):
    """How tables are merged in the background."""

    LEVELED = "leveled"
    TIERED = "tiered"


class Compression(enum.StrEnum):
    """How blocks of tables are stored on disk."""

    NONE = "none"
    ZSTD = "zstd"
