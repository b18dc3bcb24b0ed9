"""The files of the web pages: kept for good, and never a mixture of two releases."""

import re
from pathlib import Path

import httpx
import pytest

from api.pages import FOLDER, Pages
from tests.api.desk import Desks, memory_alone

NAMED = re.compile(r'(?:href|src)="(/web/[^"]+)"')
PRELOADED = re.compile(r'<link rel="modulepreload" href="/web/[^/]+/([^"]+)"')
IMPORTED = re.compile(r'\bfrom "\./([a-z_-]+\.js)"')


@memory_alone
@pytest.mark.parametrize("page", ["/", "/web/topology.html"])
async def test_a_page_names_all_its_files_and_they_are_kept_for_good(
    a_desk: Desks, page: str
) -> None:
    async with a_desk() as desk:
        client = desk.stranger()
        told = await client.get(page)
        assert told.headers["Cache-Control"] == "no-cache"
        named = NAMED.findall(told.text)
        [version] = {each.split("/")[2] for each in named}
        assert version.startswith("@")
        for each in named:
            file = await client.get(each)
            assert (file.status_code, file.headers["Cache-Control"]) == (
                200,
                "public, max-age=31536000, immutable",
            )


@memory_alone
@pytest.mark.parametrize(
    ("page", "entries"),
    [("/", ["ahead.js", "app.js", "desk.js"]), ("/web/topology.html", ["topology.js"])],
)
async def test_a_page_names_the_modules_of_its_first_view_and_no_other(
    a_desk: Desks, page: str, entries: list[str]
) -> None:
    needed = [*entries]
    for name in needed:
        needed += {*IMPORTED.findall((FOLDER / name).read_text())} - {*needed}

    async with a_desk() as desk:
        told = await desk.stranger().get(page)

    assert sorted(PRELOADED.findall(told.text)) == sorted(needed)


@memory_alone
async def test_what_was_not_changed_is_not_sent_again(a_desk: Desks) -> None:
    async with a_desk() as desk:
        client = desk.stranger()
        first = await client.get("/")
        again = await client.get("/", headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.content) == (304, b"")


@memory_alone
async def test_a_file_of_another_release_is_not_there(a_desk: Desks) -> None:
    async with a_desk() as desk:
        client = desk.stranger()
        assert (await client.get("/web/@0000000000000000/app.js")).status_code == 404
        plain = await client.get("/web/app.js")
        assert (plain.status_code, plain.headers["Cache-Control"]) == (200, "no-cache")


def test_another_content_of_any_file_is_another_name_of_all(tmp_path: Path) -> None:
    for path in FOLDER.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    before = Pages(tmp_path).version
    assert before == Pages(FOLDER).version
    with (tmp_path / "text.js").open("a") as file:
        file.write("// more\n")
    assert Pages(tmp_path).version != before


@memory_alone
async def test_nothing_beside_the_files_is_told(a_desk: Desks) -> None:
    async with a_desk() as desk:
        client: httpx.AsyncClient = desk.stranger()
        for path in ("/web/../pages.py", "/web/%2e%2e/pages.py", "/web/index", "/web/"):
            assert (await client.get(path)).status_code == 404
        assert (await client.post("/web/app.js")).status_code == 405
