"""What comes out of an archive or a document: members, and what was noticed while opening it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from connectors.scanner.bounds import Budget
from topologies.events.inbound import Finding, FindingKind


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive or a document.

    Attributes:
        name: With its folders; empty if the archive has no names.
        content: None: it can't be read, for what ``kind`` and ``reason`` say.
        is_named_for_people: Its name is seen by people, and says how it is opened.
    """

    name: str
    content: bytes | None
    kind: FindingKind = "unscannable"
    reason: str = ""
    is_named_for_people: bool = True


Inside: TypeAlias = Iterator[Member | Finding]
Opener: TypeAlias = Callable[[bytes, Budget], Inside]
