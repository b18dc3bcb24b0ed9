"""What an HTML body is made of, seen roughly: tags, links with their texts, visible text.

Pure, one pass over the text, linear whatever stands in it: a bad tag is no reason to stop. For
judging only; what is shown to people is sanitised elsewhere.
"""

import html
import re
from collections import Counter
from dataclasses import dataclass, field

MOST_TAGS = 2_000
MOST_LINKS = 60
MOST_ATTRIBUTES = 300
MOST_TAGS_WITH_ATTRIBUTES = 300
LONGEST_TAG = 300

_NAME = re.compile(r"/?[a-zA-Z][a-zA-Z0-9]{0,9}")
# White space is bounded: two unbounded runs around what may be missing take squared time.
_HREF = re.compile(
    r"(?:href|src|action)\s{0,9}=\s{0,9}[\"']?\s{0,9}([^\"'\s>]{1,500})", re.IGNORECASE
)
# Found by the word first, which is many times faster than one pattern for all.
_HIDERS = tuple(
    (word, re.compile(rest))
    for word, rest in (
        ("display", r"\s*:\s*none"),
        ("visibility", r"\s*:\s*hidden"),
        ("font-size", r"\s*:\s*[01](?:px|pt|;|\"|')"),
        ("height", r"\s*:\s*0"),
        ("opacity", r"\s*:\s*0(?:;|\"|')"),
    )
)
_PART_OF_NAME = re.compile(r"[a-z-]")
_ATTRIBUTE = re.compile(r"\s([a-zA-Z][a-zA-Z-]{1,19})\s{0,3}=\s{0,3}[\"']?\s{0,3}([^\"'\s>]{1,30})")
# Their values are addresses, names or texts: other features tell of them, or they tell nothing.
_NAMELESS = frozenset(
    {"href", "src", "action", "background", "name", "id", "class", "content", "value", "alt"}
    | {"title", "xmlns"}
)
_LONG_NUMBER = re.compile(r"\d{3,}")
_UNSEEN = frozenset({"style", "script", "title", "head"})
_WITHIN_WORDS = frozenset(
    {"a", "b", "i", "u", "s", "em", "strong", "span", "font", "small", "big", "sub", "sup", "wbr"}
)


@dataclass(slots=True)
class Markup:
    """What was seen."""

    text: str = ""  # visible, without tags, entities decoded
    tags: Counter[str] = field(default_factory=Counter[str])  # opening ones, lower case
    links: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])  # (href, text)
    images: int = 0  # fetched from somewhere else
    forms: list[str] = field(default_factory=list[str])  # where they send to
    hides: bool = False  # there is a style that makes text invisible


def seen(source: str, longest: int = 60_000) -> Markup:
    """Return what the first *longest* characters of *source* are made of."""
    found = Markup()
    pieces = source[:longest].split("<", MOST_TAGS)
    texts = [pieces[0]]
    skipping = ""
    in_comment = False
    for piece in pieces[1:]:
        if in_comment or piece.startswith("!--"):
            _, ended, after = piece.partition("-->")
            in_comment = not ended
            if not skipping:
                texts.append(after)  # a comment does not part words
            continue
        tag, closed, after = piece.partition(">")
        match = _NAME.match(tag)
        if match is None:
            if not skipping:
                texts.append(after if piece[:1] in ("!", "?") else "<" + piece)
            continue
        name = match[0].lower()
        if skipping:
            skipping = "" if name == "/" + skipping else skipping
        elif name in _UNSEEN:
            skipping = name
        elif closed and not name.startswith("/"):
            _take(found, name, tag, after)
        if not skipping:
            texts.append(after if name.removeprefix("/") in _WITHIN_WORDS else " " + after)
    found.hides = _hides(source[:longest].lower())
    found.text = html.unescape("".join(texts))
    return found


def _hides(source: str) -> bool:
    """Return whether *source*, in lower case, has a style that makes text invisible."""
    for word, rest in _HIDERS:
        at = source.find(word)
        while at >= 0:
            if rest.match(source, at + len(word)) and _is_own_name(source, word, at):
                return True
            at = source.find(word, at + 1)
    return False


def _is_own_name(source: str, word: str, at: int) -> bool:
    """Return whether *word* is a whole property, as `height` is not in `line-height`."""
    if word != "height":
        return True
    if source.startswith("max-", max(0, at - 4)):
        at -= 4
    return at <= 0 or not _PART_OF_NAME.match(source, at - 1)


def attributes(source: str) -> list[str]:
    """Return what the first tags are dressed in: ``td bgcolor``, and ``bgcolor=#ffffff``."""
    found: dict[str, None] = {}
    pieces = source.split("<", MOST_TAGS_WITH_ATTRIBUTES + 1)
    for piece in pieces[1 : MOST_TAGS_WITH_ATTRIBUTES + 1]:
        tag = piece[:LONGEST_TAG].partition(">")[0]
        match = _NAME.match(tag)
        if match is None or "=" not in tag:
            continue
        name = match[0].lower()
        for attribute, value in _ATTRIBUTE.findall(tag):
            called = attribute.lower()
            found[f"{name} {called}"] = None
            if called not in _NAMELESS:
                found[f"{called}={_LONG_NUMBER.sub('#', value.lower())[:20]}"] = None
        if len(found) >= MOST_ATTRIBUTES:
            break
    return list(found)[:MOST_ATTRIBUTES]


def _take(found: Markup, name: str, tag: str, after: str) -> None:
    found.tags[name] += 1
    if name not in ("a", "area", "img", "form"):
        return
    match = _HREF.search(tag)
    if match is None:
        return
    target = html.unescape(match[1])
    if name == "img":
        found.images += not target.lower().startswith(("cid:", "data:"))
    elif name == "form":
        found.forms.append(target)
    elif len(found.links) < MOST_LINKS:
        found.links.append((target, after.strip()))
