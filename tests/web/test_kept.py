"""What is typed while the server is away, in several tabs, and before the page is loaded anew."""

from collections.abc import Mapping

import pytest
from playwright.sync_api import Locator, Page, WebSocketRoute, expect

from tests.web.test_modules import MAILBOX, Answer, Body, always, listing, serve, sign_in, until

pytestmark = pytest.mark.browser

AWAY: tuple[int, Body] = (503, {"title": "Service Unavailable", "detail": "it starts anew"})
FOLDERS: Body = [
    {"folder_id": each, "name": each, "is_system": True, "total_count": 1, "unread_count": 1}
    for each in ("inbox", "trash")
]
DRAFT: Body = {"draft_id": "d", "etag": '"1"', "attachments": []}


class Server:
    """One that saves drafts unless it is away."""

    def __init__(self) -> None:
        self.is_away = False

    def unless_away(self, answer: Answer) -> Answer:
        return lambda query: AWAY if self.is_away else answer(query)

    def open(self, page: Page, more: Mapping[str, Answer] | None = None) -> None:
        page.route_web_socket("**/ws?**", lambda _: None)
        answers = {"/folders/inbox/emails": listing(3), "/drafts": always(DRAFT)}
        answers |= {"/drafts/d": always(DRAFT)} | dict(more or {})
        answers = {path: self.unless_away(answer) for path, answer in answers.items()}
        serve(page, MAILBOX | answers)
        sign_in(page)


@pytest.fixture
def server() -> Server:
    return Server()


def test_a_draft_closed_while_the_server_is_away_is_saved_once(page: Page, server: Server) -> None:
    keys: set[str | None] = set()
    page.on(
        "request",
        lambda request: (
            keys.add(request.header_value("Idempotency-Key"))
            if request.url.endswith("/drafts")
            else None
        ),
    )
    server.open(page)
    write(page, "Boats")
    server.is_away = True
    close(page)
    expect(page.locator(".toast.is-error")).to_contain_text("kept in this browser")

    page.keyboard.press("c")
    expect(subject(page)).to_have_value("Boats")
    server.is_away = False

    expect(page.locator(".compose-state")).to_have_text("Saved")
    assert len(keys) == 1


def test_a_draft_closed_while_the_server_is_away_makes_room_once_it_is_saved(
    page: Page, server: Server
) -> None:
    server.is_away = False
    server.open(page)
    server.is_away = True
    write(page, "Boats")
    close(page)
    expect(page.locator(".toast.is-error")).to_contain_text("kept in this browser")
    server.is_away = False
    saved = page.locator(".toast").filter(has_text="Saved in Drafts.")
    expect(saved).to_be_visible(timeout=30_000)  # it tries again after a while

    page.keyboard.press("c")

    expect(subject(page)).to_have_value("")


def test_what_is_written_in_one_tab_is_not_opened_in_another(page: Page, server: Server) -> None:
    server.open(page)
    write(page, "Boats")
    other = page.context.new_page()
    server.open(other)

    other.keyboard.press("c")
    expect(subject(other)).to_be_visible()
    expect(subject(other)).to_have_value("")
    other.close()
    write(page, "Boats and oars")

    page.reload()
    expect(subject(page)).to_have_value("Boats and oars")


def test_what_a_tab_left_that_is_gone_is_taken_up_by_the_next(page: Page, server: Server) -> None:
    server.open(page)
    other = page.context.new_page()
    server.open(other)
    server.is_away = True
    write(other, "Boats")
    locks = "async () => (await navigator.locks.query()).held.length"
    assert page.evaluate(locks) == 2
    other.close()
    until(page, lambda: page.evaluate(locks) == 1)

    page.keyboard.press("c")

    expect(subject(page)).to_have_value("Boats")


def test_what_was_being_written_is_open_again_after_the_page_is_loaded_anew(
    page: Page, server: Server
) -> None:
    server.open(page)
    write(page, "Boats")

    page.reload()

    expect(subject(page)).to_have_value("Boats")


def test_a_folder_that_could_not_be_read_is_read_when_it_is_asked_for_again(
    page: Page, server: Server
) -> None:
    server.open(page, {"/folders": always(FOLDERS), "/folders/trash/emails": listing(2)})
    trash = page.get_by_role("link", name="Trash")
    server.is_away = True
    trash.click()
    expect(page.locator(".list-note")).to_contain_text("It starts anew")
    server.is_away = False

    trash.click()

    expect(page.locator(".row")).to_have_count(2)


def test_a_folder_that_could_not_be_read_is_read_when_the_connection_is_back(page: Page) -> None:
    server = Server()
    sockets: list[WebSocketRoute] = []
    server.open(page, {"/folders": always(FOLDERS), "/folders/trash/emails": listing(2)})
    page.route_web_socket("**/ws?**", lambda socket: sockets.append(socket))
    page.reload()
    until(page, lambda: len(sockets) == 1)
    server.is_away = True
    page.get_by_role("link", name="Trash").click()
    expect(page.locator(".list-note")).to_contain_text("It starts anew")
    server.is_away = False

    sockets[0].close()

    expect(page.locator(".row")).to_have_count(2)


def write(page: Page, text: str) -> None:
    if not page.locator(".compose").is_visible():
        page.keyboard.press("c")
    subject(page).fill(text)


def close(page: Page) -> None:
    page.get_by_role("button", name="Close; the text is kept in Drafts").click()


def subject(page: Page) -> Locator:
    return page.locator(".compose").get_by_label("Subject")
