"""What every resolver answers, and what the one that asks the network does in trouble."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta

import dns.rcode
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.dns.breaker import FIRST_PAUSE_S, TIMEOUTS_IN_A_ROW, Breaker
from connectors.dns.cache import FAILURE_S, LONGEST_S, SHORTEST_S, Answer, Cache
from connectors.dns.resolver import MOST_RECORDS, DnsResolver
from connectors.memory.clock import ManualClock
from connectors.memory.dns import MemoryDns
from tests.contracts.dns_server import TTL_S, TestServer, Zones, serving
from topologies.errors import Misconfigured, Retryable
from topologies.ports.dns import Resolver

ZONES: Zones = {
    "shop.example": {
        "TXT": ['"v=spf1 " "-all"', '"hello"'],
        "A": ["192.0.2.7", "192.0.2.8"],
        "AAAA": ["2001:db8::7"],
        "MX": ["20 backup.shop.example.", "10 Mail.Shop.Example."],
    },
    "null.example": {"MX": ["0 ."]},
    "alias.example": {"CNAME": ["next.example."]},
    "next.example": {"CNAME": ["shop.example."]},
    "ring.example": {"CNAME": ["ring.example."]},
    "nowhere.example": {"CNAME": ["gone.example."]},
    "7.2.0.192.in-addr.arpa": {"PTR": ["mail.shop.example."]},
    "7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa": {
        "PTR": ["six.shop.example."]
    },
    "long.example": {"TXT": [" ".join(f'"{"x" * 200}{n}"' for n in range(40))]},
    "crowd.example": {"TXT": [f'"text {n}"' for n in range(MOST_RECORDS * 2)]},
}
IN_MEMORY = {
    "shop.example": {
        "TXT": ["v=spf1 -all", "hello"],
        "A": ["192.0.2.7", "192.0.2.8"],
        "AAAA": ["2001:db8::7"],
        "MX": [(20, "backup.shop.example"), (10, "mail.shop.example")],
    },
    "null.example": {"MX": [(0, "")]},
    **{name: ZONES[name] for name in ("alias.example", "next.example")},
    "alias.example": {"CNAME": ["next.example"]},
    "next.example": {"CNAME": ["shop.example"]},
    "ring.example": {"CNAME": ["ring.example"]},
    "nowhere.example": {"CNAME": ["gone.example"]},
    "7.2.0.192.in-addr.arpa": {"PTR": ["mail.shop.example"]},
    "7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa": {
        "PTR": ["six.shop.example"]
    },
}
Opener = Callable[[], AbstractAsyncContextManager[Resolver]]
Question = Callable[[Resolver], Awaitable[Sequence[object]]]


@asynccontextmanager
async def in_memory() -> AsyncGenerator[Resolver]:
    yield MemoryDns(IN_MEMORY, failing=["down.example"])


@asynccontextmanager
async def by_network() -> AsyncGenerator[Resolver]:
    failing = {"down.example": dns.rcode.SERVFAIL}
    async with serving(TestServer(ZONES, failing=failing)) as server:
        yield asking(server)


resolvers = pytest.mark.parametrize("opened", [in_memory, by_network])
QUESTIONS: dict[str, Question] = {
    "txt": lambda r: r.txt("down.example"),
    "a": lambda r: r.addresses("down.example", ipv6=False),
    "aaaa": lambda r: r.addresses("down.example", ipv6=True),
    "mx": lambda r: r.mx("down.example"),
}


@resolvers
async def test_records_are_found(opened: Opener) -> None:
    async with opened() as resolver:
        assert sorted(await resolver.txt("shop.example")) == ["hello", "v=spf1 -all"]
        assert sorted(await resolver.addresses("shop.example", ipv6=False)) == [
            "192.0.2.7",
            "192.0.2.8",
        ]
        assert list(await resolver.addresses("shop.example", ipv6=True)) == ["2001:db8::7"]
        assert list(await resolver.ptr("192.0.2.7")) == ["mail.shop.example"]
        assert list(await resolver.ptr("2001:db8::7")) == ["six.shop.example"]


@resolvers
async def test_mail_exchangers_come_best_first_without_a_dot(opened: Opener) -> None:
    async with opened() as resolver:
        assert list(await resolver.mx("shop.example")) == [
            (10, "mail.shop.example"),
            (20, "backup.shop.example"),
        ]
        assert list(await resolver.mx("null.example")) == [(0, "")]


@resolvers
@pytest.mark.parametrize("name", ["SHOP.example", "shop.example.", "alias.example"])
async def test_case_a_last_dot_and_aliases_make_no_difference(opened: Opener, name: str) -> None:
    async with opened() as resolver:
        assert len(await resolver.txt(name)) == 2


@resolvers
@pytest.mark.parametrize(
    "name", ["gone.example", "nowhere.example", "null.example", "a..example", "x" * 300, "", "é"]
)
async def test_what_is_not_there_is_no_error(opened: Opener, name: str) -> None:
    async with opened() as resolver:
        assert list(await resolver.txt(name)) == []


@resolvers
@pytest.mark.parametrize("question", QUESTIONS)
async def test_a_failure_is_no_answer(opened: Opener, question: str) -> None:
    async with opened() as resolver:
        with pytest.raises(Retryable):
            await QUESTIONS[question](resolver)


@resolvers
async def test_aliases_in_a_ring_are_no_answer(opened: Opener) -> None:
    async with opened() as resolver:
        with pytest.raises(Retryable):
            await resolver.txt("ring.example")


@pytest.mark.parametrize(
    "rcode", [dns.rcode.SERVFAIL, dns.rcode.REFUSED, dns.rcode.FORMERR, dns.rcode.NOTIMP]
)
async def test_no_code_of_failure_is_taken_for_a_no(rcode: dns.rcode.Rcode) -> None:
    async with serving(TestServer(ZONES, failing={"shop.example": rcode})) as server:
        with pytest.raises(Retryable, match=dns.rcode.to_text(rcode)):
            await asking(server).mx("shop.example")


async def test_an_answer_too_long_for_udp_comes_by_tcp() -> None:
    async with serving(TestServer(ZONES)) as server:
        [text] = await asking(server).txt("long.example")
        assert len(text) == 40 * 200 + sum(len(str(n)) for n in range(40))
        assert [way for _, _, way in server.asked] == ["udp", "tcp"]


async def test_of_very_many_records_some_are_taken() -> None:
    async with serving(TestServer(ZONES)) as server:
        assert len(await asking(server).txt("crowd.example")) == MOST_RECORDS


async def test_an_answer_that_makes_no_sense_is_none() -> None:
    async with serving(TestServer(ZONES, garbled=frozenset({"shop.example"}))) as server:
        with pytest.raises(Retryable):
            await asking(server).txt("shop.example")


async def test_a_silent_server_costs_the_timeout_and_the_next_one_is_asked() -> None:
    dead = TestServer(ZONES, silent=frozenset({"shop.example"}))
    async with serving(dead), serving(TestServer(ZONES)) as alive:
        clock = ManualClock()
        resolver = DnsResolver([dead.address, alive.address], 0.3, clock)
        assert len(await resolver.txt("shop.example")) == 2
        alone = DnsResolver([dead.address], 0.05, clock)
        with pytest.raises(Retryable):
            await alone.txt("shop.example")


async def test_a_server_that_is_not_there_is_no_answer() -> None:
    async with serving(TestServer(ZONES)) as server:
        address = server.address
    with pytest.raises(Retryable):
        await DnsResolver([address], 0.2, ManualClock()).txt("shop.example")


async def test_answers_and_failures_are_kept_as_long_as_they_may() -> None:
    async with serving(TestServer(ZONES, failing={"down.example": dns.rcode.SERVFAIL})) as server:
        clock = ManualClock()
        resolver = DnsResolver([server.address], 2.0, clock)
        for _ in range(3):
            await resolver.txt("shop.example")
            await resolver.txt("gone.example")
            with pytest.raises(Retryable):
                await resolver.txt("down.example")
        assert len(server.asked) == 3
        clock.move(timedelta(seconds=FAILURE_S + 1))
        with pytest.raises(Retryable):
            await resolver.txt("down.example")
        await resolver.txt("shop.example")
        assert len(server.asked) == 4
        clock.move(timedelta(seconds=TTL_S))
        await resolver.txt("shop.example")
        assert len(server.asked) == 5


async def test_a_dns_that_is_down_is_not_asked_for_every_mail() -> None:
    names = [f"n{n}.example" for n in range(20)]
    async with serving(TestServer({}, silent=frozenset(names))) as server:
        clock = ManualClock()
        resolver = DnsResolver([server.address], 0.02, clock)
        for name in names:
            with pytest.raises(Retryable):
                await resolver.txt(name)
        assert len({name for name, _, _ in server.asked}) == TIMEOUTS_IN_A_ROW
        clock.move(timedelta(seconds=FIRST_PAUSE_S + 0.1))
        assert list(await resolver.txt("gone.example")) == []
        assert list(await resolver.txt("gone2.example")) == []


async def test_many_may_ask_at_once() -> None:
    async with serving(TestServer(ZONES)) as server:
        resolver = asking(server)
        found = await asyncio.gather(*(resolver.txt(f"n{n}.example") for n in range(50)))
        assert [list(texts) for texts in found] == [[]] * 50


@pytest.mark.parametrize(
    "server",
    [
        "dns.example",
        "192.0.2.1:port",
        "[::1",
        "192.0.2.1:",
        "1.2",
        "192.0.2.1:0",
        "192.0.2.1:65536",
    ],
)
def test_what_is_no_server_is_refused_at_start(server: str) -> None:
    with pytest.raises(Misconfigured):
        DnsResolver([server], 1.0, ManualClock())


@pytest.mark.parametrize("server", ["192.0.2.1", "192.0.2.1:5353", "::1", "[::1]", "[::1]:5353"])
def test_servers_are_addresses_with_or_without_port(server: str) -> None:
    DnsResolver([server], 1.0, ManualClock())


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 400)), max_size=60))
def test_a_cache_never_grows_beyond_its_bound_and_never_lies(puts: list[tuple[int, int]]) -> None:
    clock = ManualClock()
    cache = Cache(max_bytes=20_000)
    told: dict[int, Answer] = {}
    for n, size in puts:
        told[n] = Answer(("x" * size,))
        cache.put(("TXT", f"n{n}"), told[n], 100, clock.now())
        assert len(cache) <= 20_000 // 250
        for each, answer in told.items():
            assert cache.get(("TXT", f"n{each}"), clock.now()) in (answer, None)
    clock.move(timedelta(seconds=101))
    assert all(cache.get(("TXT", f"n{n}"), clock.now()) is None for n in told)


@pytest.mark.parametrize(
    ("answer", "ttl_s", "kept_s"),
    [
        (Answer(("x",)), 0, SHORTEST_S),
        (Answer(("x",)), 10**9, LONGEST_S),
        (Answer((), "failed"), 10**9, FAILURE_S),
    ],
)
def test_an_answer_is_kept_within_bounds(answer: Answer, ttl_s: float, kept_s: float) -> None:
    clock = ManualClock()
    cache = Cache()
    cache.put(("TXT", "a"), answer, ttl_s, clock.now())
    clock.move(timedelta(seconds=kept_s - 1))
    assert cache.get(("TXT", "a"), clock.now()) == answer
    clock.move(timedelta(seconds=1))
    assert cache.get(("TXT", "a"), clock.now()) is None


def test_one_hostile_answer_does_not_push_out_the_others() -> None:
    clock = ManualClock()
    cache = Cache(max_bytes=20_000)
    cache.put(("TXT", "a"), Answer(("x",)), 100, clock.now())
    cache.put(("TXT", "b"), Answer(("x" * 10_000,)), 100, clock.now())
    assert cache.get(("TXT", "a"), clock.now()) is not None
    assert cache.get(("TXT", "b"), clock.now()) is None


def test_a_breaker_lets_one_try_after_a_pause_and_pauses_longer_when_that_fails() -> None:
    clock, breaker = ManualClock(), Breaker()
    for _ in range(TIMEOUTS_IN_A_ROW):
        assert not breaker.is_open(clock.now())
        breaker.timed_out(clock.now())
    assert breaker.is_open(clock.now())
    clock.move(timedelta(seconds=FIRST_PAUSE_S))
    assert [breaker.is_open(clock.now()) for _ in range(3)] == [False, True, True]
    breaker.timed_out(clock.now())
    clock.move(timedelta(seconds=FIRST_PAUSE_S))
    assert breaker.is_open(clock.now())
    clock.move(timedelta(seconds=FIRST_PAUSE_S))
    assert not breaker.is_open(clock.now())
    breaker.answered()
    assert not breaker.is_open(clock.now())


# --- builders -----------------------------------------------------------------------


def asking(server: TestServer) -> DnsResolver:
    return DnsResolver([server.address], 2.0, ManualClock())
