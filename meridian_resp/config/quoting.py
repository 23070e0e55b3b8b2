r"""Words of a line as Redis splits them.

Words are separated by white space. In double quotes `\n \r \t \b \a \xHH` and a backslash before
any other character are understood, in single quotes only `\'`. After a closing quote a space or
the end must follow. Source: the behaviour of redis-server 7.0.
"""

from __future__ import annotations

_SPACES = " \n\r\t\v\f\0"
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "a": "\a"}
_ESCAPED = {character: f"\\{letter}" for letter, character in _ESCAPES.items()}
_HEX_DIGITS = frozenset("0123456789abcdefABCDEF")


class UnbalancedQuotesError(ValueError):
    """A quote is not closed, or something follows it without a space."""


def split_words(line: str) -> list[str]:
    """Split a line into its words.

    Raises:
        UnbalancedQuotesError: see there.
    """
    words: list[str] = []
    at = 0
    while True:
        while at < len(line) and line[at] in _SPACES:
            at += 1
        if at == len(line):
            return words
        word, at = _word(line, at)
        words.append(word)


def quote(word: str) -> str:
    """Write a word so that `split_words` gives it back; plain words stay as they are."""
    if word and all(32 < ord(c) < 127 and c not in "\"'\\#" for c in word):
        return word
    return '"' + "".join(map(_quoted_character, word)) + '"'


def _quoted_character(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    if character in _ESCAPED:
        return _ESCAPED[character]
    if " " <= character <= "~":
        return character
    octets = character.encode("utf-8", "surrogateescape")
    return "".join(f"\\x{octet:02x}" for octet in octets)


def _word(line: str, at: int) -> tuple[str, int]:
    """Read the word that begins at `at`; return it and the place after it."""
    octets = bytearray()
    while at < len(line) and line[at] not in _SPACES:
        if line[at] in "\"'":
            piece, at = (_double_quoted if line[at] == '"' else _single_quoted)(line, at + 1)
            octets += piece
            if at < len(line) and line[at] not in _SPACES:
                raise UnbalancedQuotesError
            break
        octets += line[at].encode("utf-8", "surrogateescape")
        at += 1
    return octets.decode("utf-8", "surrogateescape"), at


def _double_quoted(line: str, at: int) -> tuple[bytes, int]:
    octets = bytearray()
    while at < len(line):
        character = line[at]
        if character == '"':
            return bytes(octets), at + 1
        if character == "\\" and at + 1 < len(line):
            code = line[at + 2 : at + 4]
            if line[at + 1] == "x" and len(code) == 2 and _HEX_DIGITS.issuperset(code):
                octets.append(int(code, 16))
                at += 4
                continue
            at += 1
            character = _ESCAPES.get(line[at], line[at])
        octets += character.encode("utf-8", "surrogateescape")
        at += 1
    raise UnbalancedQuotesError


def _single_quoted(line: str, at: int) -> tuple[bytes, int]:
    octets = bytearray()
    while at < len(line):
        character = line[at]
        if character == "'":
            return bytes(octets), at + 1
        if line.startswith("\\'", at):
            at += 1
            character = "'"
        octets += character.encode("utf-8", "surrogateescape")
        at += 1
    raise UnbalancedQuotesError
