"""What "by relevance" means: mails that say it in subject or sender come before all others.

Pure. Decides it by two questions instead of one, so that every index gives the same order: first
those mails in whose subject or sender each typed word stands, then the rest; each newest first.
Words joined by OR, words of one field, and conditions on state do not count.
"""

from dataclasses import replace

from topologies.ports.search import SearchQuery


def in_order(query: SearchQuery) -> tuple[SearchQuery, ...]:
    """Return the questions whose hits, one after the other, are those of *query*, each once."""
    words = [term for term in query.terms if term.field == "any" and not term.is_negated]
    if not words:
        return (query,)
    others = tuple(term for term in query.terms if term not in words)
    heads = tuple(replace(term, field="head") for term in words)
    elsewhere = tuple(replace(term, is_negated=True) for term in heads)
    return (
        replace(query, terms=(*heads, *others)),
        replace(query, either=(*query.either, elsewhere)),
    )
