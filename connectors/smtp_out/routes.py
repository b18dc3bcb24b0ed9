"""Where the mail of a destination goes: hosts, their addresses, and how far each is trusted.

Asks the DNS (RFC 5321 §5.1), and what the domain promises about TLS. Addresses of our own network
or machine are left out, or whoever has a domain could have us talk to our own services.
"""

import asyncio
import ipaddress
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal

from connectors.smtp_out.policies import Policies
from connectors.smtp_out.trust import Need, Promise, Trust
from topologies.errors import Retryable
from topologies.events import TlsRequired
from topologies.mail import mta_sts, mx, next_host, require_tls
from topologies.mail.dane import usable, written
from topologies.mail.domains import is_public_address
from topologies.mail.mta_sts import Policy
from topologies.ports.dns import Resolver, SignedNames, Tlsa

MOST_ADDRESSES = 4  # of one host that are tried
NOT_NAMED = "validation-failure"  # RFC 8460 §4.3.3: of a host that a policy does not name


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

    async def to(
        self, destination: str, *, seed: str, via: str = "", tls_required: TlsRequired = ""
    ) -> Sequence[Place]:
        """Return the addresses to try, best first; one at least.

        Args:
            destination: A domain, or an address literal.
            seed: Says in which order hosts of one preference are asked.
            via: HOST or HOST:PORT that is asked in place of all others.
            tls_required: What the sender asks of TLS (RFC 8689).

        Raises:
            NoRoute: There are none, now or for good.
        """
        rules = self._rules
        chosen = Trust("verified" if tls_required == "yes" else rules.need)
        if via:
            host, port = next_host.parse(via)
            return await self._of_host(host, rules.port if port is None else port, chosen)
        if rules.smarthost:
            return await self._of_host(rules.smarthost, rules.smarthost_port, chosen)
        try:
            address = mx.literal(destination)
        except ValueError:
            raise NoRoute("5.1.2", f"{destination} is no address", is_final=True) from None
        if address is not None:
            self._check(destination, [address])
            return [Place(address, address, rules.port, chosen)]
        return await self._by_mx(destination, seed, tls_required)

    async def _of_host(self, host: str, port: int, trust: Trust) -> Sequence[Place]:
        """Return the addresses of a host that somebody chose: private ones are meant so."""
        found = await self._addresses(host)
        if not found:
            raise NoRoute("4.4.4", f"{host} has no address", is_final=False)
        return [Place(host, address, port, trust) for address in found]

    async def _by_mx(self, domain: str, seed: str, tls_required: TlsRequired) -> Sequence[Place]:
        rules = self._rules
        try:
            records = await self._resolver.mx(domain)
        except Retryable as error:
            raise NoRoute("4.4.3", str(error), is_final=False) from None
        hosts = mx.hosts_of(domain, records, ours=rules.ours, seed=seed)
        if isinstance(hosts, mx.Refusal):
            raise NoRoute(hosts.enhanced, hosts.text, is_final=True)
        try:
            # RFC 7672 §2.1: who can't tell whether it is signed has not told where it is.
            is_signed = tls_required != "no" and await self._is_signed(domain, "MX")
        except Retryable as error:
            raise NoRoute("4.4.3", str(error), is_final=False) from None
        asked = _Asked(
            domain=domain,
            policy=await self._policies.of(domain) if self._policies is not None else None,
            trouble=self._policies.trouble(domain) if self._policies is not None else "",
            is_signed=is_signed,
            tls_required=tls_required,
        )
        found = await asyncio.gather(*map(self._found, hosts))
        self._check_found(domain, has_mx=bool(records), found=found)
        places: list[Place] = []
        unheard: Retryable | None = None
        for host, addresses in zip(hosts, found, strict=True):
            allowed = self._allowed(addresses) if isinstance(addresses, list) else []
            try:
                trust = await self._trust(host, asked) if allowed else None
            except Retryable as error:
                # RFC 7672 §2.1: who can't be asked may be kept from answering.
                unheard, trust = error, None
            if trust is not None:
                places += [Place(host, address, rules.port, trust) for address in allowed]
        if not places:
            failures = [each for each in (*found, unheard) if isinstance(each, Retryable)]
            raise await self._nobody_trusted(asked, is_heard=not failures)
        return places

    async def _nobody_trusted(self, asked: "_Asked", *, is_heard: bool) -> NoRoute:
        """Return why no host of a domain may have the mail; *is_heard*: all have been asked."""
        promised = NoRoute(
            "4.7.5", f"no host of {asked.domain} can be trusted as it promises", is_final=False
        )
        if asked.tls_required != "yes" or not is_heard:
            return promised
        try:
            if self._policies is not None:
                await self._policies.of(asked.domain, must_know=True)
            if self._signed is not None:
                await self._signed.is_signed(asked.domain, "MX")
        except Retryable as error:  # who vouches for it may be heard later
            return NoRoute("4.4.3", str(error), is_final=False)
        refusal = require_tls.NOT_PROVED  # RFC 8689 §4.2.1
        return NoRoute(refusal.enhanced, refusal.text, is_final=True)

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

    async def _trust(self, host: str, asked: "_Asked") -> Trust | None:
        """Return what is asked of *host*; None: it may not be used.

        Raises:
            Retryable: It can't be told now.
        """
        need, policy, promise = self._rules.need, asked.policy, asked.promise
        if asked.tls_required == "no":
            # RFC 8689 §4.2.2: the sender wants it there, whatever the domain promises.
            return Trust(need, promise=promise)
        is_required = asked.tls_required == "yes"
        if asked.is_signed and (records := await self._tlsa(host)):
            told = Promise("tlsa", tuple(map(written, records)))
            if is_required and not usable(records):
                return Trust("verified", promise=told)
            return Trust("must", usable(records), promise=told)
        if policy is not None and policy.mode == "enforce":
            return Trust("verified", promise=promise) if policy.names(host) else None
        if is_required:
            return Trust("verified", promise=promise) if asked.vouches_for(host) else None
        if policy is None or policy.mode != "testing":
            return Trust(need, promise=promise)
        if not policy.names(host):
            return Trust(need, promise=replace(promise, trouble=NOT_NAMED))
        return Trust(need, is_tested=True, promise=promise)

    async def _tlsa(self, host: str) -> Sequence[Tlsa]:
        """Return the TLSA records of *host*, if they and its address are signed.

        Raises:
            Retryable: Nobody answers.
        """
        if self._signed is None or not await self._has_signed_address(host):
            return ()
        return await self._signed.tlsa(f"_{self._rules.port}._tcp.{host}")

    async def _has_signed_address(self, host: str) -> bool:
        kinds: tuple[Literal["A", "AAAA"], ...] = ("A", "AAAA")
        unheard: list[Retryable] = []
        for kind in kinds:
            try:
                if await self._is_signed(host, kind):
                    return True
            except Retryable as error:
                unheard.append(error)
        if len(unheard) == len(kinds):  # else one of them has told of the zone of both
            raise unheard[0]
        return False

    async def _is_signed(self, name: str, kind: Literal["MX", "A", "AAAA"]) -> bool:
        """Return whether what the DNS says of *name* is signed.

        Raises:
            Retryable: It does not tell.
        """
        return self._signed is not None and await self._signed.is_signed(name, kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What is known of a domain when its hosts are judged.

    Attributes:
        policy: Of MTA-STS.
        trouble: Why there is none, though it has one.
        is_signed: The DNS vouches for its MX.
        tls_required: What the sender asks.
    """

    domain: str
    policy: Policy | None
    trouble: str
    is_signed: bool
    tls_required: TlsRequired

    @property
    def promise(self) -> Promise:
        """What the domain promises by MTA-STS."""
        if self.policy is not None and self.policy.mode != "none":
            return Promise("sts", tuple(mta_sts.written(self.policy).splitlines()))
        return Promise("sts", trouble=self.trouble) if self.trouble else Promise()

    def vouches_for(self, host: str) -> bool:
        """Tell whether *host* is known to be of the domain: whoever is in between can forge an MX.

        The signed DNS or a policy says so (RFC 8689 §4.2.1); or its name is the domain's or one
        below it, for which nobody else has a certificate.
        """
        is_own = host == self.domain or host.endswith(f".{self.domain}")
        is_named = self.policy is not None and self.policy.names(host)
        return self.is_signed or is_named or is_own
