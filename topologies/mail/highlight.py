"""Where in a text the words of a search stand, for people to see.

Pure. Compares as the search does (``folding``), so what was found is what is marked; words that
only make a mail be left out are not. A passage is the text around the first place.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from topologies.mail.folding import words
from topologies.ports.search import SearchQuery, Term

LOOKED_AT = 20_000  # characters of one text
PASSAGE = 160  # characters, about
BEFORE = 40  # of them before the first place

_RUN = re.compile(r"[^\W_]+")
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of text, found or not."""

    text: str
    is_hit: bool


def terms_of(query: SearchQuery, *fields: str) -> list[Term]:
    """Return what *query* looks for in these fields."""
    every = (*query.terms, *(term for group in query.either for term in group))
    return [term for term in every if term.field in fields and not term.is_negated]


def marked(text: str, terms: Sequence[Term]) -> list[Piece]:
    """Return *text* in pieces; of a long one what is looked at."""
    text = text[:LOOKED_AT]
    pieces: list[Piece] = []
    at = 0
    for start, end in _places(text, terms):
        if start < at:
            continue
        pieces += [Piece(text[at:start], False)] if start > at else []
        pieces.append(Piece(text[start:end], True))
        at = end
    return [*pieces, Piece(text[at:], False)] if at < len(text) else pieces


def passage(text: str, terms: Sequence[Term]) -> list[Piece]:
    """Return the text around the first place in pieces; nothing if there is none."""
    first = next(_places(text[:LOOKED_AT], terms), None)
    if first is None:
        return []
    start = max(0, first[0] - BEFORE)
    # Not in the middle of a word, if one ends near by.
    space = text.find(" ", start, first[0])
    start = space + 1 if start > 0 and space >= 0 else start
    cut = _SPACE.sub(" ", text[start : start + PASSAGE])
    ended = "…" if start + PASSAGE < len(text) else ""
    return marked(("…" if start else "") + cut.strip() + ended, terms)


def _places(text: str, terms: Sequence[Term]) -> Iterator[tuple[int, int]]:
    wanted = [(found, term.is_prefix) for term in terms if (found := words(term.words))]
    if not wanted:
        return
    tokens = [*_tokens(text)]
    for at, (start, _, _) in enumerate(tokens):
        ends = [
            tokens[at + len(sequence) - 1][1]
            for sequence, is_prefix in wanted
            if _follows(tokens, at, sequence, is_prefix=is_prefix)
        ]
        if ends:
            yield start, max(ends)


def _tokens(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield each word: where it begins and ends, and as it is compared."""
    for run in _RUN.finditer(text):
        found = words(run[0])
        if len(found) == 1:
            yield run.start(), run.end(), found[0]
            continue
        for at, character in enumerate(run[0], run.start()):  # written without spaces
            yield from ((at, at + 1, word) for word in words(character)[:1])


def _follows(
    tokens: Sequence[tuple[int, int, str]], at: int, sequence: Sequence[str], *, is_prefix: bool
) -> bool:
    here = [word for _, _, word in tokens[at : at + len(sequence)]]
    if len(here) < len(sequence) or here[:-1] != sequence[:-1]:
        return False
    return here[-1].startswith(sequence[-1]) if is_prefix else here[-1] == sequence[-1]
