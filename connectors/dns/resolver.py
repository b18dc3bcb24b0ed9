"""The DNS by dnspython: asks servers over UDP, over TCP what is too long (RFC 1035, RFC 7766).

Decides which answers mean *no* (NXDOMAIN, no such record) and which *don't know* (anything
else that is no answer). One question is asked for at most ``timeout_s`` in all; what came
back, failures included, is kept in memory. It validates nothing by DNSSEC itself, and tells
what the server says that it validated: that is to be believed of a server of one's own alone.
"""

import asyncio
import ipaddress
import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, cast

import dns.asyncquery
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.resolver

from connectors.dns.breaker import Breaker
from connectors.dns.cache import Answer, Cache
from topologies.errors import Misconfigured, Retryable
from topologies.ports.clock import Clock
from topologies.ports.dns import Tlsa

TRIES = 2  # over all servers, within the timeout: UDP loses packets
UDP_PAYLOAD_BYTES = 1232  # what passes everywhere unfragmented (DNS flag day 2020)
MOST_RECORDS = 100  # of one answer; nobody honest has more
DNS_PORT = 53

Server = tuple[str, int]


class DnsResolver:
    """Asks *servers* in turn, the next one when one fails."""

    def __init__(self, servers: Sequence[str], timeout_s: float, clock: Clock) -> None:
        """Ask nothing yet.

        Args:
            servers: Each ``address`` or ``address:port``, IPv6 with a port in brackets;
                empty: as the machine is set up.
            timeout_s: For one question, all tries together.
            clock: Tells when answers are too old.

        Raises:
            Misconfigured: A server is no IP address.
        """
        self._servers = [_server(text) for text in servers] or _servers_of_machine()
        self._timeout_s = timeout_s
        self._clock = clock
        self._cache = Cache()
        self._breaker = Breaker()

    async def txt(self, name: str) -> Sequence[str]:
        return await self._ask(name, "TXT", _text)

    async def addresses(self, name: str, *, ipv6: bool) -> Sequence[str]:
        return await self._ask(name, "AAAA" if ipv6 else "A", _address)

    async def mx(self, name: str) -> Sequence[tuple[int, str]]:
        return sorted(await self._ask(name, "MX", _mail_exchanger))

    async def ptr(self, address: str) -> Sequence[str]:
        name = ipaddress.ip_address(address).reverse_pointer
        return await self._ask(name, "PTR", _target)

    async def is_signed(self, name: str, kind: Literal["MX", "A", "AAAA"]) -> bool:
        return (await self._answer(name, kind, _READERS[kind])).is_signed

    async def tlsa(self, name: str) -> Sequence[Tlsa]:
        answer = await self._answer(name, "TLSA", _certificate_association)
        return answer.records if answer.is_signed else ()

    async def _ask(self, name: str, kind: str, read: Callable[[Any], Any]) -> Sequence[Any]:
        return (await self._answer(name, kind, read)).records

    async def _answer(self, name: str, kind: str, read: Callable[[Any], Any]) -> Answer:
        question = (kind, name.lower().rstrip("."))
        answer = self._cache.get(question, self._clock.now())
        if answer is None:
            answer = await self._look_up(question, read)
        if answer.failure:
            raise Retryable(f"{kind} of {name}: {answer.failure}")
        return answer

    async def _look_up(self, question: tuple[str, str], read: Callable[[Any], Any]) -> Answer:
        kind, name = question
        try:
            query = dns.message.make_query(
                dns.name.from_text(name), kind, use_edns=0, payload=UDP_PAYLOAD_BYTES
            )
        except (dns.exception.DNSException, UnicodeError):
            return Answer(())  # what can't be a name has no records
        query.flags |= dns.flags.AD  # RFC 6840 §5.7: tell us whether it is authenticated
        if not self._servers:
            return Answer((), "no DNS server is known")
        if self._breaker.is_open(self._clock.now()):
            return Answer((), "the DNS did not answer lately")
        answer, ttl_s = await self._exchange(query, read)
        self._cache.put(question, answer, ttl_s, self._clock.now())
        return answer

    async def _exchange(
        self, query: dns.message.Message, read: Callable[[Any], Any]
    ) -> tuple[Answer, float]:
        """Return the first answer of a server that knows, and how long it holds."""
        failure = ""
        is_answered = False
        try:
            async with asyncio.timeout(self._timeout_s):
                for server in self._servers * TRIES:
                    try:
                        response = await self._send(query, server)
                    except (dns.exception.DNSException, OSError, EOFError) as error:
                        failure = failure or f"{server[0]}: {error or type(error).__name__}"
                        continue
                    is_answered = True
                    rcode = response.rcode()
                    if rcode in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
                        self._breaker.answered()
                        return _read(response, read)
                    failure = f"{server[0]} says {dns.rcode.to_text(rcode)}"
                    if rcode == dns.rcode.SERVFAIL:
                        break  # the domain's fault: another server will find no more
        except TimeoutError:
            failure = failure or f"no answer within {self._timeout_s:g} s"
        if is_answered:
            self._breaker.answered()
        else:
            self._breaker.timed_out(self._clock.now())
        return Answer((), failure or "no server answered"), 0.0

    async def _send(self, query: dns.message.Message, server: Server) -> dns.message.Message:
        address, port = server
        # A share of the time for each try, or the first server's silence would use it up.
        share_s = self._timeout_s / min(TRIES * len(self._servers), 3)
        try:
            return await dns.asyncquery.udp(
                query, address, share_s, port, ignore_unexpected=True, raise_on_truncation=True
            )
        except dns.message.Truncated:
            return await dns.asyncquery.tcp(query, address, share_s, port)


def _read(response: dns.message.Message, read: Callable[[Any], Any]) -> tuple[Answer, float]:
    try:
        if not isinstance(response, dns.message.QueryMessage):
            return Answer((), "its answer is of another kind"), 0.0
        chain = response.resolve_chaining()
        is_signed = bool(response.flags & dns.flags.AD)
        if chain.answer is None:
            return Answer((), is_signed=is_signed), float(chain.minimum_ttl)
        found = cast("Iterable[Any]", chain.answer)
        records = tuple(map(read, itertools.islice(found, MOST_RECORDS)))
    except (dns.exception.DNSException, ValueError):
        return Answer((), "its answer makes no sense"), 0.0
    return Answer(records, is_signed=is_signed), float(chain.minimum_ttl)


def _text(record: Any) -> str:
    # RFC 7208 §3.3: the strings are joined without spaces. Only ASCII has a meaning in them.
    return b"".join(record.strings).decode("ascii", "replace")


def _address(record: Any) -> str:
    return str(record.address)


def _mail_exchanger(record: Any) -> tuple[int, str]:
    return int(record.preference), _name(record.exchange)


def _target(record: Any) -> str:
    return _name(record.target)


def _certificate_association(record: Any) -> Tlsa:
    return Tlsa(int(record.usage), int(record.selector), int(record.mtype), bytes(record.cert))


def _name(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True).lower() if name != dns.name.root else ""


def _server(text: str) -> Server:
    address, colon, port = text.rpartition(":")
    try:
        if colon and address.startswith("[") and address.endswith("]"):
            return str(ipaddress.IPv6Address(address[1:-1])), _port(port)
        if colon and address.count(":") == 0:
            return str(ipaddress.IPv4Address(address)), _port(port)
        if text.startswith("[") and text.endswith("]"):
            return str(ipaddress.IPv6Address(text[1:-1])), DNS_PORT
        return str(ipaddress.ip_address(text)), DNS_PORT
    except ValueError:
        raise Misconfigured(
            f"dns_servers: {text!r} is no address or address:port of a DNS server"
        ) from None


def _port(text: str) -> int:
    port = int(text)
    if port not in range(1, 1 << 16):
        raise ValueError
    return port


def _servers_of_machine() -> list[Server]:
    try:
        found = dns.resolver.Resolver(configure=True).nameservers
    except dns.resolver.NoResolverConfiguration:
        return []  # mail flows without; what needs the DNS stays unknown
    return [(str(server), DNS_PORT) for server in found]


_READERS: dict[str, Callable[[Any], Any]] = {
    "MX": _mail_exchanger,
    "A": _address,
    "AAAA": _address,
}
