"""Authentication-Results: what a host found out about a message, as a header field (RFC 8601).

Pure. Writes such fields, and tells which fields of a message pretend to be ours: whoever shows
or forwards a message leaves those out (§5). Reading one is ``topologies.mail.authres_reader``'s
work. Values come from strangers, so whatever they hold stays inside the one field.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from topologies.events.inbound import Authentication

NAME = "Authentication-Results"
LINE_CHARACTERS = 78  # RFC 5322 §2.1.1
LONGEST_VALUE_BYTES = 450  # RFC 5322 §2.1.1: a line holds 998, and no value is folded

_KEYWORD = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?")
_PLAIN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]+")  # RFC 2045 §5.1: token
# §2.2, pvalue: an address, or a domain after "@"
_ADDRESS = re.compile(r"(?:[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+)?@[A-Za-z0-9_.-]+")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


@dataclass(frozen=True, slots=True)
class Property:
    """What a result is about: ``header.d=shop.example``."""

    kind: str  # smtp, header, body or policy
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class MethodResult:
    """What one method found."""

    method: str  # spf, dkim, dmarc, arc, auth …
    result: str
    properties: tuple[Property, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class AuthResults:
    """What one host found."""

    authserv_id: str
    results: tuple[MethodResult, ...] = ()


def known(found: Authentication | None, *, authserv_id: str, mail_from: str) -> AuthResults:
    """Return what we say about a message.

    Args:
        found: What was found out; None, and nothing but "none", where nobody looked.
        authserv_id: Our name.
        mail_from: The reverse-path; empty for bounces, whose HELO was looked at instead.
    """
    if found is None:
        return AuthResults(authserv_id)
    if found.signed_in:
        of_user = Property("smtp", "mailfrom", mail_from)
        return AuthResults(authserv_id, (MethodResult("auth", "pass", (of_user,)),))
    results = tuple(_of(found, mail_from))
    is_silent = not found.dkim and all(result.result == "none" for result in results)
    return AuthResults(authserv_id, () if is_silent else results)


def _of(found: Authentication, mail_from: str) -> Iterator[MethodResult]:
    envelope = (
        Property("smtp", "mailfrom", mail_from)
        if mail_from
        else Property("smtp", "helo", found.spf_domain)
    )
    yield MethodResult("spf", found.spf, (envelope,) if found.spf_domain else ())
    for verdict in found.dkim:
        signer = Property("header", "d", verdict.domain), Property("header", "s", verdict.selector)
        named = tuple(told for told in signer if told.value)
        yield MethodResult("dkim", verdict.result, named, verdict.reason)
    if not found.dkim:
        yield MethodResult("dkim", "none")
    author = [Property("header", "from", found.from_domain)] if found.from_domain else []
    if found.dmarc_policy:
        author.append(Property("policy", "dmarc", found.dmarc_policy))
    yield MethodResult("dmarc", found.dmarc, tuple(author))
    chain = found.arc
    if chain is not None and chain.result != "temperror":  # RFC 8617 §10.1 has no word for it
        since = Property("header", "oldest-pass", str(chain.oldest_pass))
        yield MethodResult(
            "arc", chain.result, (since,) if chain.result == "pass" else (), chain.reason
        )


def field(found: AuthResults, name: str = NAME) -> bytes:
    """Return the header field that says *found*, folded, with its CRLF.

    Raises:
        ValueError: A method, result or property is no keyword.
    """
    return folded(f"{name}:", words(found))


def words(found: AuthResults) -> list[str]:
    """Return the value of the field, cut where it may be folded.

    Raises:
        ValueError: A method, result or property is no keyword.
    """
    parts = [[_value(found.authserv_id)]]
    for result in found.results:
        part = [f"{_keyword(result.method)}={_keyword(result.result)}"]
        if result.reason:
            part.append(f"reason={_value(result.reason)}")
        for told in result.properties:
            value = told.value
            is_address = len(value) < LONGEST_VALUE_BYTES and _ADDRESS.fullmatch(value)
            written = value if is_address else _value(value)
            part.append(f"{_keyword(told.kind)}.{_keyword(told.name)}={written}")
        parts.append(part)
    if not found.results:
        parts.append(["none"])
    for part in parts[:-1]:
        part[-1] += ";"
    return [word for part in parts for word in part]


def folded(name: str, written: Sequence[str]) -> bytes:
    """Return a header field of *written*, broken into lines between words only.

    Args:
        name: Of the field, with its colon.
        written: Words without line ends.
    """
    lines = [name]
    for word in written:
        if len(lines[-1]) + 1 + len(word) > LINE_CHARACTERS and len(lines[-1]) > len(name):
            lines.append("")
        lines[-1] += f" {word}"
    return "\r\n".join(lines).encode() + b"\r\n"


def _keyword(text: str) -> str:
    if not _KEYWORD.fullmatch(text):
        raise ValueError(f"{text!r} is no keyword")
    return text


def _value(text: str) -> str:
    """Return *text* as a token or a quoted string, without what would end the line."""
    clean = _CONTROL.sub(" ", text)
    if len(clean) > LONGEST_VALUE_BYTES // 4:
        clean = clean.encode()[:LONGEST_VALUE_BYTES].decode("utf-8", "ignore")
    if _PLAIN.fullmatch(clean):
        return clean
    return '"' + clean.replace("\\", "\\\\").replace('"', '\\"') + '"'
