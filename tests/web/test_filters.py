"""Filters: what becomes of mail as it comes, said in the browser on the real service."""

import pytest
from playwright.sync_api import Page, expect

from tests.web.test_modules import serve
from tests.web.webmail import Webmail

pytestmark = pytest.mark.browser
on_the_service = [
    pytest.mark.process,
    # What the page does by itself, whatever the profile.
    pytest.mark.parametrize("house", ["embedded"], indirect=True),
]

READ = """async (filters) => {
  const { filtersOf, sourceOf } = await import('/web/sieve.js');
  return filtersOf(sourceOf(filters));
}"""


@pytest.mark.parametrize(
    "filters",
    [
        [],
        [{"from": "boss@shop.example", "folder": "Work"}],
        [
            {
                "subject": 'say "hi" \\ ${x} # no */ comment\u2028',
                "folder": 'a"b\\c',
                "label": "zwei drei",
            }
        ],
        [{"text": "ünï", "is_read": True}, {"to": "list@", "is_starred": True, "folder": "trash"}],
    ],
)
def test_filters_are_read_from_the_script_that_was_made_of_them(
    page: Page, filters: list[dict[str, object]]
) -> None:
    serve(page, {})

    assert page.evaluate(READ, filters) == filters


@pytest.mark.parametrize(
    "source", ["", "keep;", '# filter {"from":"a","folder":"b"}', "# filter {"]
)
def test_a_script_that_was_written_by_hand_is_none_of_the_page(page: Page, source: str) -> None:
    serve(page, {})
    read = "async (source) => (await import('/web/sieve.js')).filtersOf(source)"

    assert page.evaluate(read, source) is None


class TestOnTheService:
    pytestmark = on_the_service

    def test_a_filter_made_from_a_mail_sorts_what_comes_then(self, webmail: Webmail) -> None:
        webmail.sign_in()
        with webmail.elsewhere() as client:
            for path, name in (("/folders", "Pumps"), ("/labels", "From afar")):
                client.post(path, json={"name": name}).raise_for_status()
        webmail.receive("The first pump")
        webmail.open("The first pump")
        webmail.button("More").click()
        webmail.choose("Filter mail like this")
        expect(webmail.dialog.get_by_label("From")).to_have_value("ann@far.example")
        webmail.dialog.get_by_label("Subject").fill("PUMP")
        webmail.dialog.get_by_role("button", name="Save").click()
        expect(webmail.dialog.get_by_role("alert")).to_have_text("Say what is to be done with it.")
        webmail.dialog.get_by_label("Move to").select_option("Pumps")
        webmail.dialog.get_by_label("Label").select_option("From afar")
        webmail.dialog.get_by_label("Star it").check()
        webmail.dialog.get_by_role("button", name="Save").click()
        expect(webmail.dialog).to_have_count(0)

        webmail.receive("Another pump")
        webmail.receive("Something else")
        expect(webmail.row("Something else")).to_be_visible()
        expect(webmail.row("Another pump")).to_have_count(0)
        webmail.go_to("Pumps")
        row = webmail.row("Another pump")
        expect(row.get_by_text("From afar")).to_be_visible()
        expect(row.get_by_role("button", name="Remove star")).to_be_visible()

    def test_filters_are_changed_and_removed_in_the_settings(self, webmail: Webmail) -> None:
        webmail.sign_in()
        webmail.button("Settings").click()
        part = webmail.dialog.get_by_role("region", name="Filters")
        expect(part).to_contain_text("None. Mail goes to Inbox")
        for subject in ("alpha", "beta"):
            part.get_by_role("button", name="New filter").click()
            asked = webmail.dialog.filter(
                has=webmail.page.get_by_role("heading", name="Filter", exact=True)
            )
            asked.get_by_label("Subject").fill(subject)
            asked.get_by_label("Move to").select_option("Trash")
            asked.get_by_role("button", name="Save").click()
        expect(part.get_by_role("listitem")).to_have_count(2)
        part.get_by_role("button", name="Change Subject “beta”: to Trash").click()
        asked.get_by_label("Move to").select_option("")
        asked.get_by_label("Mark it as read").check()
        asked.get_by_role("button", name="Save").click()
        part.get_by_role("button", name="Remove Subject “alpha”: to Trash").click()
        expect(part.get_by_role("listitem")).to_have_count(1)
        expect(part.get_by_role("listitem")).to_contain_text("Subject “beta”: read")
        part.get_by_role("button", name="Remove Subject “beta”: read").click()
        expect(part).to_contain_text("None. Mail goes to Inbox")
        with webmail.elsewhere() as client:
            assert client.get("/rules/scripts").json() == []

    def test_a_script_of_ones_own_is_told_and_switched_off_for_filters(
        self, webmail: Webmail
    ) -> None:
        with webmail.elsewhere() as client:
            client.put("/rules/scripts/mine", json={"source": "keep;"}).raise_for_status()
            client.put("/rules/active", json={"name": "mine"}).raise_for_status()
            webmail.sign_in()
            webmail.button("Settings").click()
            part = webmail.dialog.get_by_role("region", name="Filters")
            expect(part).to_contain_text("Your mail is sorted by the script “mine”.")
            part.get_by_role("button", name="Use filters instead").click()
            expect(part.get_by_role("button", name="New filter")).to_be_visible()
            [script] = client.get("/rules/scripts").json()
            assert (script["name"], script["is_active"]) == ("mine", False)
