"""Whether the DNS tells of a domain what it should: each record asked for and judged.

Asks a ``Resolver``. A record need not be ours word for word: it has to do what ours would. SPF is
judged as a receiver would, for each address of our host. The MTA-STS policy is fetched as senders
fetch it.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from topologies.errors import Retryable
from topologies.mail import dkim_key, dmarc, mta_sts
from topologies.mail.dmarc import Policy
from topologies.mail.domain_records import WantedRecord, What
from topologies.mail.spf import check_host
from topologies.ports.dns import Resolver

State = Literal["ok", "missing", "wrong", "unknown"]
Fetch = Callable[[str], Awaitable[str]]  # of a host: its policy file; else OSError or ValueError


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """How it stands with one record.

    Attributes:
        state: ``unknown``: the DNS gave no answer.
        found: What is there.
        reason: What is wrong, or to be known; empty: nothing.
    """

    what: What | Literal["host", "reverse", "policy"]
    name: str
    state: State
    is_needed: bool = True
    found: str = ""
    reason: str = ""


async def check(
    dns: Resolver, domain: str, hostname: str, records: Sequence[WantedRecord]
) -> Sequence[Found]:
    """Return how it stands with our host, and with each of *records*."""
    addresses = await _addresses(dns, hostname)
    found = [_host(hostname, addresses)]
    if isinstance(addresses, list):
        found += [await _reverse(dns, hostname, each) for each in addresses]
    for record in records:
        try:
            found.append(await _record(dns, domain, hostname, record, addresses))
        except Retryable as error:
            found.append(_told(record, "unknown", reason=str(error)))
    return found


async def check_policy(dns: Resolver, domain: str, policy: str, fetch: Fetch) -> Sequence[Found]:
    """Return how it stands with the MTA-STS policy of *domain*.

    Args:
        dns: Is asked for its MX.
        domain: One of ours, in ASCII.
        policy: The file that is to be served.
        fetch: Gets the one that is served.
    """
    name = f"{mta_sts.HOST}{domain}"
    try:
        hosts = [host for _, host in await dns.mx(domain)]
        served = await fetch(name)
    except (OSError, ValueError, Retryable) as error:
        reason = f"it can't be fetched: {error or type(error).__name__}"
        return [Found(what="policy", name=name, state="missing", is_needed=False, reason=reason)]
    lines = " | ".join(served.split("\n")).replace("\r", "").removesuffix(" | ")
    state, reason = _judged_policy(policy, served, hosts)
    told = Found(what="policy", name=name, state=state, is_needed=False, found=lines, reason=reason)
    return [told]


def _judged_policy(policy: str, served: str, hosts: Sequence[str]) -> tuple[State, str]:
    try:
        ours, theirs = mta_sts.parse(policy), mta_sts.parse(served)
    except ValueError as error:
        return "wrong", str(error)
    if ours != theirs:
        return "wrong", "another one is served than is set here"
    unnamed = [host for host in hosts if not ours.names(host)]
    if ours.mode != "none" and unnamed:
        # RFC 8461 §4.2: a sender that honours it does not deliver there.
        return "wrong", f"it does not name {', '.join(unnamed)}, which the MX does"
    return "ok", "" if ours.mode == "enforce" else f"mode {ours.mode}: it protects nothing yet"


async def _addresses(dns: Resolver, hostname: str) -> list[str] | Retryable:
    try:
        return [
            *(await dns.addresses(hostname, ipv6=False)),
            *(await dns.addresses(hostname, ipv6=True)),
        ]
    except Retryable as error:
        return error


def _host(hostname: str, addresses: list[str] | Retryable) -> Found:
    if isinstance(addresses, Retryable):
        return Found(what="host", name=hostname, state="unknown", reason=str(addresses))
    if not addresses:
        reason = "our host has no address: add A or AAAA, or set RILLMAIL_HOSTNAME"
        return Found(what="host", name=hostname, state="missing", reason=reason)
    return Found(what="host", name=hostname, state="ok", found=", ".join(addresses))


async def _reverse(dns: Resolver, hostname: str, address: str) -> Found:
    """Judge whether *address* is called as we are, which many receivers want."""
    try:
        names = [name.lower().rstrip(".") for name in await dns.ptr(address)]
    except Retryable as error:
        return Found(what="reverse", name=address, state="unknown", reason=str(error))
    if hostname.lower() in names:
        return Found(what="reverse", name=address, state="ok", found=hostname)
    return Found(
        what="reverse",
        name=address,
        state="wrong" if names else "missing",
        found=", ".join(names),
        reason=f"let its PTR be {hostname}",
    )


async def _record(
    dns: Resolver,
    domain: str,
    hostname: str,
    record: WantedRecord,
    addresses: list[str] | Retryable,
) -> Found:
    match record.what:
        case "mx":
            return await _mx(dns, hostname, record)
        case "spf":
            return await _spf(dns, domain, hostname, record, addresses)
        case "dkim":
            return await _dkim(dns, record)
        case "dmarc":
            return await _dmarc(dns, domain, record)
        case "mta-sts" | "tls-rpt":
            return await _optional(dns, record)


async def _optional(dns: Resolver, record: WantedRecord) -> Found:
    version = record.value.partition(";")[0]
    texts = [t for t in await dns.txt(record.name) if t.startswith(version)]
    if len(texts) > 1:
        return _told(record, "wrong", texts, "there are several")
    if not texts:
        return _told(record, "missing")
    if record.what == "mta-sts":
        wanted = mta_sts.policy_id([record.value])
        if mta_sts.policy_id(texts) != wanted:
            # RFC 8461 §3.1: who has fetched a policy of that id fetches it no more.
            return _told(record, "wrong", texts, f"its id is not {wanted}: senders keep the old")
    return _told(record, "ok", texts)


async def _mx(dns: Resolver, hostname: str, record: WantedRecord) -> Found:
    hosts = [f"{preference} {host}" for preference, host in await dns.mx(record.name)]
    if not hosts:
        return _told(record, "missing")
    if any(each.partition(" ")[2].lower() == hostname.lower() for each in hosts):
        return _told(record, "ok", hosts)
    return _told(record, "wrong", hosts, f"{hostname} is not among them")


async def _spf(
    dns: Resolver,
    domain: str,
    hostname: str,
    record: WantedRecord,
    addresses: list[str] | Retryable,
) -> Found:
    texts = [t for t in await dns.txt(domain) if t.lower().partition(" ")[0] == "v=spf1"]
    if not texts:
        return _told(record, "missing")
    if len(texts) > 1:
        return _told(record, "wrong", texts, "there are several, which is an error")
    for address in addresses if isinstance(addresses, list) else ():
        verdict = await check_host(
            dns, client_ip=address, mail_from=f"postmaster@{domain}", helo=hostname
        )
        if verdict.result != "pass":
            return _told(record, "wrong", texts, f"it says {verdict.result} of {address}")
    return _told(record, "ok", texts)


async def _dkim(dns: Resolver, record: WantedRecord) -> Found:
    texts = list(await dns.txt(record.name))
    if not texts:
        return _told(record, "missing")
    try:
        is_ours = dkim_key.parse(texts[0]) == dkim_key.parse(record.value)
    except dkim_key.KeyUnusable as error:
        return _told(record, "wrong", texts, str(error))
    if len(texts) > 1:
        return _told(record, "wrong", texts, "there are several")
    return _told(record, "ok", texts) if is_ours else _told(record, "wrong", texts, "another key")


async def _dmarc(dns: Resolver, domain: str, record: WantedRecord) -> Found:
    texts = [t for t in await dns.txt(record.name) if dmarc.is_record(t)]
    policy = await dmarc.discover(dns, domain)
    if isinstance(policy, Policy):
        note = "p=none: what is forged is only reported" if policy.wish == "none" else ""
        return _told(record, "ok", texts, note)
    if policy.result == "temperror":
        return _told(record, "unknown", texts)
    return _told(record, "wrong" if texts else "missing", texts)


def _told(record: WantedRecord, state: State, found: Sequence[str] = (), reason: str = "") -> Found:
    return Found(
        what=record.what,
        name=record.name,
        state=state,
        is_needed=record.is_needed,
        found=" | ".join(found),
        reason=reason or (record.note if state == "ok" else ""),
    )
