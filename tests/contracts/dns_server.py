"""A DNS server on loopback that answers what a test tells it to, or does not."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

Zones = Mapping[str, Mapping[str, Sequence[str]]]
TTL_S = 300
LARGEST_BY_UDP = 512


@dataclass
class TestServer:
    """What it knows, how it misbehaves, and what it was asked."""

    __test__ = False

    zones: Zones
    failing: Mapping[str, dns.rcode.Rcode] = field(default_factory=dict[str, dns.rcode.Rcode])
    silent: frozenset[str] = frozenset()
    garbled: frozenset[str] = frozenset()
    asked: list[tuple[str, str, str]] = field(default_factory=list[tuple[str, str, str]])
    address: str = ""

    def answer(self, question: bytes, way: str) -> bytes | None:
        query = dns.message.from_wire(question)
        name = query.question[0].name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(query.question[0].rdtype)
        self.asked.append((name, kind, way))
        if name in self.silent:
            return None
        if name in self.garbled:
            return question[:2] + b"\x81\x80" + b"\xff" * 40
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        if name in self.failing:
            response.set_rcode(self.failing[name])
        else:
            self._fill(response, name, kind)
        wire = response.to_wire(max_size=65_535)
        if way == "udp" and len(wire) > LARGEST_BY_UDP:
            response = dns.message.make_response(query)
            response.flags |= dns.flags.TC
            wire = response.to_wire()
        return wire

    def _fill(self, response: dns.message.Message, name: str, kind: str) -> None:
        for _ in range(20):
            records = self.zones.get(name)
            if records is None:
                response.set_rcode(dns.rcode.NXDOMAIN)
                return
            wanted = kind if kind in records or "CNAME" not in records else "CNAME"
            if wanted not in records:
                return
            response.answer.append(
                dns.rrset.from_text(name + ".", TTL_S, "IN", wanted, *records[wanted])
            )
            if wanted == kind:
                return
            name = records["CNAME"][0].rstrip(".")


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, answer: Callable[[bytes, str], bytes | None]) -> None:
        self._answer = answer

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if (answer := self._answer(data, "udp")) is not None:
            self._transport.sendto(answer, addr)


@asynccontextmanager
async def serving(server: TestServer) -> AsyncGenerator[TestServer]:
    """Let *server* answer over UDP and TCP on one port until left."""

    async def by_tcp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        size = int.from_bytes(await reader.readexactly(2), "big")
        answer = server.answer(await reader.readexactly(size), "tcp")
        if answer is not None:
            writer.write(len(answer).to_bytes(2, "big") + answer)
            await writer.drain()
        writer.close()
        await writer.wait_closed()

    tcp = await asyncio.start_server(by_tcp, "127.0.0.1", 0)
    port = tcp.sockets[0].getsockname()[1]
    udp, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: _Udp(server.answer), local_addr=("127.0.0.1", port)
    )
    server.address = f"127.0.0.1:{port}"
    try:
        yield server
    finally:
        udp.close()
        tcp.close()
        await tcp.wait_closed()
