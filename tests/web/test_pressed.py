"""What is pressed while the page hears of something new: the click is not lost."""

import json
from collections.abc import Mapping

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from tests.web.test_modules import MAILBOX, Body, listing, serve, sign_in, until

pytestmark = pytest.mark.browser


def test_a_folder_whose_count_changes_while_it_is_pressed_is_opened(page: Page) -> None:
    sockets: list[WebSocketRoute] = []
    page.route_web_socket("**/ws?**", lambda socket: sockets.append(socket))
    asked: list[int] = []

    def folders(query: Mapping[str, str]) -> Body:
        del query
        asked.append(len(asked))
        return [
            {
                "folder_id": folder,
                "name": folder,
                "is_system": True,
                "total_count": len(asked),
                "unread_count": len(asked),
            }
            for folder in ("inbox", "trash")
        ]

    answers = {"/folders/inbox/emails": listing(0), "/folders/trash/emails": listing(3)}
    serve(page, MAILBOX | answers | {"/folders": folders})
    sign_in(page)
    trash = page.get_by_role("link", name="Trash")
    expect(trash).to_contain_text("1")
    until(page, lambda: len(sockets) == 1)
    page.get_by_label("Search mail").focus()  # which it loses to what is pressed

    trash.hover()
    page.mouse.down()
    change = {"type": "email.added", "cursor": 9, "email_id": "n", "folder_id": "trash"}
    sockets[0].send(json.dumps(change))
    until(page, lambda: len(asked) == 2)
    page.evaluate("fetch('/folders')")  # what was answered before this has been read
    page.mouse.up()

    expect(page.locator(".list-title")).to_have_text("Trash")
    expect(trash).to_contain_text("2")  # and what it heard is shown
