"""What a Sieve script sees of a mail (RFC 5228 §2.7.2, RFC 5173).

Pure. Read when it is asked for: most scripts want a few header fields. Header texts are decoded;
fields that can't be are seen as they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from topologies.events import Message, SpamVerdict
from topologies.mail import address_list, charsets, dkim_canonical, header_words, mime, plain_text

MOST_BODY_CHARACTERS = 256 * 1024  # of one part; the rest is not looked at
MOST_VALUES = 1_000  # of fields or addresses in one test


@dataclass(frozen=True)
class View:
    """One mail as one recipient's script sees it.

    Attributes:
        raw: As it came.
        message: As it was read.
        folders: The names of the recipient's folders, in lower case.
        spam: Whether it is spam to the recipient; None: nobody looked.
    """

    raw: bytes
    message: Message
    received_at: datetime
    mail_from: str
    recipient: str
    folders: frozenset[str] = field(default_factory=frozenset[str])
    spam: SpamVerdict | None = None

    @cached_property
    def fields(self) -> list[tuple[str, bytes]]:
        """The header fields, their names in lower case, their values as written."""
        header, _ = dkim_canonical.split(self.raw)
        return mime.read(header[: mime.LONGEST_HEADER_BYTES] + b"\r\n").root.fields

    @cached_property
    def _by_name(self) -> dict[str, list[bytes]]:
        found: dict[str, list[bytes]] = {}
        for name, value in self.fields:
            found.setdefault(name, []).append(value)
        return found

    @cached_property
    def _decoded(self) -> dict[str, list[str]]:  # what was asked for so far
        return {}

    @cached_property
    def _addresses(self) -> dict[bytes, list[str]]:  # what was asked for so far
        return {}

    def raw_values(self, name: str) -> list[bytes]:
        """Return the values of the fields called *name*, as written."""
        return self._by_name.get(name.strip().lower(), [])[:MOST_VALUES]

    def values(self, name: str) -> list[str]:
        """Return the values of the fields called *name*, decoded (§2.4.2.2)."""
        key = name.strip().lower()
        if key not in self._by_name:
            return []
        if key not in self._decoded:
            self._decoded[key] = [header_words.text_of(value) for value in self.raw_values(key)]
        return self._decoded[key]

    def addresses(self, value: bytes) -> list[str]:
        """Return the addresses in *value*."""
        if value not in self._addresses:
            found, _ = address_list.read(value)
            self._addresses[value] = [each.address for each in found[:MOST_VALUES]]
        return self._addresses[value]

    @cached_property
    def text(self) -> str:
        """The text that a person reads."""
        message = self.message
        seen = plain_text.of_html(message.html) if message.html else ""
        both = f"{message.text}\n{seen}" if seen and seen != message.text else message.text
        return both[:MOST_BODY_CHARACTERS]

    @cached_property
    def raw_body(self) -> str:
        """The body as it came, nothing decoded (RFC 5173 §5.1)."""
        _, body = dkim_canonical.split(self.raw)
        return body[:MOST_BODY_CHARACTERS].decode("utf-8", "replace")

    def parts(self, types: Sequence[str]) -> list[str]:
        """Return the contents of the parts of *types*, decoded (RFC 5173 §5.2)."""
        wanted = [each.lower() for each in types]
        return [text for kind, text in self._parts if any(_is_of(kind, each) for each in wanted)]

    @property
    def part_count(self) -> int:
        """How many parts there are to look into."""
        return len(self._parts)

    @cached_property
    def _parts(self) -> list[tuple[str, str]]:
        tree = mime.read(self.raw)
        found: list[tuple[str, str]] = []
        waiting = [tree.root]
        while waiting and len(found) < MOST_VALUES:
            part = waiting.pop(0)
            waiting = [*part.children, *waiting]
            if part.content_type.startswith("multipart/"):
                continue
            content = tree.content(part)[: 4 * MOST_BODY_CHARACTERS]
            text, _ = charsets.decode(content, part.parameters.get("charset", ""))
            found.append((part.content_type, text[:MOST_BODY_CHARACTERS]))
        return found


def _is_of(kind: str, wanted: str) -> bool:
    if not wanted:
        return True
    if "/" in wanted:
        return kind == wanted
    return kind.startswith(f"{wanted}/")
