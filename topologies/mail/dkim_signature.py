"""Signatures over a message, as DKIM and ARC write them: the tags of one field, read.

Pure (RFC 6376 §3.5; RFC 8617 §4.1.2 for the same tags in ARC). What is read here can be
checked once the key is known; that is the work of ``topologies.mail.dkim_check``.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from topologies.events.inbound import DkimResult
from topologies.mail.dkim_canonical import Form

MOST_SIGNED_FIELDS = 500

_DOMAIN = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?")
_ALGORITHMS = {"rsa-sha256": "rsa", "ed25519-sha256": "ed25519"}


class Refused(Exception):
    """A verdict on a signature that is found on the way: it does not hold."""

    def __init__(self, result: DkimResult, reason: str) -> None:
        super().__init__(reason)
        self.result: DkimResult = result


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Who signed, by which key: what every kind of signature tells."""

    domain: str  # d=
    selector: str  # s=
    kind: str  # of key: rsa or ed25519
    value: bytes  # b=

    @property
    def key_name(self) -> str:
        """Where the DNS holds the key."""
        return f"{self.selector}._domainkey.{self.domain}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """A signature over header fields and body."""

    raw: bytes  # the whole field
    by: Signer
    identity_domain: str  # of i=; empty where it tells nothing
    body_hash: bytes
    signed: tuple[str, ...]  # names in lower case
    header_form: Form
    body_form: Form
    body_length: int | None  # l=
    expires: int | None  # x=, seconds since 1970


def signer(found: Mapping[str, str]) -> Signer:
    """Return who signed, by the tags a=, b=, d= and s=.

    Raises:
        Refused: One of them can't be used.
    """
    algorithm = found["a"].lower()
    if algorithm == "rsa-sha1":
        raise Refused("policy", "rsa-sha1 proves nothing any more")  # RFC 8301 §3.1
    if algorithm not in _ALGORITHMS:
        raise Refused("neutral", "it is of an unknown algorithm")
    domain = found["d"].lower().rstrip(".")
    selector = found["s"].lower()
    names = domain, selector
    if not all(len(n) <= 253 and _DOMAIN.fullmatch(n) for n in names) or "." not in domain:
        raise Refused("neutral", "d= or s= is no name")
    return Signer(
        domain=domain,
        selector=selector,
        kind=_ALGORITHMS[algorithm],
        value=from_base64(found["b"]),
    )


def over_message(
    raw: bytes,
    found: Mapping[str, str],
    by: Signer,
    *,
    identity: str = "",
    form: str = "simple/simple",
) -> Signature:
    """Return what *by* signed of the message, by the tags that say so.

    Args:
        raw: The whole field.
        found: Its tags.
        by: Who signed.
        identity: The domain for whose user it was signed.
        form: Of header and body, where c= is missing.

    Raises:
        Refused: They contradict each other, or can't be followed.
    """
    if "q" in found and "dns/txt" not in {q.strip() for q in found["q"].lower().split(":")}:
        raise Refused("neutral", "the key is not in the DNS")
    signed = tuple(name.strip().lower() for name in found["h"].split(":"))
    if len(signed) > MOST_SIGNED_FIELDS:
        raise Refused("neutral", "it signs too many fields")
    header_form, body_form = _forms(found.get("c", form))
    signed_at, expires = number(found, "t"), number(found, "x")
    if signed_at is not None and expires is not None and expires <= signed_at:
        raise Refused("neutral", "it expired before it was made")
    return Signature(
        raw=raw,
        by=by,
        identity_domain=identity,
        body_hash=from_base64(found["bh"]),
        signed=signed,
        header_form=header_form,
        body_form=body_form,
        body_length=number(found, "l"),
        expires=expires,
    )


def _forms(value: str) -> tuple[Form, Form]:
    header, _, body = value.lower().partition("/")
    forms = (header.strip(), body.strip() or "simple")  # §3.5: c=relaxed is relaxed/simple
    if not {*forms} <= {"simple", "relaxed"}:
        raise Refused("neutral", "it is of an unknown canonicalisation")
    return cast("tuple[Form, Form]", forms)


def number(found: Mapping[str, str], name: str) -> int | None:
    """Return the number that a tag holds, or None if it is not there.

    Raises:
        Refused: It holds something else.
    """
    if name not in found:
        return None
    value = found[name]
    if not (value.isascii() and value.isdigit() and len(value) <= 76):  # §3.5: l=
        raise Refused("neutral", f"{name}= is no number")
    return int(value)


def from_base64(text: str) -> bytes:
    """Return what *text* encodes, white space in it ignored.

    Raises:
        Refused: It encodes nothing.
    """
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise Refused("neutral", "b= or bh= is no base64") from None
