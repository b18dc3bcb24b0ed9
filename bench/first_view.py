"""The first view of a large folder: what a person waits for who opens the page.

From the navigation with a live session to rows that are painted, in Chromium, against the real
service on loopback: with a browser that was never here, and with one that has the page's files.
Needs Chromium; one navigation at a time.
"""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, sync_playwright

from bench import fill
from bench.figures import Figure, Section, latencies, percentile
from bench.people import Person, settings_of, with_people
from bench.plan import Plan
from bench.progress import Progress
from bench.service import Service, running
from tests.web.chromium import SWITCHES

AT_MOST_MS = 300.0
VIEWS, QUICK_VIEWS = 40, 4

# Told when the frame in which the first row stands has been painted.
_PAINTED = """
  const session = %s;
  sessionStorage.setItem('rillmail.session', JSON.stringify(session));
  new MutationObserver((_, watch) => {
    if (!document.querySelector('.row')) return;
    watch.disconnect();
    requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => {
        window.paintedAt = performance.now();
        console.debug('painted');
      };
      port2.postMessage(null);
    });
  }).observe(document, { childList: true, subtree: true });
"""
_TOLD = """() => {
  const got = performance.getEntriesByType('resource');
  const last = (test) => Math.max(0, ...got.filter(test).map((each) => each.responseEnd));
  const isModule = ({ name, responseEnd }) =>
    name.endsWith('.js') && responseEnd < window.paintedAt;
  return { painted: window.paintedAt, rows: document.querySelectorAll('.row').length,
    requests: got.length, fetched: got.filter((each) => each.transferSize > 0).length,
    modules: last(isModule), listing: last(({ name }) => /threads|emails\\?/.test(name)) };
}"""


@dataclass(frozen=True, slots=True)
class _View:
    painted_s: float
    modules_s: float
    listing_s: float
    fetched: int


def measure(plan: Plan, work: Path, progress: Progress, add: Callable[[Section], None]) -> None:
    """Fill a mailbox of ``plan.mails``, and open the page on it again and again."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    title = f"First view of a folder of {plan.mails:,} mails"
    if path is None:
        add(Section(name="first_view", title=title, notes=("Chromium is not here",)))
        return
    folder = work / "data"
    [owner] = with_people(settings_of(folder), ["reader"])
    fill.fill(settings_of(folder), {owner: plan.mails}, plan.size_bytes, progress)
    views = QUICK_VIEWS if plan.is_quick else VIEWS
    with running(folder, [owner]) as service, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=SWITCHES)
        fresh, known = _views(service, owner, browser, views, progress)
        browser.close()
    add(
        Section(
            name="first_view",
            title=title,
            figures=(
                *_figures("first_view", "a browser that was never here", fresh),
                *_figures("next_view", "a browser that has the page's files", known),
            ),
        )
    )


def _views(
    service: Service, owner: Person, browser: Browser, count: int, progress: Progress
) -> tuple[Sequence[_View], Sequence[_View]]:
    token = service.token(owner)
    fresh: list[_View] = []
    known: list[_View] = []
    with progress.step("First views", count + 1) as advance:
        for number in range(count + 1):
            context = browser.new_context(viewport={"width": 1280, "height": 800})
            session = f'{{"token": "{token}", "ends_at": {2**53 - 1}}}'
            context.add_init_script(_PAINTED % session)
            views = _view(service, context), _view(service, context)
            context.close()
            if number:  # the first starts processes of the browser
                fresh.append(views[0])
                known.append(views[1])
            advance()
    return fresh, known


def _view(service: Service, context: BrowserContext) -> _View:
    page = context.new_page()
    # Told by the page: what looks for it there would have a large script run first.
    with page.expect_console_message(lambda said: said.text == "painted"):
        page.goto(f"{service.http_url}/#/folder/inbox", wait_until="commit")
    told: dict[str, Any] = page.evaluate(_TOLD)
    assert told["rows"] >= 10, told
    page.close()
    return _View(
        painted_s=told["painted"] / 1000,
        modules_s=told["modules"] / 1000,
        listing_s=told["listing"] / 1000,
        fetched=told["fetched"],
    )


def _figures(key: str, who: str, views: Sequence[_View]) -> tuple[Figure, ...]:
    painted = latencies(key, [each.painted_s for each in views], f"rows painted, {who}")
    return (
        *(
            Figure(
                key=each.key,
                value=each.value,
                unit=each.unit,
                meaning=each.meaning,
                at_most=AT_MOST_MS,
            )
            for each in painted
        ),
        Figure(
            key=f"{key}_modules",
            value=percentile([each.modules_s for each in views], 50) * 1000,
            unit="ms",
            meaning="of it, until the page's modules were there: median",
        ),
        Figure(
            key=f"{key}_listing",
            value=percentile([each.listing_s for each in views], 50) * 1000,
            unit="ms",
            meaning="of it, until the listing was there: median",
        ),
        Figure(
            key=f"{key}_requests",
            value=percentile([each.fetched for each in views], 50),
            unit="requests",
            meaning="that went to the service: median",
        ),
    )
