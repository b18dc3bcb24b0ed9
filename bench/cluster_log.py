"""What the workers' log says of each record: one line a stage, with its time.

So nothing is added to the product for being measured: when a stage ended and how long it took
is in its line, and how many have ended is their number.
"""

import json
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One record that passed one stage; moments in seconds since 1970."""

    stage: str
    key: str
    begun_at: float
    ended_at: float


class StageLines:
    """Reads a log as it grows."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_bytes = 0
        self.count: Counter[str] = Counter()  # of lines read so far, by stage

    def read(self) -> list[Line]:
        """Return what was written since the last time."""
        with self._path.open("rb") as log:
            log.seek(self._read_bytes)
            content = log.read()
        whole, _, _ = content.rpartition(b"\n")  # the last line may be half written
        self._read_bytes += len(whole) + 1 if whole else 0
        lines = [found for line in whole.split(b"\n") if (found := line_of(line)) is not None]
        self.count.update(line.stage for line in lines)
        return lines


def line_of(text: bytes) -> Line | None:
    """Return what a line of the log says, None if it is no stage's that passed a record."""
    if not text.startswith(b"{") or b'"stage"' not in text:
        return None
    try:
        told: Any = json.loads(text)
        if told["event"] != "done":
            return None
        ended_at = datetime.fromisoformat(told["timestamp"]).timestamp()
        return Line(
            stage=told["stage"],
            key=told["key"],
            begun_at=ended_at - told["ms"] / 1000,
            ended_at=ended_at,
        )
    except (ValueError, KeyError):
        return None
