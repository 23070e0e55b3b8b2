"""First part of the table: what the server listens on, whom it lets in, how much it takes."""

# A row is read like a line of a table, so it is set by hand.
# fmt: off

from __future__ import annotations

import attrs

from meridian_resp.config.choices import Permission
from meridian_resp.config.parameter import (
    NO_BUFFER_LIMIT,
    Change,
    Section,
    choice,
    integer,
    memory,
    path,
    row,
    switch,
)
from meridian_resp.config.redis_values import (
    BufferLimit,
    BufferLimits,
    BufferLimitsType,
    CommandRename,
    CommandRenamesType,
)
from meridian_resp.config.values import (
    INT32_MAX,
    AddressesType,
    OctalType,
    SecretType,
)

_MEGABYTE = 1024 * 1024
_REDIS_VALUE_BYTES_MAX = 512 * _MEGABYTE


@attrs.define(eq=False, kw_only=True)
class ServerParameters:
    """Parameters of connections, limits and the reactor."""

    port: int = integer(
        "port", 7401, 0, 65535, Section.NETWORK,
        "TCP port for clients. 0 listens on no TCP port (then unixsocket must be set).",
        change=Change.NEVER, redis_default=6379,
    )
    bind: tuple[str, ...] = row(
        "bind", AddressesType(), ("127.0.0.1",), Section.NETWORK,
        "Addresses to listen on for clients. `*` is every IPv4 and `::*` every IPv6 address. An"
        " address after a `-` may be missing on this machine.",
        change=Change.NEVER,
    )
    http_port: int = integer(
        "http-port", 7402, 0, 65535, Section.NETWORK,
        "TCP port of /metrics, /status and /healthz. 0 switches them off.", change=Change.NEVER,
    )
    http_bind: tuple[str, ...] = row(
        "http-bind", AddressesType(), ("127.0.0.1",), Section.NETWORK,
        "Addresses to listen on for HTTP.", change=Change.NEVER,
    )
    unixsocket: str = path(
        "unixsocket", "", Section.NETWORK,
        "Path of a Unix socket to listen on besides TCP; none when empty.",
    )
    unixsocketperm: int = row(
        "unixsocketperm", OctalType(), 0, Section.NETWORK,
        "Permissions of the Unix socket, such as 700; 0 leaves them to the umask.",
        change=Change.NEVER,
    )
    tcp_backlog: int = integer(
        "tcp-backlog", 511, 0, INT32_MAX, Section.NETWORK,
        "Connections that may wait to be accepted (the kernel's somaxconn bounds it too).",
        change=Change.NEVER,
    )
    tcp_keepalive_s: int = integer(
        "tcp-keepalive", 300, 0, INT32_MAX, Section.NETWORK,
        "Idle time after which the kernel asks whether a client is still there; 0 never asks."
        " Holds for connections accepted after a change.", unit="s",
    )
    timeout_s: int = integer(
        "timeout", 0, 0, INT32_MAX, Section.NETWORK,
        "Close a client that has sent nothing for so long; 0 never does.", unit="s",
    )

    requirepass: bytes = row(
        "requirepass", SecretType(), b"", Section.SECURITY,
        "Password that clients must give with AUTH or HELLO; none is asked when empty.",
    )
    protected_mode: bool = switch(
        "protected-mode", True, Section.SECURITY,
        "Without a password take no clients from other machines than this one.",
    )
    enable_debug_command: Permission = choice(
        "enable-debug-command", Permission.NO, Section.SECURITY,
        "Who may use DEBUG: no (nobody), yes (everybody), local (connections of this machine).",
        change=Change.NEVER,
    )
    rename_command: tuple[CommandRename, ...] = row(
        "rename-command", CommandRenamesType(), (), Section.SECURITY,
        'Let a command answer to another name, or to none with the new name "".',
        change=Change.NEVER, visible=False,
    )
    databases: int = integer(
        "databases", 16, 1, INT32_MAX, Section.LIMITS,
        "Number of databases that SELECT can choose.", change=Change.NEVER,
    )
    maxclients: int = integer(
        "maxclients", 10000, 1, 2**32 - 1, Section.LIMITS,
        "Connections of clients at a time; the next one is refused with an error.",
    )
    key_size_max_bytes: int = memory(
        "key-size-max-bytes", 512, 1, Section.LIMITS,
        "Greatest key. A command with a greater one is refused.",
        maximum=_REDIS_VALUE_BYTES_MAX, redis_default=_REDIS_VALUE_BYTES_MAX,
    )
    value_size_max_bytes: int = memory(
        "value-size-max-bytes", _MEGABYTE, 1, Section.LIMITS,
        "Greatest string, and greatest element of a collection. A command that would make a"
        " greater one is refused.",
        maximum=_REDIS_VALUE_BYTES_MAX, redis_default=_REDIS_VALUE_BYTES_MAX,
    )
    proto_max_bulk_len_bytes: int = memory(
        "proto-max-bulk-len", _REDIS_VALUE_BYTES_MAX, _MEGABYTE, Section.LIMITS,
        "Greatest single argument of a command; a connection that announces a greater one is"
        " closed.",
    )
    client_query_buffer_limit_bytes: int = memory(
        "client-query-buffer-limit", 1024 * _MEGABYTE, _MEGABYTE, Section.LIMITS,
        "Bytes of an unfinished command that are kept for one client; beyond it is closed.",
    )
    client_output_buffer_limit: BufferLimits = row(
        "client-output-buffer-limit", BufferLimitsType(),
        BufferLimits(
            normal=NO_BUFFER_LIMIT,
            replica=BufferLimit(256 * _MEGABYTE, 64 * _MEGABYTE, 60),
            pubsub=BufferLimit(32 * _MEGABYTE, 8 * _MEGABYTE, 60),
        ),
        Section.LIMITS,
        "Replies that may wait for a client that does not read them, by class of client: a hard"
        " size that closes it at once, and a soft size that closes it when exceeded for some"
        " seconds. 0 is no limit.",
    )

    turn_bytes_max: int = memory(
        "turn-bytes-max", 65536, 1024, Section.REACTOR,
        "Bytes read from one client before the others have their turn.", maximum=1 << 30,
    )
    turn_commands_max: int = integer(
        "turn-commands-max", 500, 1, 1_000_000, Section.REACTOR,
        "Commands of one client that are run before the others have their turn.",
    )
    tick_time_max_us: int = integer(
        "tick-time-max-us", 2000, 100, 1_000_000, Section.REACTOR,
        "Time after which a tick ends, its writes are logged and its replies leave; what is"
        " left waits for the next.", unit="us",
    )
    shutdown_timeout_s: int = integer(
        "shutdown-timeout", 10, 0, INT32_MAX, Section.REACTOR,
        "Time that a stopping server gives clients to take the replies that wait for them.",
        unit="s",
    )
