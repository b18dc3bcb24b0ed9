"""How far a mail host has to prove who it is, and whether it did.

Opportunistic TLS takes any certificate (RFC 7435); MTA-STS asks for one that the public
authorities vouch for (RFC 8461 §4.2), DANE for the one that the signed DNS tells (RFC 7672). A
mail that requires TLS (RFC 8689) asks for one of both, whatever the domain promises.
"""

import ssl
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from connectors.smtp_out.session import Session
from topologies.errors import Misconfigured
from topologies.mail import dane
from topologies.ports.dns import Tlsa

Need = Literal["none", "may", "must", "verified"]


@dataclass(frozen=True, slots=True)
class Promise:
    """What a domain promises about TLS, as it is told in reports (RFC 8460 §4.2).

    Attributes:
        text: The policy, line by line.
        trouble: Why it could not be read (result type of RFC 8460 §4.3.2); empty: it could.
    """

    kind: Literal["none", "sts", "tlsa"] = "none"
    text: tuple[str, ...] = ()
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Trust:
    """What is asked of one host.

    Attributes:
        need: ``verified``: with a certificate of this name, by the public authorities.
        tlsa: Records that its certificate must match; none: they are not what counts.
        is_tested: A policy in testing asks for a certificate of this name: it is looked for, and
            the mail goes without all the same (RFC 8461 §5).
        promise: By what that was decided.
    """

    need: Need = "may"
    tlsa: tuple[Tlsa, ...] = ()
    is_tested: bool = False
    promise: Promise = Promise()

    @property
    def is_demanding(self) -> bool:
        """Whether without TLS nothing is sent."""
        return self.need in ("must", "verified")

    def doubt(self, session: Session, now: datetime) -> str:
        """Return why *session* can't be trusted with the mail; empty: it can."""
        if self.is_demanding and not session.tls:
            return "the host offers no TLS, though its domain promises it"
        if self.tlsa and not dane.is_vouched_for(
            self.tlsa, session.chain, host=session.host, now=now
        ):
            return "its certificate is not the one that the DNS tells of (DANE)"
        return ""


class Contexts:
    """TLS as a client: one that believes anybody, and one that does not."""

    def __init__(self, ca_file: str) -> None:
        """Prepare; *ca_file* names further authorities to believe, empty: none.

        Raises:
            Misconfigured: The file can't be used.
        """
        self._any = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._any.check_hostname = False
        self._any.verify_mode = ssl.CERT_NONE
        self.verified = ssl.create_default_context()
        for context in (self._any, self.verified):
            context.minimum_version = ssl.TLSVersion.TLSv1_2  # RFC 8996: older ones are broken
        if ca_file:
            try:
                self.verified.load_verify_locations(ca_file)
            except (OSError, ValueError) as error:  # SSLError is an OSError
                raise Misconfigured(f"delivery_ca_file: {ca_file}: {error}") from error

    def of(self, trust: Trust) -> ssl.SSLContext:
        """Return what a handshake needs that is to prove what *trust* asks."""
        return self.verified if trust.need == "verified" and not trust.tlsa else self._any
