"""Address lists as people and programs write them (RFC 5322 §3.4, RFC 6532).

Reads any text, writes the mailboxes in it; groups are flattened, comments and route paths are
dropped. Nothing fails: what is no address comes out as a name without one, so that a reader
sees what was written. Linear in time, whatever the quotes and brackets do.
"""

import re
from collections.abc import Iterator

from topologies.events import Address
from topologies.mail import header_words, mailbox_address

MOST = 1_000  # of one field
LONGEST_CHARACTERS = 998  # of one address or name; longer is cut
_READ = 4 * LONGEST_CHARACTERS  # of an address, blanks included

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|\\.|\[[^\[\]\s]*\]|[^"\\(),:;<>\s\[]+|\s+|.', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_BLANKS = re.compile(r"[\s\x00-\x1f\x7f]+")
_UNQUOTED_BLANKS = re.compile(r'("(?:[^"\\]|\\.)*")|[\s\x00-\x1f\x7f]+', re.DOTALL)


def read(value: bytes) -> tuple[tuple[Address, ...], str]:
    """Return the addresses in *value*, and what was wrong (empty: nothing)."""
    found: list[Address] = []
    defect = ""
    for name, address in _mailboxes(header_words.raw_text_of(value)):
        if len(found) == MOST:
            return tuple(found), f"more than {MOST:,} addresses"
        shown = header_words.decoded(name) if "=?" in name else name
        shown = _BLANKS.sub(" ", shown).strip()[:LONGEST_CHARACTERS]
        # RFC 5322 §3.4.1: blanks within quotes are part of the address.
        written = _UNQUOTED_BLANKS.sub(lambda match: match[1] or "", address[:_READ])
        written = _BLANKS.sub(" ", written)[:LONGEST_CHARACTERS]
        if "@" not in written:
            defect = "an address without a domain"
        found.append(Address(address=_in_unicode(written), name=shown))
    return tuple(found), defect


def _mailboxes(text: str) -> Iterator[tuple[str, str]]:
    """Yield (name, address) for each entry."""
    words: list[str] = []  # before any "<"
    inside: list[str] | None = None  # what stands in "<…>"
    comment, depth = list[str](), 0
    for match in _TOKEN.finditer(text):
        piece = match[0]
        if depth or piece == "(":
            depth += (piece == "(") - (piece == ")")
            comment.append(piece)
        elif inside is not None and piece not in ">,;":
            inside.append(piece)
        elif piece == "<":
            inside = []
        elif piece == ">":
            if inside is not None:
                yield _entry(words, inside, comment)
            words, inside, comment = [], None, []
        elif piece in ",;":
            if inside is not None or _is_something(words):
                yield _entry(words, inside, comment)
            words, inside, comment = [], None, []
        elif piece == ":":
            words = []  # the name of a group
        else:
            words.append(piece)
    if inside is not None or _is_something(words):
        yield _entry(words, inside, comment)


def _is_something(words: list[str]) -> bool:
    return any(word.strip(' "\t\r\n') for word in words)


def _entry(words: list[str], inside: list[str] | None, comment: list[str]) -> tuple[str, str]:
    if inside is not None:
        # RFC 5322 §4.4: a route before the address (``@a,@b:c@d``) is ignored.
        return _name(words), "".join(inside).strip().rpartition(":")[2]
    runs = _runs(words)
    places = [at for at, run in enumerate(runs) if _is_address(run)]
    if not places:
        if len(runs) == 1:
            return "".join(comment)[1:-1].strip(), "".join(runs[0])
        return _name(words), ""
    address = "".join(runs.pop(places[-1]))
    if runs:  # a name without brackets around the address
        return " ".join(_name(run) for run in runs), address
    return "".join(comment)[1:-1].strip(), address


def _runs(words: list[str]) -> list[list[str]]:
    """Return the words that stand together; quotes begin and end such a run, except before "@"."""
    runs: list[list[str]] = [[]]
    for word in words:
        if word.isspace():
            runs.append([])
        elif runs[-1] and _is_quoted(runs[-1][-1]) and not word.startswith("@"):
            runs.append([word])
        else:
            runs[-1].append(word)
    return [run for run in runs if run]


def _is_address(run: list[str]) -> bool:
    return any("@" in word for word in run if not _is_quoted(word))


def _is_quoted(word: str) -> bool:
    return len(word) > 1 and word[0] == word[-1] == '"'


def _name(words: list[str]) -> str:
    return "".join(_ESCAPED.sub(r"\1", word[1:-1]) if _is_quoted(word) else word for word in words)


def _in_unicode(address: str) -> str:
    """Return *address* with its domain in Unicode, as people read it."""
    if "xn--" not in address.lower():
        return address
    local, at, domain = address.rpartition("@")
    return local + at + mailbox_address.domain_in_unicode(domain)
