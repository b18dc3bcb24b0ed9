"""Push: every change is told once and in order, whatever was missed before."""

import asyncio

import pytest

from api import push
from connectors.memory.notices import MOST_WAITING
from tests.api.desk import Desk, Desks, Socket, memory_alone
from topologies.events import CommandAnswered, MailboxChanged
from topologies.ports.notices import Missed


async def test_a_change_is_told_as_it_happens(a_desk: Desks) -> None:
    async with a_desk() as desk, Socket(desk.app, "", "bearer", await token(desk)) as socket:
        assert socket.first == {
            "type": "websocket.accept",
            "subprotocol": "bearer",
            "headers": [],
        }
        await settled()
        email_id = await desk.receive("Lunch")
        told = await socket.message()
        assert (told["type"], told["email_id"], told["cursor"]) == ("email.added", email_id, 1)
        assert (told["folder_id"], told["is_read"]) == ("inbox", False)
        assert "Lunch" not in str(told)  # ids and states, never content


async def test_what_was_missed_is_told_first_and_nothing_twice(a_desk: Desks) -> None:
    async with a_desk() as desk:
        for number in range(3):
            await desk.receive(f"missed {number}")
        async with Socket(desk.app, "since=1", token=await token(desk)) as socket:
            assert [(await socket.message())["cursor"] for _ in range(2)] == [2, 3]
            await desk.receive("live")
            assert (await socket.message())["cursor"] == 4


async def test_a_notice_that_was_lost_is_made_good_from_the_view(a_desk: Desks) -> None:
    async with a_desk() as desk, Socket(desk.app, "since=0", token=await token(desk)) as socket:
        await settled()
        desk.notices.is_losing = True
        await desk.receive("one")
        await desk.receive("two")
        desk.notices.is_losing = False
        await desk.receive("three")
        assert [(await socket.message())["cursor"] for _ in range(3)] == [1, 2, 3]


async def test_who_is_told_that_something_was_missed_reads_on_by_itself(a_desk: Desks) -> None:
    async with a_desk() as desk, Socket(desk.app, "since=0", token=await token(desk)) as socket:
        await settled()
        desk.notices.is_losing = True
        await desk.receive("one")
        await desk.receive("two")
        desk.notices.is_losing = False
        await desk.notices.publish(Missed(user_id=(await desk.user("ann")).user_id))
        assert [(await socket.message())["cursor"] for _ in range(2)] == [1, 2]


async def test_whoever_falls_behind_what_is_kept_for_them_reads_on_by_itself(
    a_desk: Desks,
) -> None:
    async with a_desk() as desk, Socket(desk.app, "since=0", token=await token(desk)) as socket:
        await settled()
        ann = await desk.user("ann")
        told = MailboxChanged(
            user_id=ann.user_id,
            seq=0,
            command_id="",
            changed_at=desk.clock.now(),
            kind="folder.added",
        )
        for _ in range(MOST_WAITING + 1):
            await desk.notices.publish(told)
        await desk.receive("one")
        await desk.receive("two")
        assert [(await socket.message())["cursor"] for _ in range(2)] == [1, 2]


async def test_nothing_of_another_is_told(a_desk: Desks) -> None:
    async with a_desk() as desk, Socket(desk.app, "", token=await token(desk, "bo")) as socket:
        await settled()
        await desk.receive("for ann")
        await desk.receive("for bo", to="bo")
        told = await socket.message()
        bo = await desk.signed_in("bo")
        mail = (await bo.get(f"/emails/{told['email_id']}")).json()
        assert mail["subject"] == "for bo"


async def test_answers_to_commands_are_not_told(a_desk: Desks) -> None:
    async with a_desk() as desk, Socket(desk.app, "", token=await token(desk)) as socket:
        await settled()
        user = await desk.user("ann")
        await desk.notices.publish(
            CommandAnswered(user_id=user.user_id, command_id="c", status="done", seq=0)
        )
        await desk.receive("Lunch")
        assert (await socket.message())["type"] == "email.added"


async def test_a_cursor_that_is_too_old_closes_the_socket_with_a_code(a_desk: Desks) -> None:
    async with a_desk() as desk, Socket(desk.app, "since=99", token=await token(desk)) as socket:
        code, reason = await socket.closed()
        assert code == push.TOO_OLD
        assert "read everything anew" in reason


@pytest.mark.parametrize(
    ("query", "protocols", "status"),
    [
        ("", (), 401),
        ("", ("bearer", "wrong"), 401),
        ("", ("bearer",), 401),
        ("since=x", ("bearer", "TOKEN"), 400),
        ("until=1", ("bearer", "TOKEN"), 400),
    ],
)
@memory_alone
async def test_who_may_not_listen_is_told_why(
    a_desk: Desks, query: str, protocols: tuple[str, ...], status: int
) -> None:
    async with a_desk() as desk:
        known = await token(desk)
        given = [known if each == "TOKEN" else each for each in protocols]
        async with Socket(desk.app, query, *given) as socket:
            assert socket.first["type"] == "websocket.http.response.start"
            assert socket.first["status"] == status


async def test_a_user_has_so_many_sockets_and_no_more(a_desk: Desks) -> None:
    async with a_desk() as desk:
        known = await token(desk)
        sockets = [Socket(desk.app, token=known) for _ in range(50)]
        for socket in sockets:
            await socket.__aenter__()
        async with Socket(desk.app, token=known) as one_more:
            assert one_more.first["status"] == 429
        await sockets.pop().__aexit__()
        async with Socket(desk.app, token=known) as instead:
            assert instead.first["type"] == "websocket.accept"
        for socket in sockets:
            await socket.__aexit__()


async def test_a_reader_that_is_too_slow_is_cut_off(a_desk: Desks) -> None:
    async with a_desk() as desk, Socket(desk.app, "", token=await token(desk)) as socket:
        await settled()
        socket.can_send.clear()
        await desk.receive("Lunch")
        await socket.ended()


async def test_a_token_that_is_worthless_tells_nothing_more_however_busy_the_mailbox(
    a_desk: Desks,
) -> None:
    async with a_desk(check_every_s=0.05) as desk:
        client = await desk.signed_in()
        known = client.headers["Authorization"].removeprefix("Bearer ")
        async with Socket(desk.app, "since=0", token=known) as socket:
            await client.delete("/auth/token")
            codes: list[int] = []
            async with asyncio.timeout(5):
                while not codes:
                    await desk.receive("Lunch")
                    said = await socket.said()
                    codes += [said["code"]] if said["type"] == "websocket.close" else []
            assert codes == [push.SIGNED_OUT]


async def test_a_socket_whose_token_holds_is_left_open(a_desk: Desks) -> None:
    loop = asyncio.get_running_loop()
    async with (
        a_desk(check_every_s=0.005) as desk,
        Socket(desk.app, "since=0", token=await token(desk)) as socket,
    ):
        cursor, several_looks_later = 0, loop.time() + 0.03
        while loop.time() < several_looks_later:
            await desk.receive(f"Lunch {cursor}")
            cursor += 1
            assert (await socket.message())["cursor"] == cursor


async def settled() -> None:
    """Let the socket come to where it waits for what happens."""
    for _ in range(20):
        await asyncio.sleep(0)


async def token(desk: Desk, name: str = "ann") -> str:
    client = await desk.signed_in(name)
    return client.headers["Authorization"].removeprefix("Bearer ")
