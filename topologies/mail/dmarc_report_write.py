"""Aggregate reports of DMARC, written (RFC 7489 §7.2, appendix C). Pure.

What is gathered of a mail is a fact; equal ones are counted together, and are one record.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from xml.sax.saxutils import escape

import msgspec

from topologies.events.summary import DmarcFact, DmarcPublished
from topologies.mail.report_mail import Heading

_DKIM_RESULTS = ("none", "pass", "fail", "policy", "neutral", "temperror", "permerror")
_SPF_RESULTS = ("none", "neutral", "pass", "fail", "softfail", "temperror", "permerror")
_SPACES = "  "


def write(heading: Heading, counts: Mapping[bytes, int]) -> bytes:
    """Return the report that tells *counts*, which has one fact at least."""
    seen = {msgspec.json.decode(fact, type=DmarcFact): count for fact, count in counts.items()}
    published: Counter[DmarcPublished] = Counter()
    for fact, count in seen.items():
        published[fact.published] += count
    # A record may change within a day, and a report has room for one.
    [(policy, _)] = published.most_common(1)
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        "<feedback>",
        *_indented(_head(heading, policy)),
        *(line for fact, count in seen.items() for line in _indented(_record(fact, count))),
        "</feedback>",
    ]
    return "".join(f"{line}\n" for line in lines).encode()


def _head(heading: Heading, policy: DmarcPublished) -> Iterator[str]:
    yield "<version>1.0</version>"
    yield "<report_metadata>"
    yield from _indented(
        (
            _element("org_name", heading.submitter),
            _element("email", heading.sender),
            _element("report_id", heading.report_id),
            "<date_range>",
            _SPACES + _element("begin", str(int(heading.begin.timestamp()))),
            _SPACES + _element("end", str(int(heading.end.timestamp()))),
            "</date_range>",
        )
    )
    yield "</report_metadata>"
    yield "<policy_published>"
    yield from _indented(
        (
            _element("domain", heading.domain),
            _element("adkim", policy.adkim),
            _element("aspf", policy.aspf),
            _element("p", policy.p),
            _element("sp", policy.sp),
            _element("pct", str(policy.pct)),
        )
    )
    yield "</policy_published>"


def _record(fact: DmarcFact, count: int) -> Iterator[str]:
    yield "<record>"
    yield from _indented(("<row>", *_indented(_row(fact, count)), "</row>"))
    yield from _indented(("<identifiers>", *_indented(_identifiers(fact)), "</identifiers>"))
    yield from _indented(("<auth_results>", *_indented(_results(fact)), "</auth_results>"))
    yield "</record>"


def _row(fact: DmarcFact, count: int) -> Iterator[str]:
    yield _element("source_ip", fact.source)
    yield _element("count", str(count))
    yield "<policy_evaluated>"
    yield _SPACES + _element("disposition", fact.disposition)
    yield _SPACES + _element("dkim", "pass" if fact.is_dkim_aligned else "fail")
    yield _SPACES + _element("spf", "pass" if fact.is_spf_aligned else "fail")
    if fact.reason:
        yield f"{_SPACES}<reason>{_element('type', fact.reason)}</reason>"
    yield "</policy_evaluated>"


def _identifiers(fact: DmarcFact) -> Iterator[str]:
    if fact.envelope_from:
        yield _element("envelope_from", fact.envelope_from)
    yield _element("header_from", fact.header_from)


def _results(fact: DmarcFact) -> Iterator[str]:
    for each in fact.dkim:
        yield "<dkim>"
        yield _SPACES + _element("domain", each.domain)
        if each.selector:
            yield _SPACES + _element("selector", each.selector)
        yield _SPACES + _element("result", _of(each.result, _DKIM_RESULTS))
        yield "</dkim>"
    yield "<spf>"
    yield _SPACES + _element("domain", fact.spf_domain or fact.envelope_from or fact.header_from)
    yield _SPACES + _element("scope", "helo" if fact.is_spf_of_helo else "mfrom")
    yield _SPACES + _element("result", _of(fact.spf, _SPF_RESULTS))
    yield "</spf>"


def _of(result: str, known: tuple[str, ...]) -> str:
    return result if result in known else "none"


def _indented(lines: "Iterator[str] | tuple[str, ...]") -> Iterator[str]:
    return (_SPACES + line for line in lines)


def _element(name: str, text: str) -> str:
    # What XML has no way to write is left out: a selector may hold anything.
    shown = "".join(c for c in text if c.isprintable())
    return f"<{name}>{escape(shown)}</{name}>"
