"""SPF: whether a domain lets a host send mail in its name (RFC 7208).

Decides by the domain's records, which it asks for one after the other, and counts what it
asks: who publishes a record can't make us ask without end. Explanations (`exp=`) are not
fetched, since nobody is refused by what is decided here.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from topologies.errors import Retryable
from topologies.events.inbound import SpfResult
from topologies.mail import spf_macros
from topologies.mail.mailbox_address import domain_in_ascii
from topologies.mail.spf_record import Mechanism, Record, SpfSyntaxError, parse, selected
from topologies.ports.dns import Resolver

MOST_TERMS = 10  # RFC 7208 §4.6.4: of those that ask the DNS
MOST_VOID = 2  # look-ups that find nothing
MOST_NAMES = 10  # of one MX or PTR answer
LABEL_CHARACTERS = 63

T = TypeVar("T")
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class SpfVerdict:
    """What a domain says about a host."""

    result: SpfResult
    domain: str  # whose policy was asked for; empty if there was none to ask
    reason: str = ""  # for temperror and permerror


class _Permanent(Exception):
    """The record is wrong: permerror."""


async def check_host(dns: Resolver, *, client_ip: str, mail_from: str, helo: str) -> SpfVerdict:
    """Return the verdict on *client_ip* sending as *mail_from*, or as *helo* if that is empty.

    Args:
        dns: Whom to ask.
        client_ip: Textual IPv4 or IPv6.
        mail_from: The reverse-path without <>; empty for bounces.
        helo: As the client said it.
    """
    # RFC 7208 §2.4: bounces are judged as postmaster@ the name in HELO.
    local, at, domain = mail_from.rpartition("@")
    if not at:
        local, domain = "postmaster", mail_from or helo
    domain = _in_ascii(domain.rstrip("."))
    try:
        address = ipaddress.ip_address(client_ip.partition("%")[0])
    except ValueError:
        return SpfVerdict("none", "")
    # RFC 7208 §4.3: what is no name with two labels has no policy.
    if not _is_name(domain):
        return SpfVerdict("none", "")
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped  # §5
    check = _Check(dns, address, local=local or "postmaster", sender_domain=domain, helo=helo)
    try:
        return SpfVerdict(await check.of(domain), domain)
    except (_Permanent, SpfSyntaxError) as error:
        return SpfVerdict("permerror", domain, str(error))
    except Retryable as error:
        return SpfVerdict("temperror", domain, str(error))


@dataclass(slots=True)
class _Check:
    """One evaluation, and what it has asked so far."""

    dns: Resolver
    address: Address
    local: str
    sender_domain: str
    helo: str
    terms: int = 0
    voids: int = 0
    names: Sequence[str] | None = None  # by PTR, validated

    async def of(self, domain: str) -> SpfResult:
        """Return what the record of *domain* says; the function check_host of the RFC."""
        records = selected(await self.dns.txt(domain))
        if not records:
            return "none"
        if len(records) > 1:
            raise _Permanent(f"{domain} has {len(records)} SPF records")
        record = parse(records[0])
        for mechanism in record.mechanisms:
            if await self._matches(mechanism, domain):
                return mechanism.result
        return await self._redirected(record, domain)

    async def _redirected(self, record: Record, domain: str) -> SpfResult:
        if not record.redirect:
            return "neutral"  # §4.7
        self._count()
        target = await self._expanded(record.redirect, domain)
        result = await self.of(target) if _is_name(target) else "none"
        if result == "none":
            raise _Permanent(f"redirect={target} has no SPF record")  # §6.1
        return result

    async def _matches(self, mechanism: Mechanism, domain: str) -> bool:
        match mechanism.name:
            case "all":
                return True
            case "ip4" | "ip6":
                network = mechanism.network
                return network is not None and self.address in network
            case _:
                self._count()
        target = await self._expanded(mechanism.spec, domain) if mechanism.spec else domain
        match mechanism.name:
            case "include":
                return await self._included(target)
            case "a":
                return self._is_among(await self._addresses(target), mechanism)
            case "mx":
                return await self._is_exchanger(target, mechanism)
            case "exists":
                # §5.7: always A, whatever the client has
                return bool(self._void(await self.dns.addresses(target, ipv6=False)))
            case _:
                return await self._is_named(target)

    async def _included(self, target: str) -> bool:
        result = await self.of(target) if _is_name(target) else "none"
        if result == "none":
            raise _Permanent(f"include:{target} has no SPF record")  # §5.2
        return result == "pass"

    async def _is_exchanger(self, target: str, mechanism: Mechanism) -> bool:
        exchangers = self._void(await self.dns.mx(target))
        if len(exchangers) > MOST_NAMES:
            raise _Permanent(f"mx:{target} has more than {MOST_NAMES} hosts")  # §4.6.4
        for _, host in exchangers:
            if host and self._is_among(await self._addresses(host), mechanism):
                return True
        return False

    async def _is_named(self, target: str) -> bool:
        suffix = target.lower().rstrip(".")
        return any(n == suffix or n.endswith("." + suffix) for n in await self._validated())

    async def _validated(self) -> Sequence[str]:
        """Return the names by reverse look-up that lead back to the client (§5.5)."""
        if self.names is None:
            found: list[str] = []
            try:
                claimed = self._void(await self.dns.ptr(str(self.address)))
            except Retryable:
                claimed = ()  # §5.5: then the mechanism does not match
            for name in claimed[:MOST_NAMES]:
                try:
                    addresses = await self._addresses(name)
                except Retryable:
                    continue
                if any(ipaddress.ip_address(a) == self.address for a in addresses):
                    found.append(name.lower().rstrip("."))
            self.names = found
        return self.names

    async def _addresses(self, name: str) -> Sequence[str]:
        ipv6 = self.address.version == 6
        return self._void(await self.dns.addresses(name, ipv6=ipv6))

    def _is_among(self, addresses: Sequence[str], mechanism: Mechanism) -> bool:
        bits = self.address.max_prefixlen - (
            mechanism.bits4 if self.address.version == 4 else mechanism.bits6
        )
        wanted = int(self.address) >> bits
        return any(int(ipaddress.ip_address(address)) >> bits == wanted for address in addresses)

    async def _expanded(self, spec: str, domain: str) -> str:
        if "%" not in spec:
            return spec.rstrip(".")
        address = self.address
        values = {
            "s": f"{self.local}@{self.sender_domain}",
            "l": self.local,
            "o": self.sender_domain,
            "d": domain,
            "i": ".".join(address.exploded.replace(":", ""))
            if address.version == 6
            else str(address),
            "v": "ip6" if address.version == 6 else "in-addr",
            "h": self.helo,
        }
        if spf_macros.needs_validated_name(spec):
            values["p"] = self._best_name(await self._validated(), domain)
        return spf_macros.fitted(spf_macros.expand(spec, values).rstrip("."))

    def _best_name(self, names: Sequence[str], domain: str) -> str:
        # §7.3: the domain itself, else one below it, else any
        domain = domain.lower()
        below = [name for name in names if name.endswith("." + domain)]
        return next((n for n in names if n == domain), next(iter([*below, *names]), "unknown"))

    def _count(self) -> None:
        self.terms += 1
        if self.terms > MOST_TERMS:
            raise _Permanent(f"the record takes more than {MOST_TERMS} look-ups")

    def _void(self, answer: Sequence[T]) -> Sequence[T]:
        if not answer:
            self.voids += 1
            if self.voids > MOST_VOID:
                raise _Permanent(f"more than {MOST_VOID} of its look-ups find nothing")
        return answer


def _is_name(domain: str) -> bool:
    labels = domain.split(".")
    return (
        len(labels) > 1
        and len(domain) <= spf_macros.LONGEST_NAME
        and not domain.startswith("[")
        and all(0 < len(label) <= LABEL_CHARACTERS for label in labels)
    )


def _in_ascii(domain: str) -> str:
    if domain.isascii():
        return domain
    try:
        return domain_in_ascii(domain)
    except ValueError:
        return ""
