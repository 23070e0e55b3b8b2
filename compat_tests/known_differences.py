"""Where Meridian answers otherwise than Redis on purpose: one table, a reason for each entry.

A test may compare less than the bytes only by naming an entry of this table. The page
`docs/compatibility.md` is made from it (see `render.py`), so it is also what users are told.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class KnownDifference:
    """One deliberate difference.

    name: what tests refer to. commands: where it shows. redis, meridian: what each does.
    reason: why that is right.
    """

    name: str
    commands: str
    redis: str
    meridian: str
    reason: str


KNOWN_DIFFERENCES: tuple[KnownDifference, ...] = (
    KnownDifference(
        "clock",
        "TTL, PTTL, EXPIRETIME, PEXPIRETIME, TIME, LASTSAVE",
        "its own clock; TIME in microseconds",
        "its own clock; TIME in whole milliseconds, one reading for all commands of a tick",
        "Two servers asked one after the other read their clocks at different instants; the "
        "tests allow the distance of one test step.",
    ),
    KnownDifference(
        "glob bytes above 127",
        "KEYS, SCAN MATCH, CONFIG GET, COMMAND LIST with a class such as [\\x00-\\xff]",
        "compares signed characters on x86, so the class holds only its two ends",
        "compares bytes",
        "What Redis answers depends on the machine's signedness of char; no user means it.",
    ),
    KnownDifference(
        "order",
        "KEYS, SCAN, RANDOMKEY, CONFIG GET, COMMAND, COMMAND LIST, COMMAND DOCS",
        "order of its hash table",
        "order of its own tables",
        "The order is unspecified and changes between two Redis processes too; the elements are "
        "the same.",
    ),
    KnownDifference(
        "cursor",
        "SCAN",
        "a bucket number of the hash table",
        "a slot and a bound of the hash inside it",
        "Cursors are opaque. Meridian's stay valid over a restart and on any node.",
    ),
    KnownDifference(
        "identity",
        "CLIENT ID, CLIENT INFO, CLIENT LIST, HELLO, INFO",
        "ids, addresses, memory sizes and ages of its connections; run id",
        "the same fields with its own values",
        "They describe the process that answers.",
    ),
    KnownDifference(
        "memory",
        "MEMORY USAGE, MEMORY STATS, MEMORY DOCTOR, MEMORY MALLOC-STATS, INFO memory",
        "bytes of jemalloc",
        "estimates of the bytes a key takes in memory",
        "The allocator, the process and the representation of values are others.",
    ),
    KnownDifference(
        "encoding",
        "OBJECT ENCODING, DEBUG OBJECT",
        "int, embstr, raw, depending on the key's history",
        "int, embstr, raw, by the value alone",
        "A value that comes back from disk has no history: whether it was once appended to is "
        "not recorded.",
    ),
    KnownDifference(
        "references",
        "OBJECT REFCOUNT behind a SET of the same MULTI",
        "2: the queued command refers to the value, too, until EXEC ends",
        "1, as at any other time",
        "The number says how Redis holds a transaction in memory, nothing about the value.",
    ),
    KnownDifference(
        "access-time",
        "OBJECT IDLETIME, OBJECT FREQ, TOUCH",
        "kept for each key in memory, set by reads and writes",
        "IDLETIME counts from the last write, FREQ is refused, TOUCH only counts keys",
        "Keys live on disk; recording every read would turn reads into writes.",
    ),
    KnownDifference(
        "save",
        "SAVE, BGSAVE, LASTSAVE",
        "writes an RDB file",
        "seals the memtable and waits for its table on disk",
        "Meridian has no RDB file; what a user wants from SAVE, that all data stand in files on "
        "disk, is done by a flush.",
    ),
    KnownDifference(
        "documentation",
        "COMMAND DOCS, CLIENT HELP and the other HELP sub-commands",
        "texts of the Redis project",
        "texts of its own",
        "They are prose for people. Names, arity, flags, key positions, since and group agree.",
    ),
    KnownDifference(
        "configuration",
        "CONFIG GET",
        "parameters of Redis",
        "parameters of Redis that have a meaning here, and its own",
        "A parameter that nothing obeys is better unknown than ignored.",
    ),
    KnownDifference(
        "version",
        "INFO server, HELLO, LOLWUT",
        "redis_version of the server",
        "redis_version it is compatible with, and its own in meridian_version",
        "Clients gate features on redis_version.",
    ),
    KnownDifference(
        "client-setinfo",
        "CLIENT SETINFO, CLIENT INFO, CLIENT LIST",
        "unknown before 7.2",
        "accepted, and shown in the fields lib-name and lib-ver",
        "Client libraries of today send it at each connect; a 7.2 server answers it.",
    ),
    KnownDifference(
        "tracking",
        "CLIENT TRACKING ON",
        "sends invalidation messages",
        "refused by name",
        "Client-side caching is not served yet; an OK would leave stale values in clients.",
    ),
    KnownDifference(
        "limits",
        "every command that writes",
        "keys and values up to 512 MB",
        "keys up to 512 bytes and values up to 1 MB, both configurable; Redis' own limits when "
        "started from a redis.conf",
        "Every node of a cluster keeps and sends whole records; what is too long is refused by "
        "name instead of slowing everybody down.",
    ),
    KnownDifference(
        "cluster-forwarding",
        "every command with keys, on a node of a cluster",
        "answers MOVED for keys of other nodes",
        "executes it on the other node and hands the reply back, transactions and WATCH included; "
        "with cluster-redirects yes it answers MOVED. A request whose outcome is not known, since "
        "the other node did not answer, is answered with an error of the code UNKNOWN",
        "Any client can talk to any node; cluster clients, which go by CLUSTER SLOTS, never "
        "notice.",
    ),
    KnownDifference(
        "cluster-changes",
        "CLUSTER ADDSLOTS, DELSLOTS, FLUSHSLOTS, SETSLOT, FORGET, REPLICATE, RESET, BUMPEPOCH",
        "change the node's own view at once, which gossip spreads",
        "are answered when the cluster's metadata log has committed the change, so not inside "
        "MULTI; slots with keys are not taken from a node, and the refusal counts the keys",
        "There is one agreed map of the cluster, and no reply says OK to what may be lost.",
    ),
    KnownDifference(
        "cluster-failover",
        "CLUSTER FAILOVER, MIGRATE, RESTORE-ASKING",
        "move the lead of slots and keys between nodes",
        "FAILOVER says that no node holds a copy that could take over, the others are unknown",
        "Copies of keys on several nodes are not kept yet.",
    ),
    KnownDifference(
        "cluster-nodes",
        "CLUSTER NODES, SLOTS, SHARDS, INFO, MYID, MYSHARDID, LINKS",
        "ids of 40 random digits; an empty address until another node told it; MYSHARDID from "
        "7.2 on",
        "ids of 32 digits and eight zeros; the announced address; `fail?` and `fail` as "
        "membership holds it; MYSHARDID is there; CLUSTER INFO ends with the epoch of the map",
        "Ids are the nodes' UUIDs; failure is found by gossip and heartbeats instead of Redis' "
        "votes.",
    ),
    KnownDifference(
        "own-commands",
        "CONSISTENCY, MERIDIAN",
        "unknown",
        "CONSISTENCY gets and sets the consistency level of a connection, or of one request; "
        "MERIDIAN answers tools as JSON what a node knows of its cluster, and changes it",
        "Redis has no consistency levels, no plans and no one map.",
    ),
    KnownDifference(
        "later-commands",
        "lists, sets, hashes, sorted sets, streams, scripts, publish and subscribe, ACL SETUSER",
        "all commands of 7.0",
        "the commands named in docs/commands.md; others answer `unknown command`",
        "A command that is not there is refused by name and never answered with a false OK.",
    ),
)

_BY_NAME = {difference.name: difference for difference in KNOWN_DIFFERENCES}


def reason_for(name: str) -> str:
    """Return the reason recorded under a name.

    Raises:
        KeyError: a test named a difference that is not in the table.
    """
    return _BY_NAME[name].reason
