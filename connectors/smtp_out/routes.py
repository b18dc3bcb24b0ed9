"""Where the mail of a destination goes: hosts, their addresses, and how far each is trusted.

Asks the DNS (RFC 5321 §5.1), and what the domain promises about TLS. Addresses of our own network
or machine are left out, or whoever has a domain could have us talk to our own services.
"""

import asyncio
import ipaddress
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from connectors.smtp_out.policies import Policies
from connectors.smtp_out.trust import Need, Trust
from topologies.errors import Retryable
from topologies.mail import mx, next_host
from topologies.mail.dane import usable
from topologies.mail.domains import is_public_address
from topologies.mail.mta_sts import Policy
from topologies.ports.dns import Resolver, SignedNames

MOST_ADDRESSES = 4  # of one host that are tried


@dataclass(frozen=True, slots=True)
class Place:
    """One address to try."""

    host: str
    address: str
    port: int
    trust: Trust


class NoRoute(Exception):
    """There is nowhere to go now: the enhanced code and the words say why."""

    def __init__(self, enhanced: str, text: str, *, is_final: bool) -> None:
        super().__init__(text)
        self.enhanced = enhanced
        self.text = text
        self.is_final = is_final


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the deployment says about ways.

    Attributes:
        smarthost: Takes all mail; empty: each domain's own hosts.
        need: Of TLS, where a domain promises nothing.
    """

    ours: Collection[str]
    port: int = 25
    smarthost: str = ""
    smarthost_port: int = 25
    need: Need = "may"
    uses_ipv6: bool = True
    is_private_allowed: bool = False


class Routes:
    """Finds the way to a destination."""

    def __init__(
        self,
        resolver: Resolver,
        rules: Rules,
        *,
        policies: Policies | None = None,
        signed: SignedNames | None = None,
    ) -> None:
        """Ask nothing yet.

        Args:
            resolver: The DNS.
            rules: What the deployment says.
            policies: Of MTA-STS; None: nobody is asked for them.
            signed: The DNS, if it can be believed to have validated; None: no DANE.
        """
        self._resolver = resolver
        self._rules = rules
        self._policies = policies
        self._signed = signed

    async def to(self, destination: str, *, seed: str, via: str = "") -> Sequence[Place]:
        """Return the addresses to try, best first; one at least.

        Args:
            destination: A domain, or an address literal.
            seed: Says in which order hosts of one preference are asked.
            via: HOST or HOST:PORT that is asked in place of all others.

        Raises:
            NoRoute: There are none, now or for good.
        """
        rules = self._rules
        if via:
            host, port = next_host.parse(via)
            return await self._of_host(host, rules.port if port is None else port)
        if rules.smarthost:
            return await self._of_host(rules.smarthost, rules.smarthost_port)
        try:
            address = mx.literal(destination)
        except ValueError:
            raise NoRoute("5.1.2", f"{destination} is no address", is_final=True) from None
        if address is not None:
            self._check(destination, [address])
            return [Place(address, address, rules.port, Trust(rules.need))]
        return await self._by_mx(destination, seed)

    async def _of_host(self, host: str, port: int) -> Sequence[Place]:
        """Return the addresses of a host that somebody chose: private ones are meant so."""
        found = await self._addresses(host)
        if not found:
            raise NoRoute("4.4.4", f"{host} has no address", is_final=False)
        return [Place(host, address, port, Trust(self._rules.need)) for address in found]

    async def _by_mx(self, domain: str, seed: str) -> Sequence[Place]:
        rules = self._rules
        try:
            records = await self._resolver.mx(domain)
        except Retryable as error:
            raise NoRoute("4.4.3", str(error), is_final=False) from None
        hosts = mx.hosts_of(domain, records, ours=rules.ours, seed=seed)
        if isinstance(hosts, mx.Refusal):
            raise NoRoute(hosts.enhanced, hosts.text, is_final=True)
        policy = await self._policies.of(domain) if self._policies is not None else None
        found = await asyncio.gather(*map(self._found, hosts))
        self._check_found(domain, has_mx=bool(records), found=found)
        places: list[Place] = []
        is_signed = await self._is_signed(domain, "MX")
        for host, addresses in zip(hosts, found, strict=True):
            allowed = self._allowed(addresses) if isinstance(addresses, list) else []
            if allowed and (trust := await self._trust(host, policy, is_signed=is_signed)):
                places += [Place(host, address, rules.port, trust) for address in allowed]
        if not places:
            raise NoRoute(
                "4.7.5", f"no host of {domain} can be trusted as it promises", is_final=False
            )
        return places

    def _check_found(
        self, domain: str, *, has_mx: bool, found: Sequence[list[str] | Retryable]
    ) -> None:
        """Raise NoRoute if no host has an address that may be tried."""
        addresses = [address for each in found if isinstance(each, list) for address in each]
        if self._allowed(addresses):
            return
        failures = [each for each in found if isinstance(each, Retryable)]
        if failures:
            raise NoRoute("4.4.3", str(failures[0]), is_final=False)
        if not addresses and not has_mx:
            raise NoRoute("5.1.2", f"there is no domain {domain} with mail", is_final=True)
        if not addresses:
            raise NoRoute("5.4.4", f"no host of {domain} has an address", is_final=True)
        self._check(domain, addresses)

    def _check(self, destination: str, addresses: Sequence[str]) -> None:
        if not self._allowed(addresses):
            raise NoRoute(
                "5.4.4",
                f"{destination} has private addresses alone: no mail is sent there",
                is_final=True,
            )

    def _allowed(self, addresses: Sequence[str]) -> list[str]:
        if self._rules.is_private_allowed:
            return list(addresses)
        return [address for address in addresses if is_public_address(address)]

    async def _found(self, host: str) -> list[str] | Retryable:
        try:
            return await self._addresses(host)
        except NoRoute as error:
            return Retryable(error.text)

    async def _addresses(self, host: str) -> list[str]:
        """Return the addresses of *host*, IPv4 before IPv6.

        Raises:
            NoRoute: Nobody knows.
        """
        with suppress(ValueError):
            return [str(ipaddress.ip_address(host))]
        found: list[str] = []
        failure: Retryable | None = None
        for ipv6 in (False, True) if self._rules.uses_ipv6 else (False,):
            try:
                found += (await self._resolver.addresses(host, ipv6=ipv6))[:MOST_ADDRESSES]
            except Retryable as error:
                failure = failure or error
        if not found and failure is not None:
            raise NoRoute("4.4.3", str(failure), is_final=False)
        return found[:MOST_ADDRESSES]

    async def _trust(self, host: str, policy: Policy | None, *, is_signed: bool) -> Trust | None:
        """Return what is asked of *host*; None: it may not be used."""
        need = self._rules.need
        if is_signed and self._signed is not None:
            try:
                if await self._is_signed(host, "A") or await self._is_signed(host, "AAAA"):
                    records = await self._signed.tlsa(f"_{self._rules.port}._tcp.{host}")
                    if records:
                        return Trust("must", usable(records))
            except Retryable:
                return None  # RFC 7672 §2.1: who can't be asked may be kept from answering
        if policy is None or policy.mode != "enforce":
            return Trust(need)
        return Trust("verified") if policy.names(host) else None

    async def _is_signed(self, name: str, kind: Literal["MX", "A", "AAAA"]) -> bool:
        if self._signed is None:
            return False
        try:
            return await self._signed.is_signed(name, kind)
        except Retryable:
            return False


def target_of(text: str, otherwise: int) -> tuple[str, int]:
    """Return host and port in ``host``, ``host:port`` or ``[address]:port``.

    Raises:
        ValueError: The port is no number.
    """
    host, colon, port = text.rpartition(":")
    if not colon or (":" in host and not host.startswith("[")):
        return text.strip("[]"), otherwise
    return host.strip("[]"), int(port)
