"""DMARC without a list of suffixes: the DNS itself is asked who an organization is (RFC 9989).

The successor of RFC 7489 finds policies and organizations by one walk from a name up to the
root. Asks the DNS: at most eight names for each walk, whatever the name.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from topologies.errors import Retryable
from topologies.events.inbound import DkimVerdict
from topologies.mail.dmarc import (
    DmarcSyntaxError,
    DmarcVerdict,
    Policy,
    evaluate,
    is_record,
    parse,
)
from topologies.mail.spf import SpfVerdict
from topologies.ports.dns import Resolver

MOST_NAMES = 8  # RFC 9989 §4.10: asked for in one walk


@dataclass(frozen=True, slots=True)
class Walk:
    """What was found on the way from a name to the root."""

    start: str
    found: tuple[tuple[str, Policy | None], ...]  # by name, longest first; None: it is wrong

    @property
    def organization(self) -> str:
        """The organizational domain of the name (RFC 9989 §4.10.2)."""
        for name, policy in self.found:
            if policy is not None and policy.psd == "n":
                return name
            if policy is not None and policy.psd == "y" and name != self.start:
                return ".".join(self.start.split(".")[-name.count(".") - 2 :])
        return self.found[-1][0] if self.found else self.start

    def policy(self) -> Policy | None:
        """Return the policy that applies to the name, or None (§4.10.1).

        Raises:
            DmarcSyntaxError: It wishes nothing that can be read.
        """
        policies = dict(self.found)
        suffix = next((name for name, p in self.found if p is not None and p.psd == "y"), "")
        for name in (self.start, self.organization, suffix):
            if name in policies:
                policy = policies[name]
                if policy is None:
                    raise DmarcSyntaxError(f"{name}: p= or sp= is no policy")
                return policy
        return None


async def walk(dns: Resolver, start: str) -> Walk:
    """Ask for the records of *start* and the names above it.

    Raises:
        Retryable: The DNS does not answer.
    """
    found: list[tuple[str, Policy | None]] = []
    for name in _names(start):
        records = [r for r in await dns.txt(f"_dmarc.{name}") if is_record(r)]
        if len(records) != 1:
            continue
        try:
            policy = parse(records[0], name)
        except DmarcSyntaxError:
            found.append((name, None))
            continue
        found.append((name, policy))
        if policy.psd == "n" or (policy.psd == "y" and name != start):
            break
    return Walk(start, tuple(found))


async def judge(
    dns: Resolver, from_domain: str, spf: SpfVerdict, dkim: Sequence[DkimVerdict]
) -> DmarcVerdict:
    """Return whether one proof is of the organization that *from_domain* belongs to."""
    try:
        here = await walk(dns, from_domain)
        policy = here.policy()
        if policy is None:
            return DmarcVerdict("none")
        policy = await _as_applied(dns, policy, from_domain)
        organizations = {from_domain: here.organization}
        proved = {spf.domain} if spf.result == "pass" else set[str]()
        proved |= {verdict.domain for verdict in dkim if verdict.result == "pass"}
        for name in {name.lower().rstrip(".") for name in proved} - {from_domain}:
            # Nobody else can be of it, so nobody else need be asked for.
            if f".{name}".endswith(f".{here.organization}"):
                organizations[name] = (await walk(dns, name)).organization
    except Retryable:
        return DmarcVerdict("temperror")
    except DmarcSyntaxError:
        return DmarcVerdict("permerror")
    return evaluate(
        policy, from_domain, spf, dkim, organization=lambda name: organizations.get(name, name)
    )


async def _as_applied(dns: Resolver, policy: Policy, from_domain: str) -> Policy:
    """Return *policy* by the rules of RFC 9989 §4.7 for the tags that RFC 7489 did not know."""
    below = policy.wish_below
    if policy.domain != from_domain and policy.wish_absent is not None:
        below = below if await _exists(dns, from_domain) else policy.wish_absent
    if policy.is_test:
        return replace(policy, wish="none", wish_below="none", percent=100)
    return replace(policy, wish_below=below, percent=100)


async def _exists(dns: Resolver, name: str) -> bool:
    """Return whether mail or hosts are to be found at *name* (§3.2.13)."""
    return bool(
        await dns.mx(name)
        or await dns.addresses(name, ipv6=False)
        or await dns.addresses(name, ipv6=True)
    )


def _names(start: str) -> Iterator[str]:
    """Yield the names to ask for, the longest first."""
    yield start
    labels = start.split(".")
    if not all(labels):
        return  # it is no name
    for count in range(min(len(labels), MOST_NAMES) - 1, 0, -1):
        yield ".".join(labels[-count:])
