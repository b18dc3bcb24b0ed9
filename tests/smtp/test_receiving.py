"""A message that is accepted: what is kept of it, when, and how much that costs."""

import asyncio
import hashlib
import tracemalloc

import pytest

from tests.smtp.house import FROM_ANN, HELLO, TO_BO, a_house, mail_id_in
from topologies.errors import NoSpace, Retryable
from topologies.events import RAW_INLINE_BYTES

SMALL = b"Subject: Hi\r\n\r\nHello\r\n"


async def test_an_accepted_mail_is_an_event_with_all_that_is_known_of_its_way() -> None:
    async with a_house() as house, house.talk() as talk:
        reply = await talk.send(SMALL)
        [mail] = house.log.mails
        assert mail_id_in(reply) == mail.mail_id
        assert mail.raw == SMALL
        assert (mail.size_bytes, mail.raw_blob) == (len(SMALL), None)
        assert (mail.mail_from, mail.recipients) == ("ann@far.example", ("bo@shop.example",))
        assert (mail.origin, mail.client_ip, mail.helo) == ("smtp", "127.0.0.1", "client.example")
        assert (mail.received_at, mail.tls, mail.user_id) == (house.clock.now(), "", "")


async def test_several_mails_come_by_one_connection() -> None:
    async with a_house() as house, house.talk() as talk:
        for number in range(3):
            await talk.send(b"Subject: %d\r\n\r\n" % number)
        assert house.log.raws == [b"Subject: %d\r\n\r\n" % number for number in range(3)]


async def test_it_is_not_accepted_before_it_is_durable() -> None:
    async with a_house() as house, house.talk() as talk:
        house.log.is_open.clear()
        await talk.say(FROM_ANN, TO_BO, "DATA")
        answer = asyncio.create_task(talk.raw(SMALL + b".\r\n"))
        await house.log.was_asked.wait()
        assert not answer.done()
        house.log.is_open.set()
        mail_id_in(await answer)


@pytest.mark.parametrize(
    ("error", "reply"),
    [
        pytest.param(NoSpace("full"), "452 4.3.1", id="no space"),
        pytest.param(Retryable("away"), "451 4.3.0", id="out of reach"),
        pytest.param(RuntimeError("a bug"), "451 4.3.0", id="a bug"),
    ],
)
async def test_what_can_not_be_kept_is_put_off(error: Exception, reply: str) -> None:
    async with a_house() as house, house.talk() as talk:
        house.log.error = error
        answer = await talk.send(SMALL)
        assert answer[:9] == reply
        assert house.log.mails == []


async def test_after_no_space_the_session_goes_on() -> None:
    async with a_house() as house, house.talk() as talk:
        house.log.error = NoSpace("full")
        await talk.send(SMALL)
        house.log.error = None
        mail_id_in(await talk.send(SMALL))


async def test_a_blob_store_without_space_is_told_after_the_end_of_the_message() -> None:
    async with a_house() as house, house.talk() as talk:
        house.blobs.error = NoSpace("full")
        assert (await talk.send(b"x" * 500_000 + b"\r\nQUIT\r\n"))[:9] == "452 4.3.1"
        assert house.log.mails == []
        assert (await talk.say("NOOP"))[:3] == "250"


@pytest.mark.parametrize("extra", [-1, 0, 1, 100_000])
async def test_large_mails_go_to_the_blob_store(extra: int) -> None:
    content = b"x" * (RAW_INLINE_BYTES - 2 + extra) + b"\r\n"
    async with a_house() as house, house.talk() as talk:
        mail_id_in(await talk.send(content))
        [mail] = house.log.mails
        assert mail.size_bytes == len(content)
        if extra <= 0:
            assert (mail.raw, mail.raw_blob, house.blobs.kept) == (content, None, {})
        else:
            assert mail.raw is None
            assert mail.raw_blob == hashlib.sha256(content).hexdigest()
            assert await house.blobs.get(mail.raw_blob) == content


@pytest.mark.parametrize("line_bytes", [76, 60_000, 24_000_000])
async def test_24_megabytes_are_received_in_little_memory(line_bytes: int) -> None:
    line = b"x" * (line_bytes - 2) + b"\r\n"
    content = line * (24_000_000 // line_bytes)
    async with a_house() as house, house.talk() as talk:
        house.blobs.keeps_contents = False
        await talk.say(FROM_ANN, TO_BO, "DATA")
        tracemalloc.start()
        with memoryview(content) as sent:
            for at in range(0, len(content), 50_000):
                await talk.put(bytes(sent[at : at + 50_000]))
        reply = await talk.raw(b".\r\n")
        _, most_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        mail_id_in(reply)
        [mail] = house.log.mails
        assert mail.raw_blob == hashlib.sha256(content).hexdigest()
        assert most_bytes < 3_000_000


async def test_what_is_refused_costs_little_memory_too() -> None:
    async with a_house(max_message_bytes=1_000_000) as house, house.talk() as talk:
        await talk.say(FROM_ANN, TO_BO, "DATA")
        tracemalloc.start()
        for _ in range(70):
            await talk.put(b"x" * 100_000)
        reply = await talk.raw(b"\r\n.\r\n")
        _, most_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert reply[:9] == "552 5.3.4"
        assert most_bytes < 3_000_000


async def test_a_message_without_end_is_cut_off() -> None:
    async with a_house(max_message_bytes=100_000) as house, house.talk() as talk:
        await talk.say(FROM_ANN, TO_BO, "DATA")
        with pytest.raises(ConnectionError):
            await talk.put(b"x" * 100_000_000)
        assert house.log.mails == []


async def test_any_bytes_are_kept_as_they_are() -> None:
    content = bytes(b for b in range(256) if b not in b"\r\n") + b"\r\n"
    async with a_house() as house, house.talk() as talk:
        mail_id_in(await talk.send(content))
        assert house.log.raws == [content]


async def test_the_empty_message_is_accepted() -> None:
    async with a_house() as house, house.talk() as talk:
        mail_id_in(await talk.send(b""))
        assert house.log.raws == [b""]


async def test_a_whole_session_may_come_in_one_piece_and_close_its_side() -> None:
    script = f"{HELLO}\r\n{FROM_ANN}\r\n{TO_BO}\r\nDATA\r\nSubject: x\r\n\r\n.\r\nQUIT\r\n"
    async with a_house() as house, house.talk(greets=False) as talk:
        await talk.put(script.encode())
        talk.writer.write_eof()
        replies = (await talk.rest()).splitlines()
        codes = [line[:3] for line in replies if line[3] == " "]
        assert codes == ["220", "250", "250", "250", "354", "250", "221"]
        assert house.log.raws == [b"Subject: x\r\n\r\n"]


async def test_a_client_that_leaves_in_the_middle_leaves_nothing_behind() -> None:
    async with a_house() as house:
        async with house.talk() as talk:
            await talk.say(FROM_ANN, TO_BO, "DATA")
            await talk.put(b"Subject: half\r\n\r\n" + b"x" * 100_000)
            talk.writer.write_eof()
            assert await talk.rest() == ""
        assert (house.log.mails, house.blobs.kept) == ([], {})


async def test_200_sessions_at_once_are_all_served() -> None:
    async def one(number: int) -> str:
        async with house.talk() as talk:
            return await talk.send(b"Subject: %d\r\n\r\n" % number)

    async with a_house() as house:
        replies = await asyncio.gather(*(one(number) for number in range(200)))
        assert {mail_id_in(reply) for reply in replies} == {m.mail_id for m in house.log.mails}
        assert len(house.log.mails) == 200
