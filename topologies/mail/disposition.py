"""How a content is handed out to browsers: as a download under its name, never as a page.

Header values for our own answers and for those that an object store is told to give.
RFC 6266, RFC 8187.
"""

import re
from urllib.parse import quote

UNKNOWN_TYPE = "application/octet-stream"

# Given as declared; anything else is handed out as bytes that no browser opens by itself.
_PLAIN_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}")
_TOKEN_CHARACTERS = re.compile(r"[^A-Za-z0-9!#$&+.^_`|~-]")


def disposition(file_name: str) -> str:
    """Return the Content-Disposition of a download (RFC 6266, RFC 8187)."""
    plain = _TOKEN_CHARACTERS.sub("_", file_name) or "file"
    if plain == file_name:
        return f'attachment; filename="{plain}"'
    encoded = quote(file_name, safe="!#$&+.^_`|~-", errors="replace")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}"


def shown_type(declared: str) -> str:
    """Return the Content-Type to hand a content out with that was declared to be *declared*."""
    # A charset that nobody declared must not become ours.
    return declared if _PLAIN_TYPE.fullmatch(declared) else UNKNOWN_TYPE
