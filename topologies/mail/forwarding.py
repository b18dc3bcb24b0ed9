"""Mail that goes on to other addresses, as it came: for a user's rules, an alias, or a bounce.

Reads what was accepted; writes no event itself, but returns those to be written. Nothing of the
message is changed, so that its signatures hold (RFC 6376 §3); in front of it go a seal of the
domain by which it came (RFC 8617), and the address for which it was forwarded, by which a loop is
seen. It goes out under a reverse-path of ours (``srs``), so that SPF passes and what bounces comes
back here and goes on to its sender, who is asked nothing by anybody else.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from topologies.events import (
    RAW_INLINE_BYTES,
    ArcVerdict,
    Event,
    MailOutgoing,
    MailReceived,
    MailScored,
    MailUndeliverable,
)
from topologies.mail import arc_seal, authres, dkim_private, ids, loops, mailbox_address, srs
from topologies.mail.dkim_private import PrivateKey
from topologies.mail.raw import read_raw
from topologies.ports.blobs import Blobs
from topologies.ports.directory import Directory
from topologies.ports.dkim_keys import DkimKey, DkimKeys
from topologies.ports.url_key import UrlKey

IN_THREAD_BYTES = 128 * 1024  # larger messages are hashed beside the event loop


class Opened:
    """A mail whose bytes are read when they are asked for, and once."""

    def __init__(self, mail: MailScored, blobs: Blobs) -> None:
        """Read nothing yet."""
        self.mail = mail
        self._blobs = blobs
        self._raw = mail.raw

    async def raw(self) -> bytes:
        """Return the message as it came.

        Raises:
            Retryable: The store of blobs is out of reach.
        """
        if self._raw is None:
            self._raw = await read_raw(self._blobs, self.mail.raw_ref)
        return self._raw


@dataclass(frozen=True, slots=True, kw_only=True)
class Forwarder:
    """What is needed to send mail on.

    Attributes:
        hostname: Ours.
    """

    directory: Directory
    blobs: Blobs
    keys: DkimKeys
    url_key: UrlKey
    hostname: str

    async def sent_on(
        self, opened: Opened, addresses: Sequence[str], via: str, *, sender_for: str = ""
    ) -> list[Event]:
        """Return what sends a mail on to *addresses*, none of which it has been to before.

        Args:
            opened: The mail.
            addresses: Of other systems, or of ours.
            via: The address here for which it goes on.
            sender_for: Where bounces go if no address can be made for the sender.

        Raises:
            Retryable: Something that is asked is out of reach.
        """
        mail = opened.mail
        here: list[str] = []
        elsewhere: list[str] = []
        events: list[Event] = []
        for address in dict.fromkeys(addresses):
            match (await self.directory.resolve(address)).status:
                case "local":
                    here.append(address)
                case "foreign" if not address.endswith("]"):
                    elsewhere.append(address)
                case _:
                    reason = "5.1.1 there is no such address to forward it to"
                    events.append(
                        MailUndeliverable(mail_id=mail.mail_id, recipient=address, reason=reason)
                    )
        raw = loops.delivered_to(via) + await opened.raw()
        if here:
            events.append(await self._received(mail, raw, here, via))
        if elsewhere:
            mail_from = await self.reverse_path(mail, via, sender_for=sender_for)
            events.append(await self._outgoing(mail, raw, elsewhere, via, mail_from))
        return events

    async def bounce_target(self, recipient: str, mail: MailScored) -> str | None:
        """Return whom a bounce to a reverse-path of ours is for; None if *recipient* is none.

        Raises:
            Retryable: The key is out of reach.
        """
        local = recipient.rpartition("@")[0]
        if not srs.is_one(local):
            return None
        try:
            return srs.original(local, srs.key_of(await self.url_key.get()), mail.received_at)
        except srs.NotOurs:
            return None

    async def reverse_path(self, mail: MailScored, via: str, *, sender_for: str = "") -> str:
        """Return the reverse-path under which *mail* is forwarded for *via*.

        Raises:
            Retryable: The directory or the key is out of reach.
        """
        sender = mail.mail_from
        if not sender or (await self.directory.resolve(sender)).status in ("local", "unknown"):
            return sender
        key = srs.key_of(await self.url_key.get())
        domain = via.rpartition("@")[2]
        made = srs.rewritten(sender, domain, key, mail.received_at)
        return made or sender_for or f"postmaster@{domain}"

    async def _received(
        self, mail: MailScored, raw: bytes, recipients: Sequence[str], via: str
    ) -> MailReceived:
        is_small, blob = await self._kept(raw)
        return MailReceived(
            mail_id=ids.derived_id(mail.received_at, "forwarded here", mail.mail_id, via),
            received_at=mail.received_at,
            origin="local",
            mail_from=mail.mail_from,
            recipients=tuple(recipients),
            size_bytes=len(raw),
            raw=raw if is_small else None,
            raw_blob=blob,
            # Who brought it stays known: it is judged again, and must come to the same.
            client_ip=mail.client_ip,
            client_name=mail.client_name,
            helo=mail.helo,
            tls=mail.tls,
            user_id=mail.user_id,
            helo_verdict=mail.helo_verdict,
            smtputf8=mail.smtputf8,
            body_type=mail.body_type,
            tls_required=mail.tls_required,
        )

    async def _outgoing(
        self, mail: MailScored, raw: bytes, recipients: Sequence[str], via: str, mail_from: str
    ) -> MailOutgoing:
        raw = await self._seal(mail, raw, via.rpartition("@")[2]) + raw
        is_small, blob = await self._kept(raw)
        return MailOutgoing(
            mail_id=ids.derived_id(mail.received_at, "forwarded", mail.mail_id, via),
            submitted_at=mail.received_at,
            mail_from=mail_from,
            recipients=tuple(recipients),
            size_bytes=len(raw),
            raw=raw if is_small else None,
            raw_blob=blob,
            kind="forwarded",
            sign=False,  # it is another's, and holds what they signed
            smtputf8=mail.smtputf8 or not all(a.isascii() for a in (mail_from, *recipients)),
            body_type=mail.body_type,
            tls_required=mail.tls_required,  # RFC 8689 §6
        )

    async def _seal(self, mail: MailScored, raw: bytes, domain: str) -> bytes:
        usable = [k for k in await self.keys.keys(domain) if k.signs_at(mail.received_at)]
        if not usable:
            return b""
        # Few who verify chains know Ed25519 yet.
        key = next((k for k in usable if k.algorithm == "rsa-sha256"), usable[0])
        if len(raw) > IN_THREAD_BYTES:
            return await asyncio.to_thread(_sealed, mail, raw, key, self.hostname)
        return _sealed(mail, raw, key, self.hostname)

    async def _kept(self, raw: bytes) -> tuple[bool, str | None]:
        if len(raw) <= RAW_INLINE_BYTES:
            return True, None
        [blob] = await self.blobs.put([raw])
        return False, blob


def _sealed(mail: MailScored, raw: bytes, key: DkimKey, hostname: str) -> bytes:
    known = authres.known(
        mail.authentication, authserv_id=hostname, mail_from=_safe(mail.mail_from)
    )
    return arc_seal.seal(
        raw,
        domain=key.domain,
        selector=key.selector,
        key=_parsed(key.private_key),
        said=authres.words(known),
        chain=mail.authentication.arc or ArcVerdict(result="none"),
        now=mail.received_at,
    )


@lru_cache(maxsize=1_024)
def _parsed(text: str) -> PrivateKey:
    return dkim_private.parse(text)


def _safe(sender: str) -> str:
    try:
        return str(mailbox_address.parse(sender)) if sender else ""
    except ValueError:
        return ""
