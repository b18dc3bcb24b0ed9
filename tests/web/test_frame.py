"""HTML that strangers sent, as the page shows it in its frame."""

import pytest
from playwright.sync_api import Page, expect

from tests.web.test_modules import serve, until

pytestmark = pytest.mark.browser

SHOW = """async ([html, width]) => {
  const { mailFrame } = await import('/web/frame.js');
  window.asked = [];
  const frame = mailFrame(html, { images: false, onkey() {},
    onmailto: (mail) => asked.push(mail) });
  document.body.style.display = 'block';
  const box = document.createElement('div');
  box.id = 'box';
  box.style.width = `${width}px`;
  box.append(frame);
  document.body.replaceChildren(box);
  await new Promise((resolve) => frame.addEventListener('load', resolve));
}"""


@pytest.mark.parametrize("unit", ["vh", "dvh", "VMAX"])
def test_a_mail_as_high_as_its_window_does_not_grow_for_ever(page: Page, unit: str) -> None:
    show(page, f'<div style="height: 120{unit}">High</div><p>The end</p>')

    # It is drawn again and again while it grows.
    settled = """() => new Promise((resolve) => {
      const frame = document.querySelector('iframe');
      let height = 0;
      let calm = 0;
      const look = () => {
        calm = frame.offsetHeight === height ? calm + 1 : 0;
        height = frame.offsetHeight;
        if (calm > 10 || height > 5_000) resolve(height);
        else requestAnimationFrame(look);
      };
      look();
    })"""
    assert page.evaluate(settled) < 2_000


def test_a_frame_is_no_higher_than_its_text_when_there_is_more_room(page: Page) -> None:
    show(page, "<p>" + "word " * 400 + "</p>", width=200)
    until(page, lambda: height(page) > 1_000)

    page.evaluate("() => { document.getElementById('box').style.width = '1200px'; }")

    until(page, lambda: height(page) < 800)


def test_text_of_another_direction_is_written_from_its_side(page: Page) -> None:
    show(page, "<p>שלום עולם!</p>")

    body = page.frame_locator("iframe").locator("body")
    expect(body).to_have_css("direction", "rtl")


def test_a_link_to_write_a_mail_brings_all_that_it_says(page: Page) -> None:
    show(
        page,
        '<a href="mailto:bo@far.example?subject=A+B%20%26%20C&amp;body=Dear%20Bo,%0D%0Ahello'
        '&amp;CC=cy@far.example&amp;to=di@far.example&amp;attach=/etc/passwd&amp;x=%zz">write</a>',
    )

    page.frame_locator("iframe").get_by_text("write").click()

    assert page.evaluate("asked") == [
        {
            "to": "bo@far.example, di@far.example",
            "subject": "A+B & C",
            "body": "Dear Bo,\nhello",
            "cc": "cy@far.example",
        }
    ]


def show(page: Page, html: str, width: int = 600) -> None:
    serve(page, {})
    page.evaluate(SHOW, [html, width])


def height(page: Page) -> float:
    return page.evaluate("() => document.querySelector('iframe').offsetHeight")
