"""What everybody can use: axe-core finds nothing on any page, by day and by night."""

from importlib.resources import files

import pytest
from playwright.sync_api import Page, expect

from tests.web.webmail import House, Webmail

# The page is the same on both profiles.
pytestmark = [
    pytest.mark.browser,
    pytest.mark.process,
    pytest.mark.parametrize("house", ["embedded"], indirect=True),
]

# The package brings axe-core itself; no more of it is wanted here.
AXE = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")

# WCAG 2.2 AA and below, and what axe-core's makers hold to be good practice besides.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
CHECKED = """async ([rules]) => {
  const { violations } = await axe.run({ runOnly: rules, resultTypes: ['violations'] });
  const told = ({ target, html, failureSummary }) =>
    `${target.join(' ')} ${html.slice(0, 200)} ${failureSummary}`;
  return violations.flatMap(({ id, impact, nodes }) =>
    nodes.map((node) => `${impact} ${id}: ${told(node)}`));
}"""

HTML = (
    "<h1>Offer</h1><p>A <a href='https://far.example/'>boat</a>"
    " <img src='https://far.example/boat.png'></p>"
)


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest, page: Page) -> str:
    """By day or by night; nothing moves, as what is half there has no contrast."""
    page.emulate_media(color_scheme=request.param, reduced_motion="reduce")
    return request.param


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_keeps_anybody_from_the_page(webmail: Webmail, scheme: str, width: int) -> None:
    page = webmail.page
    page.set_viewport_size({"width": width, "height": 800})
    found: dict[str, list[str]] = {}

    def check(where: str) -> None:
        found[where] = violations(page)

    page.goto(webmail.url)
    expect(webmail.button("Sign in")).to_be_visible()
    check("sign-in")
    webmail.fill_sign_in(webmail.address(), "wrong")
    expect(page.get_by_role("alert")).not_to_be_empty()
    check("sign-in refused")
    webmail.receive("Boat trip", "Who comes?", headers={"Message-ID": "<1@far.example>"})
    webmail.receive("Re: Boat trip", "I do.", headers={"In-Reply-To": "<1@far.example>"})
    webmail.receive("Offer", "An offer", html=HTML, files={"boat.bin": b"boat"})
    webmail.fill_sign_in(*webmail.users[0])
    expect(webmail.rows).to_have_count(2)
    check("list")
    webmail.row("Offer").get_by_role("checkbox").check()
    check("selection")
    webmail.button("Select none").click()
    webmail.open("Re: Boat trip")
    expect(page.locator(".conversation").first).to_contain_text("Conversation of 2 mails")
    check("conversation")
    if width < 720:
        webmail.button("Back to the list").click()
    webmail.open("Offer")
    expect(webmail.frame.locator("h1")).to_have_text("Offer")
    check("mail in HTML")
    webmail.button("More").click()
    expect(page.get_by_role("menu")).to_be_visible()
    check("menu")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(webmail.dialog).to_be_visible()
    check("shortcuts")
    webmail.dialog.get_by_role("button", name="Close", exact=True).click()
    page.keyboard.press("c")
    webmail.compose.get_by_label("To", exact=True).fill("nobody")
    webmail.compose.get_by_role("button", name="Send", exact=True).click()
    check("compose")
    page.keyboard.press("Escape")
    page.evaluate("() => document.querySelector('[aria-label=Settings]').click()")
    expect(webmail.dialog.get_by_role("region", name="Contacts")).to_be_visible()
    check("settings")
    webmail.button("New filter").click()
    expect(webmail.page.get_by_role("heading", name="Filter", exact=True)).to_be_visible()
    check("filter")
    page.keyboard.press("Escape")
    webmail.dialog.get_by_role("button", name="Close", exact=True).click()
    if width < 720:
        webmail.button("Back to the list").click()
    webmail.search("boat")
    check("search")

    assert [f"{where}: {each}" for where in found for each in found[where]] == [], scheme


def test_nothing_keeps_anybody_from_the_topology_page(
    page: Page, house: House, scheme: str
) -> None:
    page.goto(f"{house.http_url}/web/topology.html")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    found = {"sign-in": violations(page)}
    page.get_by_label("Mail address").fill(house.users[0][0])
    page.get_by_label("Password").fill(house.users[0][1])
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#stage-parse .figures")).to_contain_text("/", timeout=60_000)
    found["topology"] = violations(page)
    page.get_by_role("button", name="parse", exact=True).click()
    expect(page.get_by_role("dialog", name="Stage parse")).to_be_visible()
    found["stage"] = violations(page)
    assert [f"{where}: {each}" for where in found for each in found[where]] == [], scheme


def violations(page: Page) -> list[str]:
    """Return what axe-core finds on *page* as it is."""
    page.evaluate(AXE)
    return page.evaluate(CHECKED, [RULES])
