"""Drafts: after any history of saves, sends, crashes and replays, all is as a plain model has it.

The model knows what was answered and nothing of how it is done: what each draft says, what was
sent, and so what lies in which folder, here and at who gets it.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import httpx
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.api.desk import DOMAIN, Desk, a_desk
from topologies.errors import Retryable

BO = f"bo@{DOMAIN}"
SLOTS = st.integers(0, 2)
STEPS = st.one_of(
    st.tuples(st.just("begin"), SLOTS),
    st.tuples(st.just("save"), SLOTS),
    st.tuples(st.just("save"), SLOTS),
    st.tuples(st.just("save on an older version"), SLOTS),
    st.tuples(st.just("send"), SLOTS),
    st.tuples(st.just("send"), SLOTS),
    st.tuples(st.just("discard"), SLOTS),
    st.tuples(st.just("the log is away"), SLOTS),
    st.tuples(st.just("the workers are away"), SLOTS),
    st.tuples(st.just("killed"), SLOTS),
    st.tuples(st.just("replay"), st.integers(0, 1_000)),
)


@dataclass
class Written:
    """A draft as the model has it."""

    draft_id: str
    text: str
    tags: list[str]
    sent: dict[str, Any] | None = None  # what was answered
    is_discarded: bool = False


@dataclass
class House:
    """The service, and the model beside it."""

    desk: Desk
    ann: httpx.AsyncClient
    bo: httpx.AsyncClient
    drafts: dict[int, Written] = field(default_factory=dict[int, Written])
    ended: list[Written] = field(default_factory=list[Written])
    texts: int = 0

    async def do(self, step: str, number: int) -> None:
        draft = self.drafts.get(number)
        match step:
            case "begin":
                await self.begin(number)
            case "replay":
                await self.replay(number)
            case _ if draft is None:
                return
            case "save":
                await self.save(draft, draft.tags[-1])
            case "save on an older version":
                await self.save_on_an_older(draft)
            case "send":
                await self.send(draft)
            case "discard":
                await self.discard(draft)
            case "the log is away":
                await self.fail_to_send(draft)
            case "the workers are away":
                await self.send(draft, works=False)
            case _:
                await self.kill_while_sending(draft)

    async def begin(self, number: int) -> None:
        if number in self.drafts:
            self.ended.append(self.drafts[number])
        text = self.text()
        answer = await self.ann.post("/drafts", json={"to": [BO], "subject": text})
        assert answer.status_code == 201
        told = answer.json()
        self.drafts[number] = Written(told["draft_id"], text, [told["etag"]])

    async def save(self, draft: Written, tag: str) -> None:
        text = self.text()
        answer = await self.put(draft, tag, text)
        if draft.sent is not None or draft.is_discarded:
            assert answer.status_code == 404
            return
        assert answer.status_code == 200
        draft.text = text
        draft.tags.append(answer.json()["etag"])

    async def save_on_an_older(self, draft: Written) -> None:
        older = draft.tags[:-1]
        if not older or draft.sent is not None or draft.is_discarded:
            return
        assert (await self.put(draft, older[-1], self.text())).status_code == 412

    async def send(self, draft: Written, *, works: bool = True) -> None:
        self.desk.log.is_stuck = not works
        answer = await self.ann.post(f"/drafts/{draft.draft_id}/send")
        if draft.is_discarded and draft.sent is None:
            assert answer.status_code == 404
        else:
            assert answer.status_code == 202
            assert draft.sent in (None, answer.json())
            draft.sent = answer.json()
        await self.desk.log.work_off()

    async def fail_to_send(self, draft: Written) -> None:
        self.desk.log.error = Retryable("the log is away")
        answer = await self.ann.post(f"/drafts/{draft.draft_id}/send")
        self.desk.log.error = None
        if draft.sent is None:
            assert answer.status_code == (404 if draft.is_discarded else 503)

    async def kill_while_sending(self, draft: Written) -> None:
        """The log has it, and nobody was answered: it is sent all the same, when it starts."""
        self.desk.log.is_stuck = True
        answer = await self.ann.post(f"/drafts/{draft.draft_id}/send")
        lost = self.desk.log.taken_away()
        self.desk.log.is_stuck = False
        await self.desk.log.append(lost)
        if answer.status_code == 202:
            assert draft.sent in (None, answer.json())
            draft.sent = answer.json()

    async def discard(self, draft: Written) -> None:
        answer = await self.ann.delete(f"/drafts/{draft.draft_id}?permanent=true")
        is_there = draft.sent is None and not draft.is_discarded
        assert answer.status_code == (204 if is_there else 404)
        draft.is_discarded = True

    async def replay(self, number: int) -> None:
        appended = list(self.desk.log.appended)
        if appended:
            await self.desk.log.append([appended[number % len(appended)]])

    async def check(self) -> None:
        written = [*self.ended, *self.drafts.values()]
        there = {d.draft_id: d.text for d in written if d.sent is None and not d.is_discarded}
        sent = {d.sent["email_id"]: d.text for d in written if d.sent is not None}
        assert await self.subjects(self.ann, "drafts") == there
        assert await self.subjects(self.ann, "sent") == sent
        arrived = await self.subjects(self.bo, "inbox")
        assert sorted(arrived.values()) == sorted(sent.values())
        for text in range(1, self.texts + 1):
            found = {**there, **sent}
            expected = [each for each, subject in found.items() if subject == f"text{text}"]
            page = (await self.ann.get(f"/emails/search?query=subject:text{text}")).json()
            wanted = [m["email_id"] for m in page["emails"] if m["subject"] == f"text{text}"]
            assert wanted == expected
            assert len(page["emails"]) == len(
                [each for each in found.values() if each.startswith(f"text{text}")]
            )

    async def subjects(self, client: httpx.AsyncClient, folder: str) -> dict[str, str]:
        page = (await client.get(f"/folders/{folder}/emails?limit=500")).json()
        assert page["total_count"] == len(page["emails"])
        return {mail["email_id"]: mail["subject"] for mail in page["emails"]}

    async def put(self, draft: Written, tag: str, text: str) -> httpx.Response:
        return await self.ann.put(
            f"/drafts/{draft.draft_id}",
            json={"to": [BO], "subject": text},
            headers={"If-Match": tag},
        )

    def text(self) -> str:
        self.texts += 1
        return f"text{self.texts}"


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(STEPS, max_size=25))
@example([("begin", 0), ("the log is away", 0), ("discard", 0), ("send", 0)])
def test_after_any_history_of_drafts_all_is_as_the_model_has_it(
    steps: list[tuple[str, int]],
) -> None:
    asyncio.run(_run(steps))


async def _run(steps: list[tuple[str, int]]) -> None:
    async with a_desk() as desk:
        house = House(desk, await desk.signed_in("ann"), await desk.signed_in("bo"))
        for step, number in steps:
            await house.do(step, number)
        await house.check()
