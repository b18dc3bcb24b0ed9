"""What users met, and when: written by all who send and read, summed up when a test ends."""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

FLOWS = ("smtp", "reading", "changing", "sending", "search", "push")
_GOOD = {
    "smtp": {"250"},
    "reading": {"200"},
    "changing": {"200", "204"},
    "sending": {"202"},
    "search": {"200"},
    "push": {"told"},
}


@dataclass(frozen=True, slots=True)
class Note:
    """One thing tried, by the clock of `time.monotonic`."""

    flow: str
    outcome: str
    begun: float
    ended: float

    @property
    def is_good(self) -> bool:
        return self.outcome in _GOOD[self.flow]


class Diary:
    """Written by many threads; appending to a list is atomic."""

    def __init__(self) -> None:
        self.notes: list[Note] = []
        self.faults: list[str] = []  # what nobody may ever meet

    def note(self, flow: str, outcome: str, begun: float) -> None:
        self.notes.append(Note(flow, outcome, begun, time.monotonic()))

    def fault(self, words: str) -> None:
        self.faults.append(words)

    def met(self, since: float, until: float) -> Mapping[str, Mapping[str, int]]:
        """Return by flow how often each outcome was met by what began in between."""
        found = {flow: Counter[str]() for flow in FLOWS}
        for note in list(self.notes):
            if since <= note.begun < until:
                found[note.flow][note.outcome] += 1
        return {flow: dict(outcomes.most_common()) for flow, outcomes in found.items()}

    def longest_s(self, since: float, until: float) -> Mapping[str, float]:
        """Return by flow how long the longest answer took of what began in between."""
        found: dict[str, float] = {}
        for note in list(self.notes):
            if since <= note.begun < until and note.flow != "push":
                took_s = note.ended - note.begun
                found[note.flow] = max(found.get(note.flow, 0.0), round(took_s, 1))
        return found

    def flow_since(self, moment: float) -> Mapping[str, float]:
        """Return by flow when something that began after *moment* first ended well."""
        first: dict[str, float] = {}
        for note in list(self.notes):
            if note.begun >= moment and note.is_good:
                first[note.flow] = min(first.get(note.flow, note.ended), note.ended)
        return first
