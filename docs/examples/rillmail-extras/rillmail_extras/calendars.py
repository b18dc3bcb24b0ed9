"""What a calendar says about its events, as far as an invitation needs it (RFC 5545). Pure.

Time zones and rules of repetition are not worked out: what is told is what is written.
"""

from dataclasses import dataclass

MOST_BYTES = 256 * 1024
MOST_EVENTS = 20
MOST_CHARACTERS = 500  # of a value


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One VEVENT; `starts` is DTSTART as it is written."""

    method: str
    uid: str
    summary: str
    starts: str
    time_zone: str


def read_calendar(content: bytes) -> list[Entry]:
    """Return the events in *content*, in order; none if it is no calendar."""
    method = ""
    entries: list[Entry] = []
    inside: list[str] = []
    properties: dict[str, tuple[dict[str, str], str]] = {}
    for line in _lines(content):
        name, parameters, value = _property(line)
        if name == "BEGIN":
            inside.append(value.upper())
            if inside[-1] == "VEVENT":
                properties = {}
        elif name == "END":
            if inside[-1:] == ["VEVENT"] and len(entries) < MOST_EVENTS:
                entries.append(_entry(method, properties))
            if inside:
                inside.pop()
        elif inside == ["VCALENDAR"] and name == "METHOD":
            method = value.upper()[:MOST_CHARACTERS]
        elif inside[-1:] == ["VEVENT"]:  # an alarm in it has properties of its own
            properties.setdefault(name, (parameters, value))
    return entries


def _lines(content: bytes) -> list[str]:
    text = content[:MOST_BYTES].decode("utf-8", "replace").replace("\r\n", "\n")
    # RFC 5545 §3.1: what begins with a blank goes on from the line before.
    return text.replace("\n ", "").replace("\n\t", "").split("\n")


def _property(line: str) -> tuple[str, dict[str, str], str]:
    """Return name, parameters and value of a content line (RFC 5545 §3.1)."""
    end = _colon(line)
    if end < 0:
        return "", {}, ""
    name, *given = line[:end].split(";")
    pairs = [each.partition("=") for each in given]
    return name.upper(), {key.upper(): v.strip('"') for key, _, v in pairs}, line[end + 1 :]


def _colon(line: str) -> int:
    """Return where the value's colon stands, which is none in quotes; -1: there is none."""
    is_quoted = False
    for place, character in enumerate(line):
        if character == '"':
            is_quoted = not is_quoted
        elif character == ":" and not is_quoted:
            return place
    return -1


def _entry(method: str, properties: dict[str, tuple[dict[str, str], str]]) -> Entry:
    def text(name: str) -> str:
        return _unescaped(properties.get(name, ({}, ""))[1])[:MOST_CHARACTERS]

    parameters = properties.get("DTSTART", ({}, ""))[0]
    return Entry(
        method=method,
        uid=text("UID"),
        summary=text("SUMMARY"),
        starts=text("DTSTART"),
        time_zone=parameters.get("TZID", "")[:MOST_CHARACTERS],
    )


def _unescaped(value: str) -> str:
    # RFC 5545 §3.3.11
    parts = value.split("\\\\")
    plain = [p.replace("\\n", "\n").replace("\\N", "\n").replace("\\,", ",") for p in parts]
    return "\\".join(part.replace("\\;", ";") for part in plain)
