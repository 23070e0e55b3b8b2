"""LCS: the longest common subsequence of two strings.

Redis fills the classic table of N x M lengths. Here a row of the table is one integer: bit j is 0
where the length grows between column j and j + 1. The next row follows from the last by one
addition and a few logical operations over all columns at once (Crochemore, Iliopoulos, Pinzon and
Reid, "A fast and practical bit-vector algorithm for the longest common subsequence problem",
2001), so a row of thousands of columns costs about a microsecond. All rows are kept, a bit per
cell, to walk back as Redis does: the very same subsequence and ranges come out.

Strings beyond `CELLS_AT_ONCE` are worked on in slices.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Final

import attrs

from meridian_resp.commands.arguments import integer_argument
from meridian_resp.commands.declarations import integer, word
from meridian_resp.commands.outcomes import Outcome, Slices, run_to_end
from meridian_resp.commands.reading import read
from meridian_resp.commands.registry import Argument, Flag, Group, Keys, command
from meridian_resp.datatypes.values import Kind, Live
from meridian_resp.errors import SYNTAX, CommandError
from meridian_resp.protocol.replies import Map, Reply, array, bulk
from meridian_resp.protocol.replies import integer as integer_reply

if TYPE_CHECKING:
    from meridian_resp.commands.context import Context

#: Cells of the table (bits) that are filled in one slice: well below a millisecond.
CELLS_AT_ONCE: Final = 1_000_000
#: Steps of the walk back in one slice.
STEPS_AT_ONCE: Final = 2_000
#: What a cell costs in Redis, which refuses tables above proto-max-bulk-len.
REDIS_CELL_BYTES: Final = 4

NOT_STRINGS: Final = "ERR The specified keys must contain string values"
BOTH_FORMS: Final = "ERR If you want both the length and indexes, please just use IDX."
TOO_LARGE: Final = "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len"


@attrs.define(eq=False)
class LcsOptions:
    """Options of LCS as given."""

    wants_length: bool = False
    wants_ranges: bool = False
    wants_range_lengths: bool = False
    range_length_min: int = 0


@attrs.frozen
class CommonRange:
    """Bytes that match one to one: `length` of them from each start."""

    first_start: int
    second_start: int
    length: int


@attrs.frozen
class Subsequence:
    """A longest common subsequence and its matching ranges, last ones first."""

    text: bytes
    ranges: tuple[CommonRange, ...]


@command(
    "LCS", arity=-3, flags=Flag.READONLY | Flag.LONG, group=Group.STRING, since="7.0.0",
    summary="Gives the longest common subsequence of the strings at two keys.",
    complexity="O(N*M) where N and M are the lengths of the two strings",
    keys=[Keys(("RO", "access"), last=1)], categories=["@string"],
    arguments=[
        Argument("key1", "key", key_spec_index=0),
        Argument("key2", "key", key_spec_index=0),
        word("len", optional=True),
        word("idx", optional=True),
        integer("len", "MINMATCHLEN", optional=True),
        word("withmatchlen", optional=True),
    ],
)  # fmt: skip
def lcs(context: Context, arguments: list[bytes]) -> Outcome:
    """LCS key1 key2 [LEN] [IDX] [MINMATCHLEN length] [WITHMATCHLEN]."""
    values = [read(context, key) for key in arguments[1:3]]
    first, second = _string(values[0]), _string(values[1])
    options = _parse_options(arguments)
    cells = (len(first) + 1) * (len(second) + 1)
    if cells * REDIS_CELL_BYTES > context.settings.proto_max_bulk_len_bytes:
        raise CommandError(TOO_LARGE)
    outcome = Slices(_answer(first, second, options))
    return outcome if cells > CELLS_AT_ONCE else run_to_end(outcome)


def _string(live: Live | None) -> bytes:
    if live is None:
        return b""
    if isinstance(live, bytes):
        return live
    if live.kind != Kind.STRING:
        raise CommandError(NOT_STRINGS)
    return live.value


def _parse_options(arguments: list[bytes]) -> LcsOptions:
    options = LcsOptions()
    index = 3
    while index < len(arguments):
        name = arguments[index].upper()
        if name == b"IDX":
            options.wants_ranges = True
        elif name == b"LEN":
            options.wants_length = True
        elif name == b"WITHMATCHLEN":
            options.wants_range_lengths = True
        elif name == b"MINMATCHLEN" and index + 1 < len(arguments):
            index += 1
            options.range_length_min = max(integer_argument(arguments[index]), 0)
        else:
            raise CommandError(SYNTAX)
        index += 1
    if options.wants_length and options.wants_ranges:
        raise CommandError(BOTH_FORMS)
    return options


def _answer(first: bytes, second: bytes, options: LcsOptions) -> Generator[None, None, Reply]:
    rows = yield from _fill_rows(first, second)
    # Bits that are 0 in the last row are the columns where the length grew.
    length = len(second) - rows[-1].bit_count()
    if options.wants_length:
        return integer_reply(length)
    found = yield from _walk_back(first, second, rows)
    if not options.wants_ranges:
        return bulk(found.text)
    matches = [
        _range_reply(item, options.wants_range_lengths)
        for item in found.ranges
        if item.length >= options.range_length_min
    ]
    return Map([(bulk(b"matches"), array(matches)), (bulk(b"len"), integer_reply(length))])


def _range_reply(item: CommonRange, with_length: bool) -> bytes:
    parts = [
        array([integer_reply(start), integer_reply(start + item.length - 1)])
        for start in (item.first_start, item.second_start)
    ]
    if with_length:
        parts.append(integer_reply(item.length))
    return array(parts)


def _fill_rows(first: bytes, second: bytes) -> Generator[None, None, list[int]]:
    """The rows of the table: one before the first byte of `first`, then one per byte."""
    columns = len(second)
    everything = (1 << columns) - 1
    places: dict[int, int] = {}
    for byte in set(second):
        bits = second.translate(bytes(0x31 if value == byte else 0x30 for value in range(256)))
        # int() of base 2 reads the first column as the highest bit: turn the text round.
        places[byte] = int(bits[::-1], 2)
    rows = [everything]
    row = everything
    rows_at_once = CELLS_AT_ONCE // (columns + 1) + 1
    for done, byte in enumerate(first, 1):
        matching = row & places.get(byte, 0)
        row = ((row + matching) | (row - matching)) & everything
        rows.append(row)
        if done % rows_at_once == 0:
            yield
    return rows


def _walk_back(first: bytes, second: bytes, rows: list[int]) -> Generator[None, None, Subsequence]:
    """The subsequence that Redis finds: from the ends, leftwards in `second` when in doubt."""
    at_first, at_second = len(first), len(second)
    text = bytearray()
    ranges: list[CommonRange] = []
    length = 0
    steps = 0
    while at_first and at_second:
        is_match = first[at_first - 1] == second[at_second - 1]
        if length and not is_match:
            ranges.append(CommonRange(at_first, at_second, length))
            length = 0
        if is_match:
            at_first -= 1
            at_second -= 1
            text.append(first[at_first])
            length += 1
        elif rows[at_first] >> (at_second - 1) & 1:
            at_second -= 1
        else:
            at_first -= 1
        steps += 1
        if steps % STEPS_AT_ONCE == 0:
            yield
    if length:
        ranges.append(CommonRange(at_first, at_second, length))
    text.reverse()
    return Subsequence(bytes(text), tuple(ranges))
