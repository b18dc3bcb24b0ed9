"""Servers that answer in the middle of a message: what they say counts, though they hang up."""

import pytest

from tests.outbound.house import RAW, delivered, due, relaying
from tests.outbound.peer import DROP, SILENT, Peer, listening

LARGE = RAW + (b"x" * 998 + b"\r\n") * 8_000  # much more than a connection holds


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("552 5.3.4 too large", ("failed", 552, "5.3.4")),
        ("554 5.7.1 not that", ("failed", 554, "5.7.1")),
        ("451 4.7.1 not so fast", ("deferred", 451, "4.7.1")),
        ("250 2.0.0 taken", ("deferred", 0, "4.4.2")),  # of what it has not seen
    ],
)
async def test_who_refuses_a_message_in_the_middle_and_hangs_up_has_refused_it(
    said: str, expected: tuple[str, int, str]
) -> None:
    peer = Peer({"BLOCK": [said, DROP]}, ("PIPELINING",))
    async with listening(peer), relaying(peer) as relay:
        [result] = await delivered(relay, due(), LARGE)
        assert (result.status, result.code, result.enhanced) == expected


async def test_who_refuses_a_message_in_the_middle_and_reads_no_further_has_refused_it() -> None:
    peer = Peer({"BLOCK": ["552 5.3.4 too large", SILENT]}, ("PIPELINING",))
    async with listening(peer), relaying(peer) as relay:
        [result] = await delivered(relay, due(), LARGE)
        assert (result.status, result.code) == ("failed", 552)
        assert peer.connections == 1
