"""Answers of the DNS, kept as long as they may be and as many as fit (RFC 1035, RFC 2308)."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

# A minute at least, since a sender's mails come in bursts; a day at most, as RFC 2181 §8
# allows and so that a key that was taken back is forgotten.
SHORTEST_S, LONGEST_S = 60, 24 * 3600
LONGEST_NEGATIVE_S = 15 * 60  # RFC 2308 §5: hours at most; a new record shall be seen soon
FAILURE_S = 15  # RFC 9520 §3.2: one second at least, five minutes at most
RECORD_BYTES = 200  # what an entry costs besides its texts


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: records, or in words why none did.

    Attributes:
        records: Texts, or (preference, host) for MX; empty if there are none.
        failure: Why nothing is known; empty if it is.
        is_signed: The server says that it was authenticated by DNSSEC.
    """

    records: Sequence[Any]
    failure: str = ""
    is_signed: bool = False


class Cache:
    """Answers by question; the least recently used ones go when it is full."""

    def __init__(self, max_bytes: int = 8 * 1024**2) -> None:
        """Start empty, to hold about *max_bytes* at most."""
        self._max_bytes = max_bytes
        self._bytes = 0
        self._entries: OrderedDict[tuple[str, str], tuple[datetime, int, Answer]] = OrderedDict()

    def get(self, question: tuple[str, str], now: datetime) -> Answer | None:
        """Return what is known and still holds, or None."""
        entry = self._entries.get(question)
        if entry is None:
            return None
        if entry[0] <= now:
            self._drop(question)
            return None
        self._entries.move_to_end(question)
        return entry[2]

    def put(self, question: tuple[str, str], answer: Answer, ttl_s: float, now: datetime) -> None:
        """Keep *answer* for *ttl_s* seconds, within our bounds."""
        if answer.failure:
            ttl_s = FAILURE_S
        else:
            longest = LONGEST_S if answer.records else LONGEST_NEGATIVE_S
            ttl_s = min(longest, max(SHORTEST_S, ttl_s))
        size = RECORD_BYTES + len(question[1]) + len(answer.failure)
        size += sum(len(str(record)) + RECORD_BYTES // 4 for record in answer.records)
        if size > self._max_bytes // 16:
            return  # one hostile answer shall not push out all others
        if question in self._entries:
            self._drop(question)
        self._entries[question] = (now + timedelta(seconds=ttl_s), size, answer)
        self._bytes += size
        while self._bytes > self._max_bytes:
            self._drop(next(iter(self._entries)))

    def _drop(self, question: tuple[str, str]) -> None:
        self._bytes -= self._entries.pop(question)[1]

    def __len__(self) -> int:
        return len(self._entries)
