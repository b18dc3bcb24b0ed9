"""Measure what mail is like: sizes, attachments, threads, recipients, scripts.

Reads messages, one a file, and mbox files, below the folders that are named; writes shares and
quantiles, of nobody's words. ``mail_profile.json`` beside this file is what it wrote of the
corpora that docs/batch.md names, and is what `rillmail batch generate` makes mail after.

    python -m pipelines.measure_mail CORPUS… > pipelines/mail_profile.json
"""

import argparse
import math
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from connectors.files.spam_mails import LARGEST_BYTES, messages_in
from pipelines.synthetic import POINTS, SCRIPTS, MailProfile
from topologies.events import Message
from topologies.mail.mbox import messages
from topologies.mail.message import parse_message

MOST_THREAD = 30  # mails; longer ones count as such
MOST_RECIPIENTS, MOST_ATTACHMENTS = 20, 10
LOOKED_AT = 4_000  # characters of a text, to know its script


class Measured:
    """What is counted of each message."""

    def __init__(self) -> None:
        self.characters: list[int] = []
        self.attached: list[int] = []
        self.attachments: Counter[int] = Counter()
        self.types: Counter[str] = Counter()
        self.recipients: Counter[int] = Counter()
        self.scripts: Counter[str] = Counter()
        self.with_html = 0
        self._root_of: dict[str, str] = {}
        self._threads: Counter[str] = Counter()

    def add(self, message: Message, *, is_of_a_list: bool) -> None:
        """Count one message; threads are those of lists alone, of which nothing is left out."""
        self.characters.append(len(message.text))
        self.with_html += message.html is not None
        shown = [each for each in message.attachments if not each.is_inline]
        self.attachments[min(len(shown), MOST_ATTACHMENTS)] += 1
        for each in shown:
            self.attached.append(each.size_bytes)
            self.types[each.content_type.partition("/")[0]] += 1
        count = len(message.to) + len(message.cc)
        self.recipients[min(max(count, 1), MOST_RECIPIENTS)] += 1
        self.scripts[script_of(message.subject + " " + message.text[:LOOKED_AT])] += 1
        if is_of_a_list and message.message_id:
            answered = [*message.references, *message.in_reply_to]
            root = self._root_of.get(answered[0], answered[0]) if answered else message.message_id
            self._root_of[message.message_id] = root
            self._threads[root] += 1

    def profile(self) -> MailProfile:
        """Return what it came to."""
        count = max(1, len(self.characters))
        lengths = Counter(min(size, MOST_THREAD) for size in self._threads.values())
        return MailProfile(
            measured=len(self.characters),
            text_characters=quantiles(self.characters),
            attachment_bytes=quantiles(self.attached),
            html_share=round(self.with_html / count, 4),
            attachments=shares(self.attachments),
            attachment_types=shares(self.types),
            recipients=shares(self.recipients),
            thread_mails=shares(lengths),
            scripts=shares(self.scripts),
        )


def script_of(text: str) -> str:
    """Return the script of most letters of *text*, by the names of Unicode's characters."""
    counts: Counter[str] = Counter()
    for character in text:
        if character.isalpha():
            name = "LATIN" if character.isascii() else unicodedata.name(character, "").split(" ")[0]
            counts[name] += 1
    if not counts:
        return "latin"
    found = counts.most_common(1)[0][0].lower()
    if any(counts[name] for name in ("HIRAGANA", "KATAKANA")) and found == "cjk":
        return "hiragana"
    return found if found in SCRIPTS else "latin"


def quantiles(amounts: Sequence[int]) -> tuple[int, ...]:
    """Return the amounts at ``POINTS``, none of them given for a single message."""
    ordered = sorted(amounts) or [0]
    return tuple(ordered[min(len(ordered) - 1, math.floor(p * len(ordered)))] for p in POINTS)


def shares(counts: Counter[int] | Counter[str]) -> dict[str, float]:
    """Return each one's share of all, the most frequent first; rare ones are left out."""
    total = max(1, counts.total())
    return {str(k): round(n / total, 5) for k, n in counts.most_common() if n / total >= 0.0005}


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m pipelines.measure_mail", description=(__doc__ or "").partition("\n\n")[0]
    )
    parser.add_argument("folders", nargs="+", type=Path)
    chosen = parser.parse_args(arguments)
    measured = Measured()
    for raw, is_of_a_list in _raws(chosen.folders):
        measured.add(parse_message(raw).message, is_of_a_list=is_of_a_list)
    text = msgspec.json.format(msgspec.json.encode(measured.profile()), indent=1).decode()
    print(text)
    return 0


def _raws(folders: Iterable[Path]) -> Iterator[tuple[bytes, bool]]:
    for path in messages_in(folders):
        if path.suffix == ".mbox":
            with path.open("rb") as file:
                for stored in messages(file, LARGEST_BYTES):
                    if stored.raw:
                        yield stored.raw, True
        elif path.suffix in (".eml", ".txt", "") and path.stat().st_size <= LARGEST_BYTES:
            yield path.read_bytes(), False


if __name__ == "__main__":
    sys.exit(run())
