"""The page's files: complete, and nothing in them that its content policy would refuse."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

WEB = Path(__file__).parents[2] / "api" / "web"
SCRIPTS = sorted(WEB.glob("*.js"))
SHEETS = sorted(WEB.glob("*.css"))
PAGES = sorted(WEB.glob("*.html"))
LATER = WEB / "later.js"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_the_page_refers_only_to_files_that_exist(path: Path) -> None:
    page = read_page(path)

    assert [url for url in page.urls if not (WEB / url.removeprefix("/web/")).is_file()] == []
    assert all(url.startswith("/web/") for url in page.urls)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_the_page_holds_no_inline_script_style_or_handler(path: Path) -> None:
    page = read_page(path)

    assert page.inline == []
    assert [name for name in page.attributes if name.startswith("on") or name == "style"] == []


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_imports_only_files_that_exist(script: Path) -> None:
    names = re.findall(r'\b(?:from |import\()"([^"]+)"', script.read_text())

    assert all(name.startswith("./") for name in names)
    assert [name for name in names if not (WEB / name).is_file()] == []


def test_what_is_asked_for_later_is_a_module_that_can_come_later() -> None:
    listed = set(re.findall(r"^  (\w+): \(\) => import\(", LATER.read_text(), re.MULTILINE))
    asked = {
        name
        for script in SCRIPTS
        for name in re.findall(r'\b(?:later|using)\("(\w+)"', script.read_text())
    }

    assert asked == listed


def test_only_one_place_lets_modules_come_later() -> None:
    users = {script.name for script in SCRIPTS if "import(" in script.read_text()}

    assert users == {LATER.name, "app.js"}  # which shows at once that the rest is on its way


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_never_makes_markup_from_text(script: Path) -> None:
    writes = r"(?:inner|outer)HTML\s*[+]?=|insertAdjacentHTML|document\.write|\beval\(|Function\("

    assert re.findall(writes, script.read_text()) == []


def test_only_the_sandboxed_frame_takes_html() -> None:
    users = [
        script.name for script in SCRIPTS if re.search(r"\bsrcdoc:\s*\w+\(", script.read_text())
    ]

    assert users == ["frame.js"]


def test_the_sandbox_lets_no_script_run() -> None:
    [sandbox] = re.findall(r'sandbox: "([^"]+)"', (WEB / "frame.js").read_text())

    assert "allow-scripts" not in sandbox.split()
    assert "allow-top-navigation" not in sandbox.split()


@pytest.mark.parametrize("path", [*SCRIPTS, *SHEETS, *PAGES], ids=lambda p: p.name)
def test_nothing_is_loaded_from_elsewhere(path: Path) -> None:
    urls = re.findall(r"""["'(](?:https?:)?//\w[^"')]*""", path.read_text())

    assert [url for url in urls if "www.w3.org" not in url] == []  # a name, never fetched


def test_every_icon_that_is_used_is_drawn() -> None:
    drawn = set(re.findall(r'<symbol id="([^"]+)"', (WEB / "icons.svg").read_text()))
    used = {
        name
        for script in SCRIPTS
        for name in re.findall(r'\b(?:icon|iconButton)\("([^"]+)"', script.read_text())
    }

    assert set() == used - drawn


def read_page(path: Path) -> "Page":
    page = Page()
    page.feed(path.read_text())
    return page


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.urls: list[str] = []
        self.attributes: list[str] = []
        self.inline: list[str] = []
        self._in = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in = tag if tag in ("script", "style") else ""
        self.attributes += [name for name, _ in attrs]
        self.urls += [value for name, value in attrs if name in ("src", "href") and value]

    def handle_endtag(self, tag: str) -> None:
        self._in = ""

    def handle_data(self, data: str) -> None:
        if self._in and data.strip():
            self.inline.append(data.strip())
