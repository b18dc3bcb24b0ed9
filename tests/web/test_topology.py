"""The topology page in Chromium: on the real service, and with a server that does not answer."""

import json
import smtplib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, Route, expect

from tests.journeys.place import PASSWORD, Place
from tests.process import RunningService
from tests.web.webmail import House
from topologies.drawing.svg import as_svg
from topologies.topology import build

pytestmark = pytest.mark.browser

WEB = Path(__file__).parents[2] / "api" / "web"
ORIGIN = "http://127.0.0.1:9"  # nothing listens there: the test answers
POLICY = "default-src 'self'; img-src 'self' data:; base-uri 'none'; object-src 'none'"
TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
PATIENCE_MS = 60_000  # for what the service tells a while after it happened


@pytest.mark.process
def test_an_administrator_sees_what_flows_and_follows_one_mail(page: Page, root: House) -> None:
    page.goto(f"{root.http_url}/web/topology.html")
    sign_in(page, *root.users[0])
    expect(page.get_by_role("heading", name="How mail flows")).to_be_visible()
    place = page.locator("#stage-parse .figures")
    expect(place).to_contain_text("/", timeout=PATIENCE_MS)

    mail_id = received(root)
    row = page.get_by_role("row").filter(has=page.get_by_role("button", name="parse", exact=True))
    expect(row.get_by_role("cell").nth(1)).not_to_have_text("0/s", timeout=PATIENCE_MS)
    expect(place).not_to_have_text("0/s")
    page.get_by_label("Id of the mail").fill(mail_id)
    way = page.locator(".way li")
    # It may be on its way still, when it is looked for first.
    for _ in range(20):
        page.get_by_role("button", name="Find").click()
        expect(page.get_by_role("heading", name="Where it is")).to_be_visible()
        if way.count() >= 3:
            break
        page.wait_for_timeout(500)
    expect(way.first).to_contain_text("mail.received/1")
    expect(way.nth(1)).to_contain_text("by route")
    expect(page.locator(".places")).to_contain_text(f"{root.users[0][0]}: inbox")
    assert page.url.endswith(f"#/mail/{mail_id}")

    way.nth(1).get_by_role("button", name="route").click()
    stage = page.get_by_role("dialog", name="Stage route")
    expect(stage).to_contain_text("in process, by the stage before it")
    expect(stage.get_by_role("list")).to_have_text("None.", timeout=PATIENCE_MS)


def test_who_is_no_administrator_is_told_so(page: Page) -> None:
    serve(page, {"/me": {"user_id": "u", "address": "ada@demo.test", "is_admin": False}})
    sign_in(page)
    expect(page.get_by_role("alert")).to_have_text("This page is for administrators.")
    expect(page.locator("table")).to_have_count(0)


def test_dead_letters_are_seen_and_lead_to_the_history_of_their_mail(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    serve(page, ANSWERS)
    sign_in(page)
    expect(page.locator("#stage-scan .figures")).to_have_text("0/s ↻2 †1")
    wide = "() => document.documentElement.scrollWidth > document.documentElement.clientWidth"
    assert page.evaluate(wide) is False  # only the picture is scrolled sideways

    page.get_by_role("button", name="scan", exact=True).click()
    dialog = page.get_by_role("dialog", name="Stage scan")
    expect(dialog).to_contain_text("no <b>such</b> charset")
    dialog.get_by_role("button", name="Whole history of this mail").click()
    expect(page.locator(".places")).to_contain_text("Dead letter inbound-0-7 of scan, dead")
    expect(page.get_by_label("Id of the mail")).to_have_value("m-1")


def test_while_there_is_no_answer_it_is_said_and_asked_again(page: Page) -> None:
    page.clock.install()
    answers = dict(ANSWERS)
    serve(page, answers)
    sign_in(page)
    expect(page.locator("tbody tr")).to_have_count(1)
    answers["/admin/topology"] = Refused(503, {"title": "Unavailable", "detail": "Kafka is away"})
    page.clock.run_for(5_000)
    alert = page.get_by_role("alert").filter(has_text="Kafka is away.")
    expect(alert).to_be_visible()
    expect(page.locator("tbody tr")).to_have_count(1)  # what was known is still shown
    answers["/admin/topology"] = ANSWERS["/admin/topology"]
    page.clock.run_for(10_000)
    expect(alert).to_have_count(0)


@dataclass(frozen=True)
class Refused:
    status: int
    problem: dict[str, Any]


def sign_in(page: Page, address: str = "ada@demo.test", password: str = "secret") -> None:
    page.get_by_label("Mail address").fill(address)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def received(house: House) -> str:
    """Let a mail come in; return its id."""
    address = house.users[0][0]
    with smtplib.SMTP("127.0.0.1", house.smtp_port, timeout=30) as client:
        client.ehlo()
        client.mail("ann@far.example")
        client.rcpt(address)
        code, said = client.data(b"Subject: where is it\r\n\r\nHello there.\r\n")
    assert code == 250, said
    return said.decode().split()[-1]


@pytest.fixture(params=["embedded", pytest.param("cluster", marks=pytest.mark.live)])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """The real service, and an administrator."""
    if request.param == "embedded":
        with RunningService(tmp_path / "data", {"RILLMAIL_SPAM_THRESHOLD": "1"}) as running:
            yield House(running.http_url, running.smtp_port, running.users)
        return
    with Place(request.getfixturevalue("cluster_service")) as place:
        person = place.person("root", "--admin")
        users = [(person.address, PASSWORD)]
        yield House(place.service.http_url, place.service.smtp_port, users)


def serve(page: Page, answers: dict[str, Any]) -> None:
    """Open the page on a server that gives *answers*, by path."""
    answers.setdefault("/admin/topology/picture", as_svg(build(), room=17))
    token = {"access_token": "t0k3n", "token_type": "Bearer", "expires_in": 3600}

    def answer(route: Route) -> None:
        path = urlsplit(route.request.url).path
        if path.startswith("/web/"):
            file = WEB / path.removeprefix("/web/")
            kind = TYPES.get(file.suffix, "text/html")
            headers = {"Content-Security-Policy": POLICY}
            route.fulfill(body=file.read_bytes(), content_type=kind, headers=headers)
            return
        given = token if path == "/auth/token" else answers.get(path)
        if isinstance(given, str):
            route.fulfill(body=given, content_type="image/svg+xml")
        elif isinstance(given, Refused):
            route.fulfill(status=given.status, json=given.problem)
        elif given is None:
            route.fulfill(status=404, json={"title": "Not Found"})
        else:
            route.fulfill(body=json.dumps(given), content_type="application/json")

    page.route(f"{ORIGIN}/**", answer)
    page.goto(f"{ORIGIN}/web/topology.html")


STAGE: dict[str, Any] = {
    "name": "scan",
    "path": "inbound",
    "reads": ["mail.authenticated/1"],
    "writes": ["mail.scanned/1"],
    "reads_topic": "mail.authenticated",
    "writes_topics": ["mail.scanned"],
    "timeout_s": 30,
    "attempts": 5,
    "heads_chain": False,
    "done_per_s": 0,
    "again_per_s": 0,
    "buried_per_s": 0,
    "waiting": 2,
    "oldest_s": 7,
    "lag_records": None,
    "lag_s": None,
    "dead_letters": 1,
}
LETTER: dict[str, Any] = {
    "letter_id": "inbound-0-7",
    "path": "inbound",
    "stage": "scan",
    "kind": "bug",
    "state": "dead",
    "reason": "no <b>such</b> charset",
    "attempts": 1,
    "buried_at": "2026-03-01T12:00:00Z",
}
ANSWERS: dict[str, Any] = {
    "/me": {"user_id": "u", "address": "ada@demo.test", "is_admin": True},
    "/admin/topology": {
        "at": "2026-03-01T12:00:00Z",
        "stages": [STAGE],
        "cuts": [],
        "taps": [],
        "replay_lag": {},
        "later": {},
        "unknown": [],
    },
    "/admin/dead-letters": {"dead_letters": [LETTER], "counts": {"inbound": 1}},
    "/admin/dead-letters/inbound-0-7": LETTER | {"key": "m-1", "value": {"mail_id": "m-1"}},
    "/admin/trace/m-1": {
        "mail_ids": ["m-1"],
        "events": [],
        "copies": [],
        "deliveries": [],
        "dead_letters": [LETTER],
        "incomplete": [],
    },
}
