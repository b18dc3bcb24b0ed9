"""The MTA-STS policies of domains: fetched over HTTPS, and kept as long as they say (RFC 8461).

In memory alone: a process that starts anew asks again. A policy that can't be fetched, and was
not, is as if there was none (§5).
"""

import asyncio
import ssl
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from topologies.errors import Retryable
from topologies.mail.domains import is_public_address
from topologies.mail.mta_sts import HOST, PATH, POLICY_BYTES, Policy, parse, policy_id
from topologies.ports.clock import Clock
from topologies.ports.dns import Resolver

FETCH_TIMEOUT_S = 15.0  # §3.3: one minute is suggested; a mail waits for it
ASK_AGAIN_AFTER = timedelta(minutes=5)  # when it could not be fetched
MOST_KEPT = 10_000
MOST_ADDRESSES = 4  # of one host that are tried
HEADER_BYTES = 16 * 1024

Fetch = Callable[[str], Awaitable[str]]  # of a host: the text of its policy file

_logger = structlog.get_logger("delivery")


@dataclass(frozen=True, slots=True)
class _Kept:
    """What was found of one domain; without a policy: that there was none to be had.

    Attributes:
        asked_id: Of the policy that was asked for last.
        until: How long the policy holds.
        ask_at: When it is asked for anew, though its id is the same.
        trouble: Result type of RFC 8460 §4.3.2.
    """

    asked_id: str
    policy: Policy | None
    until: datetime
    ask_at: datetime
    trouble: str = ""


class Policies:
    """The policies of the domains that mail goes to."""

    def __init__(self, resolver: Resolver, clock: Clock, fetch: Fetch) -> None:
        """Ask for nothing yet.

        Args:
            resolver: Tells whether a domain has a policy.
            clock: Tells whether what is kept is too old.
            fetch: Gets a policy file; what goes wrong is an OSError or ValueError.
        """
        self._resolver = resolver
        self._clock = clock
        self._fetch = fetch
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    def trouble(self, domain: str) -> str:
        """Return why the policy that *domain* has can't be read; empty: it has none, or it can."""
        kept = self._kept.get(domain)
        is_now = kept is not None and kept.policy is None and self._clock.now() < kept.until
        return kept.trouble if kept is not None and is_now else ""

    async def of(self, domain: str, *, must_know: bool = False) -> Policy | None:
        """Return the policy of *domain* that is in force.

        Raises:
            Retryable: If *must_know*: it can't be told now whether there is one, and which.
        """
        now = self._clock.now()
        kept = self._kept.get(domain)
        if kept is not None and kept.until <= now:
            kept = None
        try:
            wanted = policy_id(await self._resolver.txt(f"_mta-sts.{domain}"))
        except Retryable:
            if must_know and (kept is None or kept.policy is None):
                raise
            wanted = None
        # §5.1: a policy that is kept holds, whatever the DNS says today.
        if wanted is None or (kept is not None and kept.asked_id == wanted and now < kept.ask_at):
            if must_know and kept is not None and kept.policy is None:
                raise Retryable(f"the MTA-STS policy of {domain} can't be read")
            return kept.policy if kept is not None else None
        try:
            policy = parse(await self._fetch(f"{HOST}{domain}"))
        except (OSError, ValueError, TimeoutError) as error:
            _logger.info("mta-sts.unreadable", domain=domain, reason=str(error))
            again_at = now + ASK_AGAIN_AFTER
            if kept is not None and kept.policy is not None:
                self._keep(domain, replace(kept, asked_id=wanted, ask_at=again_at))
                return kept.policy
            self._keep(domain, _Kept(wanted, None, again_at, again_at, _trouble_of(error)))
            if must_know:
                raise Retryable(f"the MTA-STS policy of {domain} can't be read: {error}") from error
            return None
        age = timedelta(seconds=policy.max_age_s)
        # §10.2: anew long before it ends, or who blocks HTTPS in that moment is rid of it.
        self._keep(domain, _Kept(wanted, policy, now + age, now + age / 2))
        return policy

    def _keep(self, domain: str, kept: _Kept) -> None:
        self._kept[domain] = kept
        self._kept.move_to_end(domain)
        while len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)


def _trouble_of(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return "sts-webpki-invalid"
    return "sts-policy-invalid" if isinstance(error, ValueError) else "sts-policy-fetch-error"


class HttpsFetch:
    """Gets a policy file: one small GET, no redirect is followed (§3.3)."""

    def __init__(
        self,
        resolver: Resolver,
        context: ssl.SSLContext,
        *,
        port: int = 443,
        is_private_allowed: bool = False,
    ) -> None:
        """Ask nobody yet; *context* knows which authorities to believe."""
        self._resolver = resolver
        self._context = context
        self._port = port
        self._is_private_allowed = is_private_allowed

    async def __call__(self, host: str) -> str:
        """Return the text of the file at *host*.

        Raises:
            OSError: Nobody answers, or the certificate is not theirs.
            ValueError: The answer holds no file.
        """
        found = await self._addresses(host)
        allowed = [a for a in found if self._is_private_allowed or is_public_address(a)]
        if not allowed:
            raise OSError(f"{host} has no public address")
        failure: OSError | None = None
        for address in allowed[:MOST_ADDRESSES]:
            try:
                async with asyncio.timeout(FETCH_TIMEOUT_S / min(len(allowed), MOST_ADDRESSES)):
                    answer = await self._get(host, address)
                return _body_of(answer)
            except OSError as error:  # as is a TimeoutError
                failure = failure or error
        raise failure or OSError(f"{host} does not answer")

    async def _addresses(self, host: str) -> Sequence[str]:
        """Return the addresses of *host*, IPv4 before IPv6.

        Raises:
            OSError: Nobody knows.
        """
        found: list[str] = []
        unheard: Retryable | None = None
        for ipv6 in (False, True):
            try:
                found += await self._resolver.addresses(host, ipv6=ipv6)
            except Retryable as error:
                unheard = unheard or error
        if not found and unheard is not None:
            raise OSError(str(unheard)) from unheard
        return found

    async def _get(self, host: str, address: str) -> bytes:
        reader, writer = await asyncio.open_connection(
            address, self._port, ssl=self._context, server_hostname=host
        )
        try:
            # HTTP/1.0, so that the answer ends when the connection does.
            request = f"GET {PATH} HTTP/1.0\r\nHost: {host}\r\nUser-Agent: rillmail\r\n\r\n"
            writer.write(request.encode("ascii"))
            answer = bytearray()
            while len(answer) <= HEADER_BYTES + POLICY_BYTES and (block := await reader.read(8192)):
                answer += block
            return bytes(answer)
        finally:
            writer.transport.abort()


def _body_of(answer: bytes) -> str:
    header, end, body = answer.partition(b"\r\n\r\n")
    status, *fields = header.decode("latin-1").split("\r\n")
    if not end or not status.startswith("HTTP/1.") or status.split(" ")[1:2] != ["200"]:
        raise ValueError(f"no policy file: {status[:80]!r}")
    if len(header) > HEADER_BYTES or len(body) > POLICY_BYTES:
        raise ValueError("the policy file is too large")
    types = [f.partition(":")[2] for f in fields if f.lower().startswith("content-type:")]
    if not any(value.strip().lower().startswith("text/plain") for value in types):
        raise ValueError("the policy file is no text/plain")  # §3.2
    return body.decode("utf-8", "replace")
