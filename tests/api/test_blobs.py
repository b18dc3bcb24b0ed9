"""Contents by URL: from us, or from the store where clients reach it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

import httpx
import pytest

from tests.api.desk import Desk, Desks, Place, a_desk, memory_place
from tests.api.test_mailbox import MULTIPART, PICTURE, got
from topologies.events import BlobId


async def test_a_url_of_ours_holds_for_minutes_and_keeps_its_name_for_a_while(
    a_desk: Desks,
) -> None:
    async with a_desk() as desk:
        urls = [await location(desk) for _ in range(2)]
        assert urls[0] == urls[1]  # so that a picture can be cached
        for minutes, status in ((4, 200), (7, 404)):
            desk.clock.move(minutes * MINUTE)
            assert (await desk.stranger().get(urls[0])).status_code == status
        assert (await desk.stranger().get(await location(desk))).status_code == 200


async def test_a_url_that_one_process_signed_another_answers(a_desk: Desks) -> None:
    async with a_desk() as desk:
        url = await location(desk)
        other = desk.stranger(of_another_process=True)
        assert (await other.get(url)).content == b"<script>1</script>"


async def test_ranges_of_a_content_are_answered(a_desk: Desks) -> None:
    async with a_desk() as desk:
        url, stranger = await location(desk), desk.stranger()
        whole = b"<script>1</script>"
        for asked, status, content in (
            ("bytes=0-0", 206, whole[:1]),
            ("bytes=8-", 206, whole[8:]),
            ("bytes=-3", 206, whole[-3:]),
            ("bytes=5-900", 206, whole[5:]),
            ("bytes=0-1,3-4", 200, whole),
            ("lines=1-2", 200, whole),
        ):
            answer = await stranger.get(url, headers={"Range": asked})
            assert (answer.status_code, answer.content) == (status, content), asked
        beyond = await stranger.get(url, headers={"Range": "bytes=900-"})
        assert (beyond.status_code, beyond.headers["content-range"]) == (416, "bytes */18")
        head = await stranger.head(url, headers={"Range": "bytes=5-9"})
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == "18"
        known = await stranger.get(url, headers={"If-None-Match": head.headers["etag"]})
        assert known.status_code == 304


async def test_the_url_is_told_as_json_to_who_can_not_follow(a_desk: Desks) -> None:
    async with a_desk() as desk:
        client, page = await attachment(desk)
        told = await got(client, f"{page['url']}?redirect=false")
        assert (await desk.stranger().get(told["url"])).content == b"<script>1</script>"
        assert (await client.get(f"{page['url']}?surprise=1")).status_code == 400


async def test_where_clients_reach_the_store_they_are_sent_there_except_for_pictures() -> None:
    async with a_desk(reached_place) as desk:
        client, page = await attachment(desk)
        there = (await client.get(page["url"])).headers["location"]
        blob = (await location(desk, here=True)).partition(".")[0]
        assert there.startswith("https://store.example/")
        assert "ü.html as text/html for 300 s" in unquote(there)
        assert blob.startswith("/blobs/")
        mail = await got(client, page["url"].partition("/attachments")[0])
        assert "store.example" not in mail["html"]
        [picture] = [src for src in mail["html"].split('"') if src.startswith("/blobs/")]
        assert (await desk.stranger().get(picture)).content == PICTURE


@pytest.mark.live
async def test_the_store_hands_out_what_its_url_names_as_a_download(engines: Any) -> None:
    async with a_desk(engines.reached_place) as desk, httpx.AsyncClient() as stranger:
        there = await location(desk)
        fetched = await stranger.get(there)
        assert fetched.content == b"<script>1</script>"
        disposition = fetched.headers["content-disposition"]
        assert disposition == "attachment; filename=\"_.html\"; filename*=UTF-8''%C3%BC.html"
        forged = await stranger.get(there.replace("attachment", "inline"))
        assert forged.status_code == 403


MINUTE = timedelta(minutes=1)


async def attachment(desk: Desk) -> tuple[httpx.AsyncClient, dict[str, Any]]:
    """Let a mail come in; return who has it, and what is told of its attachment."""
    email_id = await desk.receive("", raw=MULTIPART)
    client = await desk.signed_in()
    _, page = (await got(client, f"/emails/{email_id}"))["attachments"]
    return client, page


async def location(desk: Desk, *, here: bool = False) -> str:
    """Return where the attachment of a mail is fetched."""
    client, page = await attachment(desk)
    answer = await client.get(page["url"], params={"here": True} if here else {})
    assert answer.status_code == 302
    return answer.headers["location"]


class Store:
    """A store that clients reach, and which only tells what it was asked."""

    async def signed_url(
        self, blob: BlobId, *, file_name: str, content_type: str, expires_s: int
    ) -> str:
        return f"https://store.example/{blob}?{file_name} as {content_type} for {expires_s} s"


@asynccontextmanager
async def reached_place() -> AsyncGenerator[Place]:
    async with memory_place() as place:
        yield replace(place, blob_urls=Store())
