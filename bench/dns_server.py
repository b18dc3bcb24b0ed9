"""A DNS server on loopback, so that no figure depends on the network.

It knows the SPF, DKIM and DMARC records of the domain that sends (RFC 7208, 6376, 7489) and says of
all else that it does not exist.
"""

import contextlib
import socket
import threading
from collections.abc import Generator

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from bench.mails import SENDING_DOMAIN
from bench.signing import SELECTOR, record

TTL_S = 3600
RECORDS = {
    f"{SENDING_DOMAIN}.": "v=spf1 ip4:127.0.0.1 -all",
    f"_dmarc.{SENDING_DOMAIN}.": "v=DMARC1; p=quarantine",
    f"{SELECTOR}._domainkey.{SENDING_DOMAIN}.": record(),
}


@contextlib.contextmanager
def serving() -> Generator[str]:
    """Answer until left; yields ``address:port``."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
        thread = threading.Thread(target=_serve, args=(server,), daemon=True)
        thread.start()
        try:
            yield f"127.0.0.1:{port}"
        finally:
            server.sendto(b"", server.getsockname())  # nothing asked: the end
            thread.join()


def answer(question: bytes) -> bytes | None:
    """Return the answer to a DNS message; None if it can't be read."""
    try:
        query = dns.message.from_wire(question)
    except dns.exception.DNSException:
        return None
    response = dns.message.make_response(query)
    response.flags |= dns.flags.AA
    asked = query.question[0]
    text = RECORDS.get(asked.name.to_text().lower())
    if text is None:
        response.set_rcode(dns.rcode.NXDOMAIN)
    elif asked.rdtype == dns.rdatatype.TXT:
        response.answer.append(dns.rrset.from_text(asked.name, TTL_S, "IN", "TXT", f'"{text}"'))
    return response.to_wire()


def _serve(server: socket.socket) -> None:
    while True:
        question, client = server.recvfrom(4096)
        if not question:
            return
        if (response := answer(question)) is not None:
            server.sendto(response, client)
