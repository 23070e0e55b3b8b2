"""What may be the name of a client, or of its library: anything that CLIENT LIST can print."""

from __future__ import annotations

from meridian_resp.errors import CommandError

NAME_REFUSED = "ERR Client names cannot contain spaces, newlines or special characters."


def check_client_attribute(value: bytes, refusal: str) -> None:
    """Refuse a name that would break the format of CLIENT LIST. Raises CommandError."""
    if any(not 0x21 <= byte <= 0x7E for byte in value):
        raise CommandError(refusal)
