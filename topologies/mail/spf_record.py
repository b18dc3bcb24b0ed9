"""An SPF record: its grammar, and what is wrong with one that does not follow it (RFC 7208 §4-6).

Pure. A record with an error anywhere is no record at all (§4.6), so all of it is read
before anything is asked.
"""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass

from topologies.events.inbound import SpfResult
from topologies.mail.spf_macros import is_domain_spec, is_macro_string

LONGEST_RECORD = 16_384  # characters; what stands in the DNS honestly is a tenth of it

_QUALIFIERS: dict[str, SpfResult] = {"+": "pass", "-": "fail", "~": "softfail", "?": "neutral"}
_MODIFIER = re.compile(r"([A-Za-z][A-Za-z0-9_.-]*)=(.*)", re.DOTALL)
_MECHANISM = re.compile(r"([+?~-]?)([A-Za-z][A-Za-z0-9_.-]*)(?::([^/]*(?:/.*)?))?(/.*)?", re.DOTALL)
_CIDR = re.compile(r"(.*?)(?:/(0|[1-9]\d?))?(?://(0|[1-9]\d{0,2}))?", re.DOTALL)
_IP4 = re.compile(r"(\d{1,3}(?:\.\d{1,3}){3})(?:/(0|[1-9]\d?))?")
_IP6 = re.compile(r"([0-9A-Fa-f:.]+)(?:/(0|[1-9]\d{0,2}))?")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class SpfSyntaxError(ValueError):
    """The record breaks the grammar; says where."""


@dataclass(frozen=True, slots=True)
class Mechanism:
    """One directive: what to compare, and what a match means."""

    name: str  # all include a mx ptr ip4 ip6 exists
    result: SpfResult  # when it matches
    spec: str = ""  # domain-spec, macros not yet expanded; empty: the current domain
    network: Network | None = None  # of ip4 and ip6
    bits4: int = 32  # of a and mx
    bits6: int = 128


@dataclass(frozen=True, slots=True)
class Record:
    """A record that follows the grammar."""

    mechanisms: tuple[Mechanism, ...]
    redirect: str = ""  # domain-spec of the record that decides if nothing matches


def is_record(text: str) -> bool:
    """Return whether a TXT record is meant to be one of SPF (RFC 7208 §4.5)."""
    return text[:6].lower() == "v=spf1" and text[6:7] in ("", " ")


def parse(text: str) -> Record:
    """Return what *text* says, which ``is_record``.

    Raises:
        SpfSyntaxError: It breaks the grammar.
    """
    if len(text) > LONGEST_RECORD:
        raise SpfSyntaxError("the record is too long")
    mechanisms: list[Mechanism] = []
    modifiers: dict[str, str] = {}
    for term in text[6:].split(" "):
        if not term:
            continue
        if modifier := _MODIFIER.fullmatch(term):
            _add_modifier(modifiers, modifier[1].lower(), modifier[2])
        else:
            mechanisms.append(_mechanism(term))
    return Record(tuple(mechanisms), modifiers.get("redirect", ""))


def _add_modifier(modifiers: dict[str, str], name: str, value: str) -> None:
    if name in ("redirect", "exp"):
        # RFC 7208 §6: each at most once
        if name in modifiers or not is_domain_spec(value):
            raise SpfSyntaxError(f"{name}= is there twice, or is no domain")
        modifiers[name] = value
    elif not is_macro_string(value):
        raise SpfSyntaxError(f"the value of {name}= is no macro-string")


def _mechanism(term: str) -> Mechanism:
    match = _MECHANISM.fullmatch(term)
    if match is None:
        raise SpfSyntaxError(f"{term[:60]!r} is no mechanism")
    qualifier, name, value, cidr = match[1], match[2].lower(), match[3], match[4] or ""
    result = _QUALIFIERS[qualifier or "+"]
    match name:
        case "all" if value is None and not cidr:
            return Mechanism(name, result)
        case "include" | "exists" if value is not None and not cidr:
            return Mechanism(name, result, spec=_domain_spec(value, term))
        case "ptr" if not cidr:
            return Mechanism(name, result, spec=_optional_spec(value, term))
        case "a" | "mx":
            return _with_cidr(name, result, value, cidr, term)
        case "ip4" | "ip6" if value is not None:
            return Mechanism(name, result, network=_network(name, value + cidr, term))
        case _:
            raise SpfSyntaxError(f"{term[:60]!r} is no mechanism")


def _with_cidr(name: str, result: SpfResult, value: str | None, cidr: str, term: str) -> Mechanism:
    match = _CIDR.fullmatch((value or "") + cidr)
    assert match is not None, "every part of it is optional"  # noqa: S101
    spec, bits4, bits6 = match[1], int(match[2] or 32), int(match[3] or 128)
    if bits4 > 32 or bits6 > 128 or (value is None and spec):
        raise SpfSyntaxError(f"{term[:60]!r} has no valid prefix length")
    return Mechanism(
        name,
        result,
        spec=_optional_spec(None if value is None else spec, term),
        bits4=bits4,
        bits6=bits6,
    )


def _optional_spec(value: str | None, term: str) -> str:
    return "" if value is None else _domain_spec(value, term)


def _domain_spec(value: str, term: str) -> str:
    if not is_domain_spec(value):
        raise SpfSyntaxError(f"{term[:60]!r} names no domain")
    return value


def _network(name: str, value: str, term: str) -> Network:
    match = (_IP4 if name == "ip4" else _IP6).fullmatch(value)
    try:
        if match is None:
            raise ValueError
        if name == "ip4":
            return ipaddress.IPv4Network((match[1], int(match[2] or 32)), strict=False)
        return ipaddress.IPv6Network((match[1], int(match[2] or 128)), strict=False)
    except ValueError:
        raise SpfSyntaxError(f"{term[:60]!r} names no network") from None


def selected(texts: Sequence[str]) -> Sequence[str]:
    """Return those of a name's TXT records that are meant to be of SPF."""
    return [text for text in texts if is_record(text)]
