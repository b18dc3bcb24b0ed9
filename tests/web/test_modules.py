"""The page's modules in Chromium, with a server that says what a test wants it to say."""

import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, Route, WebSocketRoute, expect

pytestmark = pytest.mark.browser

WEB = Path(__file__).parents[2] / "api" / "web"
ORIGIN = "http://127.0.0.1:9"  # nothing listens there: the tests answer
POLICY = "default-src 'self'; img-src 'self' data: https: http:"
TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
Body = dict[str, Any] | list[dict[str, Any]]
Answer = Callable[[Mapping[str, str]], Body | tuple[int, Body]]  # of the query


@pytest.mark.parametrize(
    ("typed", "people"),
    [
        ("", []),
        ("ada@mail.example", ["ada@mail.example"]),
        ("a@x.example, b@x.example;c@x.example\nd@x.example", [f"{c}@x.example" for c in "abcd"]),
        ("Ada <ada@x.example>", [{"address": "ada@x.example", "name": "Ada"}]),
        (
            '"Lovelace, Ada" <ada@x.example>, bo@x.example',
            [{"address": "ada@x.example", "name": "Lovelace, Ada"}, "bo@x.example"],
        ),
        ('"say \\"hi\\"" <a@x.example>', [{"address": "a@x.example", "name": 'say "hi"'}]),
        (' ,; "open', ['"open']),
        ("<a@x.example>", ["a@x.example"]),
    ],
)
def test_an_address_field_is_read_as_people_write_it(
    page: Page, typed: str, people: list[Any]
) -> None:
    serve(page, {})
    read = "async (text) => (await import('/web/format.js')).parsePeople(text)"

    assert page.evaluate(read, typed) == people


@pytest.mark.parametrize(
    ("age", "text"),
    [
        (timedelta(seconds=20), "now"),
        (timedelta(minutes=5), "5 min"),
        (timedelta(days=2), "Sun"),
        (timedelta(days=40), "8 Jan"),
        (timedelta(days=400), "13 Jan 2025"),
    ],
)
def test_a_date_is_as_short_as_it_is_clear(page: Page, age: timedelta, text: str) -> None:
    serve(page, {})
    now = datetime(2026, 2, 17, 12, 0, tzinfo=UTC)  # a Tuesday
    written = (
        "async ([date, now]) => (await import('/web/format.js')).shortDate(date, new Date(now))"
    )

    assert page.evaluate(written, [(now - age).isoformat(), now.isoformat()]) == text


def test_a_place_survives_the_address_bar(page: Page) -> None:
    serve(page, {})
    there_and_back = """async ([view, mail]) => {
      const { readPlace, writePlace } = await import('/web/place.js');
      return readPlace(writePlace(view, mail));
    }"""

    for view in ({"folder": "inbox"}, {"search": 'from:"a/b" 100% #1'}):
        for mail in (None, "01-a"):
            assert page.evaluate(there_and_back, [view, mail]) == {"view": view, "mail": mail}


def test_links_in_plain_text_are_links_and_everything_else_is_text(page: Page) -> None:
    serve(page, {})
    shown = """async (text) => {
      const { plainText } = await import('/web/text.js');
      const box = plainText(text);
      return [box.textContent, [...box.querySelectorAll('*')].map((e) => e.href ?? e.className)];
    }"""
    text = "See https://a.example/x?y=1&z. <b>not bold</b>\n> javascript:alert(1)"

    content, elements = page.evaluate(shown, text)

    assert content == f"{text}\n"
    assert elements == ["https://a.example/x?y=1&z", "quoted"]


@pytest.mark.parametrize(
    ("text", "link"),
    [
        ("(see https://a.example/Foo_(bar))", "https://a.example/Foo_(bar)"),
        ("see https://a.example/Foo_(bar).", "https://a.example/Foo_(bar)"),
        ("(see https://a.example/foo)", "https://a.example/foo"),
        ("请访问https://a.example/x，谢谢。", "https://a.example/x"),
        ("「https://a.example/x」", "https://a.example/x"),
        ("see http://a, or b", "http://a"),
    ],
)
def test_a_link_ends_where_its_writer_meant_it_to(page: Page, text: str, link: str) -> None:
    serve(page, {})
    linked = """async (text) => (await import('/web/text.js')).plainText(text)
      .querySelector('a').textContent"""

    assert page.evaluate(linked, text) == link


@pytest.mark.parametrize(
    ("name", "called"),
    [
        ("Ada", "Ada"),
        ("", "ada@x.example"),
        ("Ada via list@y.example", "Ada via list@y.example"),
        ("Ada@X.example", "Ada@X.example"),
        ("boss@y.example", "ada@x.example"),
    ],
)
def test_nobody_is_shown_under_the_address_of_another(page: Page, name: str, called: str) -> None:
    serve(page, {})
    shown = "async (person) => (await import('/web/format.js')).nameOf(person)"

    assert page.evaluate(shown, {"name": name, "address": "ada@x.example"}) == called


def test_lines_are_written_from_the_side_where_their_script_begins(page: Page) -> None:
    page.route_web_socket("**/ws?**", lambda _: None)
    arabic = line(0) | {"subject": "شحنة (42)!", "snippet": "مرحبا!"}
    answer = {"emails": [arabic], "total_count": 1, "has_more": False, "next_cursor": None}
    serve(page, MAILBOX | {"/folders/inbox/emails": always(answer)})
    sign_in(page)

    expect(page.locator(".row-subject")).to_have_css("direction", "rtl")
    expect(page.locator(".row-snippet bdi")).to_have_css("direction", "rtl")
    expect(page.locator(".row-subject")).to_have_css("text-align", "left")  # rows stay in line
    sides = """async (text) => {
      const { plainText } = await import('/web/text.js');
      const box = plainText(text);
      document.querySelector('.mail-pane').replaceChildren(box);
      const { left, right } = box.getBoundingClientRect();
      const range = document.createRange();
      return text.split('\\n').map((line, index) => {
        range.selectNodeContents(box.childNodes[2 * index]);
        const place = range.getBoundingClientRect();
        return place.left - left < right - place.right ? 'left' : 'right';
      });
    }"""
    assert page.evaluate(sides, "Hello.\nمرحبا!\nBye.") == ["left", "right", "left"]


def test_a_hundred_thousand_mails_are_scrolled_with_few_rows_in_the_document(page: Page) -> None:
    serve(page, MAILBOX | {"/folders/inbox/emails": listing(100_000)})
    sign_in(page)
    rows = page.locator(".row")
    expect(rows.first).to_contain_text("Mail 0")

    for loaded in range(100, 1_100, 50):
        page.evaluate("() => document.querySelector('.scroller').scrollBy(0, 1e6)")
        page.wait_for_function(
            "(height) => document.querySelector('.rows').offsetHeight === height", arg=loaded * 84
        )
    page.evaluate("() => document.querySelector('.scroller').scrollBy(0, 1e6)")
    expect(page.locator(".row[aria-setsize='100000']").last).to_contain_text("Mail 10")

    assert rows.count() < 60
    positions = page.evaluate(
        "() => [...document.querySelectorAll('.row')].map((r) => +r.ariaPosInSet)"
    )
    assert positions == sorted(positions)


def test_what_is_shown_first_is_asked_for_while_the_page_is_on_its_way(page: Page) -> None:
    page.route_web_socket("**/ws?**", lambda _: None)
    asked: list[str] = []

    def noted(name: str, answer: Answer) -> Answer:
        def note(query: Mapping[str, str]) -> Body | tuple[int, Body]:
            asked.append(name)
            return answer(query)

        return note

    paths = ("/me", "/folders", "/labels")
    more = {path: noted(path, MAILBOX[path]) for path in paths}
    serve(page, MAILBOX | more | {"/folders/inbox/emails": noted("listing", listing(3))})
    held: list[Route] = []
    page.route(f"{ORIGIN}/web/desk.js", lambda route: held.append(route))
    sign_in(page, expect_mail=False)

    until(page, lambda: len(asked) == 4 and len(held) == 1)
    assert asked[0] == "/me"  # the number of the last change, before what it is of
    held[0].fulfill(body=(WEB / "desk.js").read_bytes(), content_type=TYPES[".js"])
    expect(page.locator(".row")).to_have_count(3)
    expect(page.locator(".list-title")).to_have_text("Inbox")
    assert sorted(asked) == ["/folders", "/labels", "/me", "listing"]  # and not once more


def test_what_the_first_view_does_without_comes_after_it(page: Page) -> None:
    page.route_web_socket("**/ws?**", lambda _: None)
    came: list[str] = []
    page.on("requestfinished", lambda request: came.append(urlsplit(request.url).path))
    held: list[Route] = []
    serve(page, MAILBOX | {"/folders/inbox/emails": listing(3)})
    page.route(f"{ORIGIN}/folders/inbox/emails?**", lambda route: held.append(route))
    sign_in(page)
    until(page, lambda: len(held) == 1)
    before = set(came)
    page.unroute(f"{ORIGIN}/folders/inbox/emails?**")
    held[0].fallback()
    expect(page.locator(".row")).to_have_count(3)

    scripts = {f"/web/{path.name}" for path in WEB.glob("*.js")}
    of_other_pages = {"topology", "picture", "stages", "trace", "figures", "sw"}
    until(page, lambda: scripts - {f"/web/{name}.js" for name in of_other_pages} <= set(came))
    assert "/web/tools.js" not in before
    page.route(f"{ORIGIN}/**", lambda route: route.abort())
    page.keyboard.press("?")
    shortcuts = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(shortcuts).to_be_visible()
    page.keyboard.press("Escape")
    expect(shortcuts).to_have_count(0)
    page.keyboard.press("c")
    expect(page.locator(".compose")).to_be_visible()


@pytest.mark.parametrize("missing", ["tools.js", "card.js"])  # what is asked for, what it imports
def test_a_part_that_can_not_come_is_told_and_comes_when_it_can(page: Page, missing: str) -> None:
    page.route_web_socket("**/ws?**", lambda _: None)
    serve(page, MAILBOX | {"/folders/inbox/emails": listing(3)})
    page.route(f"{ORIGIN}/web/{missing}", lambda route: route.abort())
    sign_in(page)
    expect(page.locator(".row")).to_have_count(3)

    page.get_by_role("button", name="Write a mail").first.click()
    expect(page.locator(".toast.is-error")).to_contain_text("could not be loaded")
    page.get_by_role("link", name="Mail 1").click()
    expect(page.get_by_role("alert").filter(has_text="could not be loaded")).to_be_visible()
    page.unroute(f"{ORIGIN}/web/{missing}")
    page.get_by_role("button", name="Write a mail").first.click()

    expect(page.locator(".compose")).to_be_visible()


def test_rows_that_came_before_the_style_sheets_are_no_more_than_are_in_sight(page: Page) -> None:
    page.route_web_socket("**/ws?**", lambda _: None)
    serve(page, MAILBOX | {"/folders/inbox/emails": listing(1_000)})
    sign_in(page)
    held: list[Route] = []
    page.route(f"{ORIGIN}/web/panes.css", lambda route: held.append(route))
    page.reload(wait_until="commit")
    expect(page.locator(".row").first).to_be_attached()
    assert (
        page.locator(".row").count() < 40
    )  # as fit into the window, though nothing bounds the list yet

    held[0].fallback()

    expect(page.locator(".row").nth(1)).to_have_css("height", "84px")


def test_after_a_break_the_changes_since_the_last_cursor_are_taken_up(page: Page) -> None:
    sockets: list[WebSocketRoute] = []
    page.route_web_socket("**/ws?**", lambda socket: sockets.append(socket))
    asked: list[str] = []

    def changes(query: Mapping[str, str]) -> Body:
        asked.append(query["since"])
        change = {"type": "email.added", "cursor": 9, "email_id": "n", "folder_id": "inbox"}
        return {"changes": [change], "cursor": 9, "has_more": False}

    def mails(query: Mapping[str, str]) -> Body | tuple[int, Body]:
        return listing(len(asked))(query)  # the first comes when the changes were asked for

    serve(page, MAILBOX | {"/changes": changes, "/folders/inbox/emails": mails})
    sign_in(page)
    expect(page.get_by_text("No mails here.")).to_be_visible()
    assert sockets[0].url.endswith("/ws?since=7")
    sockets[0].send(json.dumps({"type": "email.added", "cursor": 8, "folder_id": "inbox"}))
    sockets[0].close()

    expect(page.locator(".row")).to_have_count(1)
    assert asked[0] == "8"
    until(page, lambda: len(sockets) == 2)
    assert sockets[1].url.endswith("/ws?since=9")


def test_when_the_changes_are_not_kept_any_more_all_is_read_anew(page: Page) -> None:
    sockets: list[WebSocketRoute] = []
    page.route_web_socket("**/ws?**", lambda socket: sockets.append(socket))
    is_lost: list[bool] = []

    def changes(query: Mapping[str, str]) -> Body | tuple[int, Body]:
        del query
        is_lost.append(True)
        return 410, {"type": "urn:rillmail:problem:cursor-too-old", "title": "Gone"}

    def me(query: Mapping[str, str]) -> Body:
        del query
        return {"user_id": "u", "address": "ada@demo.test", "cursor": 50 if is_lost else 7}

    def mails(query: Mapping[str, str]) -> Body | tuple[int, Body]:
        return listing(len(is_lost))(query)

    serve(page, MAILBOX | {"/changes": changes, "/me": me, "/folders/inbox/emails": mails})
    sign_in(page)
    expect(page.get_by_text("No mails here.")).to_be_visible()
    until(page, lambda: len(sockets) == 1)
    sockets[0].close(code=4410)

    expect(page.locator(".row")).to_have_count(1)
    until(page, lambda: len(sockets) == 2)
    assert sockets[1].url.endswith("/ws?since=50")


def test_a_mailbox_that_was_made_anew_is_read_anew(page: Page) -> None:
    sockets: list[WebSocketRoute] = []
    page.route_web_socket("**/ws?**", lambda socket: sockets.append(socket))
    is_rebuilt: list[bool] = []

    def mails(query: Mapping[str, str]) -> Body | tuple[int, Body]:
        return listing(len(is_rebuilt))(query)

    serve(page, MAILBOX | {"/folders/inbox/emails": mails})
    sign_in(page)
    expect(page.get_by_text("No mails here.")).to_be_visible()
    until(page, lambda: len(sockets) == 1)
    is_rebuilt.append(True)
    sockets[0].send(json.dumps({"type": "mailbox.rebuilt", "cursor": 8}))

    expect(page.locator(".row")).to_have_count(1)


def test_without_a_connection_the_page_says_so(page: Page) -> None:
    page.route_web_socket("**/ws?**", lambda socket: socket.close())
    serve(page, MAILBOX | {"/folders/inbox/emails": listing(3)})
    sign_in(page)

    expect(page.get_by_role("status").filter(has_text="Not connected")).to_be_visible()


def test_an_ended_session_leads_back_to_the_sign_in(page: Page) -> None:
    serve(page, MAILBOX | {"/folders/inbox/emails": always((401, {"title": "Unauthorized"}))})
    sign_in(page, expect_mail=False)

    expect(page.get_by_role("alert")).to_have_text("Your session has ended. Sign in again.")
    expect(page.get_by_label("Mail address")).to_have_value("ada@demo.test")


def test_a_session_that_ended_before_the_page_was_there_leads_to_the_sign_in(page: Page) -> None:
    refused: list[str] = []
    held: list[Route] = []

    def me(query: Mapping[str, str]) -> tuple[int, Body]:
        del query
        refused.append("/me")
        return 401, {"title": "Unauthorized"}

    serve(page, MAILBOX | {"/me": me})
    session = {"token": "0ld", "ends_at": 2**53 - 1}
    keep = "(session) => sessionStorage.setItem('rillmail.session', JSON.stringify(session))"
    page.evaluate(keep, session)
    page.route(f"{ORIGIN}/web/app.js", lambda route: held.append(route))
    page.reload(wait_until="commit")
    until(page, lambda: len(refused) == 1 and len(held) == 1)

    held[0].fallback()

    expect(page.get_by_role("alert")).to_have_text("Your session has ended. Sign in again.")


def test_a_change_that_the_server_refuses_is_taken_back_and_told(page: Page) -> None:
    refused = (409, {"title": "Conflict", "detail": "that folder is being deleted"})
    serve(
        page,
        MAILBOX | {"/folders/inbox/emails": listing(3), "POST /emails/batch": always(refused)},
    )
    sign_in(page)

    page.get_by_role("button", name="Star").first.click()

    expect(page.locator(".toast.is-error")).to_contain_text("That folder is being deleted.")
    expect(page.get_by_role("button", name="Remove star")).to_have_count(0)


def sign_in(page: Page, *, expect_mail: bool = True) -> None:
    page.get_by_label("Mail address").fill("ada@demo.test")
    page.get_by_label("Password").fill("secret")
    page.get_by_role("button", name="Sign in").click()
    if expect_mail:
        expect(page.locator(".list-title")).to_have_text("Inbox")


def until(page: Page, is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 15
    while not is_so():
        assert time.monotonic() < deadline
        page.wait_for_timeout(20)  # between looks, not instead of them


def serve(page: Page, answers: Mapping[str, Answer]) -> None:
    """Open the page on a server that gives *answers*, by path or method and path."""

    def answer(route: Route) -> None:
        url = urlsplit(route.request.url)
        if url.path == "/" or url.path.startswith("/web/"):
            path = WEB / (url.path.removeprefix("/web/") if url.path != "/" else "index.html")
            kind = TYPES.get(path.suffix, "text/html")
            headers = {"Content-Security-Policy": POLICY}
            route.fulfill(body=path.read_bytes(), content_type=kind, headers=headers)
            return
        given = answers.get(f"{route.request.method} {url.path}") or answers.get(url.path)
        if given is None:
            route.fulfill(status=404, json={"title": "Not Found", "detail": "no such thing"})
            return
        told = given({name: values[0] for name, values in parse_qs(url.query).items()})
        if isinstance(told, tuple):
            route.fulfill(status=told[0], json=told[1])
        else:
            route.fulfill(json=told)

    page.route(f"{ORIGIN}/**", answer)
    # What these tests list, they list mail by mail.
    page.add_init_script("localStorage.setItem('rillmail.conversations', 'off')")
    page.goto(f"{ORIGIN}/")


def always(told: Body | tuple[int, Body]) -> Answer:
    return lambda _: told


def listing(total: int) -> Answer:
    """Answer pages of *total* mails; a cursor is the number of the first mail."""

    def answer(query: Mapping[str, str]) -> Body:
        first = int(query.get("cursor", 0))
        end = min(total, first + int(query["limit"]))
        return {
            "emails": [line(number) for number in range(first, end)],
            "total_count": total,
            "has_more": end < total,
            "next_cursor": str(end) if end < total else None,
        }

    return answer


def line(number: int) -> dict[str, Any]:
    return {
        "email_id": f"{9_999_999 - number if number else 0:07}",
        "thread_id": "t",
        "folder_id": "inbox",
        "from": {"address": "bo@x.example", "name": "Bo"},
        "to": [],
        "subject": f"Mail {number}",
        "snippet": "text",
        "is_read": False,
        "is_starred": False,
        "is_spam": False,
        "has_attachments": False,
        "size": 100,
        "created_at": "2026-02-17T12:00:00Z",
    }


MAILBOX: dict[str, Answer] = {
    "/auth/token": always({"access_token": "t0k3n", "token_type": "Bearer", "expires_in": 3600}),
    "/me": always({"user_id": "u", "address": "ada@demo.test", "cursor": 7}),
    "/labels": always([]),
    "/folders": always(
        [
            {
                "folder_id": "inbox",
                "name": "Inbox",
                "is_system": True,
                "total_count": 1,
                "unread_count": 1,
            }
        ]
    ),
    "/changes": lambda query: {"changes": [], "cursor": int(query["since"]), "has_more": False},
}
