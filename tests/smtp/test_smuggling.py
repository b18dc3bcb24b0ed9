"""Nothing but CRLF.CRLF ends a message, so that no second one hides in it."""

import ast
from pathlib import Path

import pytest

from tests.smtp.house import FROM_ANN, TO_BO, a_house

CASES = Path(__file__).parents[3] / "shared" / "cases"
FORGED = b"MAIL FROM:<boss@shop.example>\r\nRCPT TO:<bo@shop.example>\r\nDATA\r\nforged\r\n.\r\n"


@pytest.mark.parametrize(
    "end",
    [
        *(b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r", b"\r\r\n.\r\r\n", b"\r.\r\n"),
        *(b"\r\0\n.\r\0\n", b"\r\n\0.\r\0\n", b"\n\r.\n\r", b"\r\n.\r\r\n", b"\n.\r\r\n"),
    ],
)
async def test_what_looks_like_an_end_elsewhere_lets_nothing_in(end: bytes) -> None:
    async with a_house() as house, house.talk() as talk:
        await talk.say(FROM_ANN, TO_BO, "DATA")
        reply = await talk.raw(b"Subject: outer\r\n\r\nbody" + end + FORGED)
        assert reply == ("554 5.6.0 CR or LF stands alone: lines end with CRLF (RFC 5321 2.3.8)")
        assert await talk.say("NOOP") == "250 2.0.0 OK"  # all of it was read: no further reply
        assert house.log.mails == []


@pytest.mark.parametrize("length", [10, 200_000])
async def test_a_refused_message_is_read_to_its_true_end(length: int) -> None:
    async with a_house() as house, house.talk() as talk:
        await talk.say(FROM_ANN, TO_BO, "DATA")
        reply = await talk.raw(b"bare\n.\n" + b"x" * length + b"\r\n" + FORGED)
        assert reply[:3] == "554"
        assert (await talk.send(b"Subject: honest\r\n\r\n"))[:3] == "250"
        assert house.log.raws == [b"Subject: honest\r\n\r\n"]


@pytest.mark.parametrize("line", [b"NOOP\n", b"NO\rOP\r\n", b"NOOP\r\r\n", b"NOOP\n\r\n"])
async def test_commands_end_with_crlf_alone(line: bytes) -> None:
    async with a_house() as house, house.talk() as talk:
        assert (await talk.raw(line))[:9] == "500 5.5.2"


async def test_a_bug_in_the_middle_of_a_message_does_not_make_commands_of_the_rest() -> None:
    async with a_house() as house, house.talk() as talk:
        house.blobs.error = RuntimeError("a bug")
        await talk.say(FROM_ANN, TO_BO, "DATA")
        reply = await talk.raw(b"x" * 100_000 + b"\r\nRSET\r\n" + FORGED)
        assert reply[:9] == "451 4.3.0"
        assert await talk.reply() == ""
        assert house.log.mails == []


async def test_every_known_way_to_smuggle_fails() -> None:
    for name, steps in scripts("01-smtp-smuggling.txt"):
        async with a_house("rcpt.example") as house, house.talk(greets=False) as talk:
            await talk.reply()
            for said, wanted in steps:
                reply = await talk.raw(said)
                codes = ("5", "2") if wanted.startswith("5 or 2") else (wanted[:3],)
                assert reply.startswith(codes), (name, reply)
            assert (await talk.say("NOOP"))[:3] == "250", name
            assert len(house.log.mails) <= 1, name


async def test_dots_come_out_as_the_cases_say() -> None:
    [(_, steps)] = scripts("02-dot-stuffing.txt")
    for bare in (True, False):
        async with a_house("rcpt.example") as house, house.talk(greets=False) as talk:
            await talk.reply()
            reply = ""
            for said, _ in steps:
                reply = await talk.raw(said if bare else said.replace(b"mid\n", b"mid\r\n"))
            if bare:
                assert reply[0] == "5"
            else:
                text = b".one\r\n..two\r\nmid\r\n..three\r\n...\r\nend\r\n"
                assert house.log.raws == [b"Subject: dots\r\n\r\n" + text]


def scripts(name: str) -> list[tuple[str, list[tuple[bytes, str]]]]:
    """Return the runs of a case: (name, [(what is said, codes that may be answered)])."""
    path = CASES / name
    if not path.exists():
        pytest.skip(f"{name} is not there: it belongs in ../shared/cases")
    runs: list[tuple[str, list[tuple[bytes, str]]]] = []
    said = b""
    for line in path.read_text().splitlines():
        if line.startswith("## run") or (line.startswith("C:") and not runs):
            runs.append((line, []))
        if line.startswith("C:"):
            said = ast.literal_eval(line[3:])
        elif line.startswith("S:"):
            runs[-1][1].append((said, line[3:]))
    return runs
