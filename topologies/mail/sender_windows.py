"""How many mails came of a sender in an hour: counted so that a mail counts once, in little room.

Pure. A window keeps the smallest ``MOST_KEPT`` hashes of mails' ids (k minimum values, Bar-Yossef
et al., 2002). Up to so many mails it is a set, and exact; beyond, how near the hashes lie tells how
many there are, to about 6 %. A mail that is counted again changes nothing, whenever that is.
"""

import base64
import struct
from bisect import bisect_left
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import blake2b

HOURS = 24  # windows of one sender that are kept, back from its newest
MOST_KEPT = 256
HASH_BYTES = 8
SPACE = 2 ** (8 * HASH_BYTES)

Window = tuple[int, ...]  # hashes, in order
Windows = tuple[Window, Window]  # all mails, and the bad ones among them
Hours = Mapping[int, Windows]  # by hours since 1970


def hour_of(at: datetime) -> int:
    """Return the hour that *at* lies in, in hours since 1970."""
    return int(at.timestamp()) // 3600


def start_of(hour: int) -> datetime:
    """Return when *hour* begins."""
    return datetime.fromtimestamp(hour * 3600, UTC)


def counted(hours: Hours, at: datetime, mail_id: str, *, is_bad: bool) -> dict[int, Windows]:
    """Return *hours* with the mail counted at its own time, *at*, and without what is too old.

    A mail that comes late counts in its hour, as long as that is kept; one older than all that is
    kept counts nowhere.
    """
    hour = hour_of(at)
    newest = max(hour, max(hours, default=hour))
    kept = {each: windows for each, windows in hours.items() if each > newest - HOURS}
    if hour > newest - HOURS:
        mails, bad = kept.get(hour, ((), ()))
        kept[hour] = (with_mail(mails, mail_id), with_mail(bad, mail_id) if is_bad else bad)
    return kept


def with_mail(window: Window, mail_id: str) -> Window:
    """Return *window* with the mail; the same if it is there, or does not matter."""
    digest = blake2b(mail_id.encode("utf-8", "surrogatepass"), digest_size=HASH_BYTES).digest()
    value = int.from_bytes(digest, "big")
    place = bisect_left(window, value)
    if place == MOST_KEPT or (place < len(window) and window[place] == value):
        return window
    return (*window[:place], value, *window[place:])[:MOST_KEPT]


def size(window: Window) -> int:
    """Return how many mails *window* has: exactly below ``MOST_KEPT``, else about."""
    if len(window) < MOST_KEPT:
        return len(window)
    return round((MOST_KEPT - 1) * SPACE / window[-1])


def packed(window: Window) -> str:
    """Return *window* as text: base64 of its hashes, 8 bytes each."""
    return base64.b64encode(struct.pack(f">{len(window)}Q", *window)).decode()


def unpacked(text: str) -> Window:
    """Return the window that ``packed`` made *text* of."""
    raw = base64.b64decode(text)
    return struct.unpack(f">{len(raw) // HASH_BYTES}Q", raw)
