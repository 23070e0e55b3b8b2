"""Storage keys and records in words, for the commands that show the content of files."""

from __future__ import annotations

import datetime

from storage.errors import CorruptionError
from storage.keys import SYSTEM_SLOT, parse_key
from storage.records import RecordType, decode_record
from tools.ctl.output import Value, quoted, readable

#: The physical part of a version: milliseconds above 16 bits of counter.
VERSION_COUNTER_BITS = 16


def describe_put(key: bytes, record: bytes) -> tuple[str, dict[str, Value]]:
    """A record under its key, as text and as JSON; damaged ones are shown raw with the reason."""
    try:
        key_text, key_data = describe_key(key)
        record_text, record_data = describe_record(record)
    except CorruptionError as error:
        raw = {"raw_key": key.hex(), "raw_record": record.hex(), "damage": str(error)}
        return f"DAMAGED {quoted(key)} ({error})", {**raw}
    return f"put {key_text} = {record_text}", {"op": "put", **key_data, **record_data}


def describe_range(start: bytes, end: bytes, version: int) -> tuple[str, dict[str, Value]]:
    """A delete-range, as text and as JSON."""
    text = f"delete-range {start.hex()} .. {end.hex()} {version_text(version)}"
    data: dict[str, Value] = {
        "op": "delete-range",
        "start": start.hex(),
        "end": end.hex(),
        "version": version,
    }
    return text, data


def describe_key(key: bytes) -> tuple[str, dict[str, Value]]:
    """A storage key taken apart: slot, keyspace, the user's key, generation and element."""
    parsed = parse_key(key)
    if parsed.slot == SYSTEM_SLOT:
        return f"system {quoted(parsed.user_key)}", {"system": readable(parsed.user_key)}
    text = f"{quoted(parsed.user_key)} (slot {parsed.slot}, keyspace {parsed.keyspace_id}"
    data: dict[str, Value] = {
        "key": readable(parsed.user_key),
        "slot": parsed.slot,
        "keyspace": parsed.keyspace_id,
    }
    if parsed.element is not None:
        text += f", generation {parsed.generation}, element {quoted(parsed.element)}"
        data["generation"] = parsed.generation
        data["kind"] = parsed.kind
        data["element"] = readable(parsed.element)
    return text + ")", data


def describe_record(record: bytes) -> tuple[str, dict[str, Value]]:
    """A record taken apart: what it is, its version, expiry and payload."""
    parsed = decode_record(record)
    kind = RecordType(parsed.type).name.lower().replace("_", " ")
    words = ["tombstone" if parsed.tombstone else kind]
    data: dict[str, Value] = {
        "type": kind,
        "tombstone": parsed.tombstone,
        "version": parsed.version,
        "payload_bytes": len(parsed.payload),
        "payload": readable(parsed.payload),
    }
    if not parsed.tombstone:
        words.append(f"{len(parsed.payload)} bytes {quoted(parsed.payload)}")
    words.append(version_text(parsed.version))
    if parsed.generation:
        words.append(f"generation {parsed.generation}")
        data["record_generation"] = parsed.generation
    if parsed.expiry_ms is not None:
        words.append(f"expires {time_text(parsed.expiry_ms)}")
        data["expiry_ms"] = parsed.expiry_ms
    if parsed.vector:
        words.append(f"vector of {len(parsed.vector)}")
        data["vector"] = [[e.actor, e.term, e.sequence] for e in parsed.vector]
    return ", ".join(words), data


def version_text(version: int) -> str:
    """A version as the moment it stands for and its counter."""
    counter = version & ((1 << VERSION_COUNTER_BITS) - 1)
    return f"version {time_text(version >> VERSION_COUNTER_BITS)}/{counter}"


def time_text(milliseconds: int) -> str:
    """A moment in UTC; one that no calendar holds stays a number."""
    try:
        moment = datetime.datetime.fromtimestamp(milliseconds / 1000, datetime.UTC)
    except (OverflowError, ValueError, OSError):
        return f"{milliseconds} ms"
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{milliseconds % 1000:03d}Z"
