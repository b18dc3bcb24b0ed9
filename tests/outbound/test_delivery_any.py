"""Whatever a peer answers to whatever command: who is told delivered was taken, and nobody else."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.outbound.house import FAR, delivered, due, relaying
from tests.outbound.peer import DROP, FEATURES, GARBAGE, Peer, listening

USUAL = {"MAIL": "250 fine", "RCPT": "250 fine", "DATA": "354 go on", "END": "250 taken"}
NAMES = ("a", "b", "c")
OTHERS = st.sampled_from(
    [
        "250 fine",
        "251 elsewhere",
        "354 go on",
        "421 4.3.2 closing",
        "450 4.2.0 later",
        "452 4.5.3 too many",
        "550-5.1.1 no\r\n550 5.1.1 never",
        "552 5.2.2 full",
        "999 what",
        DROP,
        GARBAGE,
    ]
)
STEPS = [*USUAL, *(f"RCPT TO:<{name}@{FAR}>" for name in NAMES), "RSET"]
ANSWERS = st.dictionaries(st.sampled_from(STEPS), st.lists(OTHERS, min_size=1, max_size=3))


@given(answers=ANSWERS, is_pipelined=st.booleans(), mails=st.integers(1, 2))
@settings(max_examples=25, deadline=None)
def test_who_is_told_delivered_was_taken(
    answers: dict[str, list[str]], is_pipelined: bool, mails: int
) -> None:
    async def check() -> None:
        features = FEATURES if is_pipelined else tuple(f for f in FEATURES if f != "PIPELINING")
        peer = Peer(answers, features)
        async with listening(peer), relaying(peer, delivery_timeout_s=2.0) as relay:
            for number in range(mails):
                peer.taken.clear()
                results = await delivered(relay, due(*NAMES, delivery_id=f"{number}"))
                assert [r.recipient for r in results] == [f"{name}@{FAR}" for name in NAMES]
                told = sorted(r.recipient for r in results if r.status == "delivered")
                taken = [line for each in peer.taken for line in each.recipients]
                assert told == sorted(line[len("RCPT TO:<") : -1] for line in taken)
                for result in results:
                    digit = {"delivered": "2", "deferred": "4", "failed": "5"}[result.status]
                    assert result.enhanced.startswith(digit)

    asyncio.run(check())
