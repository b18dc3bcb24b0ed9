"""Mail goes out of a mailbox and into another whole, and of who is gone nothing is left."""

import json
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner

from api.cli.main import main
from tests.journeys.place import PATIENCE_S, Person, Place, mail
from tests.process import RunningService, eventually
from topologies.ports.mailboxes import ERASED_AT_ONCE

pytestmark = pytest.mark.process


@pytest.mark.parametrize("kind", ["mbox", "maildir"])
def test_a_mailbox_is_exported_and_comes_back_as_another_s(
    place: Place, tmp_path: Path, kind: str
) -> None:
    bo, ann = place.person("bo"), place.person("ann")
    place.send(mail("one", "From here\r\n>From there"), bo)
    place.send(mail("two", "x" * 80_000), bo)
    [two, one] = bo.awaited(2)
    outer = bo.client.post("/folders", json={"name": "Wörk"}).json()["folder_id"]
    within = {"name": "2026", "parent_id": outer}
    folder = bo.client.post("/folders", json=within).json()["folder_id"]
    for line, change in (
        (one, {"folder_id": folder, "is_starred": True}),
        (two, {"is_read": True}),
    ):
        bo.client.patch(f"/emails/{line['email_id']}", json=change).raise_for_status()
    target = f"{tmp_path}/out/"
    told = place.told("export", bo.address, "--to", target, "--format", kind)
    assert told["written"] == 2
    assert place.told("export", bo.address, "--to", target, "--format", kind)["written"] == 0
    place.rillmail("import", target, "--user", ann.address, "--wait", "60")
    before = held(bo)
    assert eventually(partial(held, ann), lambda found: len(found) == 2, PATIENCE_S) == before
    assert "0 added" in place.rillmail("import", target, "--user", ann.address)


def test_of_who_is_deleted_no_store_holds_anything_soon_after(place: Place) -> None:
    bo, ann = place.person("bo"), place.person("ann")
    place.send(mail("kept by one"), bo, ann)
    bo.awaited(1)
    ann.awaited(1)
    bo.client.put("/settings/away", json={"is_on": True, "text": "away"})
    user_id = place.told("user", "delete", bo.address, "--now", "-y")["user_id"]

    found = eventually(
        partial(left, place, user_id), lambda counts: not any(counts.values()), PATIENCE_S
    )
    assert {"directory", "mailbox", "search", "rules"} <= found.keys()
    assert [line["subject"] for line in ann.emails()] == ["kept by one"]
    eventually(lambda: ann.found("kept"), lambda found: found == ["kept by one"], PATIENCE_S)
    # The address is free again, and whoever gets it begins with nothing.
    assert place.person("bo").emails() == []


def test_an_erasure_goes_on_after_a_kill(service: RunningService, tmp_path: Path) -> None:
    with Place(service) as place:
        bo, ann = place.person("bo"), place.person("ann")
        place.send(mail("kept by one"), bo, ann)
        ann.awaited(1)
        mbox = tmp_path / "old.mbox"
        line = b"From ann@far.example Mon Mar  2 10:00:00 2026\n"
        many = range(ERASED_AT_ONCE + 100)  # more than go at once
        mbox.write_bytes(b"".join(line + b"Subject: old %d\n\n\n" % n for n in many))
        place.rillmail("import", str(mbox), "--user", bo.address, "--wait", "60")
        user_id = place.told("user", "delete", bo.address, "--now", "-y")["user_id"]
        service.kill()
        service.start()
        eventually(
            partial(left, place, user_id), lambda counts: not any(counts.values()), PATIENCE_S
        )
        ann.client.base_url = service.http_url
        assert [each["subject"] for each in ann.emails()] == ["kept by one"]


def left(place: Place, user_id: str) -> dict[str, int]:
    """Return what each store holds of a user."""
    runner = CliRunner(env=place.service.settings)
    with ThreadPoolExecutor(1) as thread:
        arguments = ("user", "erased", user_id, "--json")
        told = thread.submit(runner.invoke, main, arguments).result()
    found: dict[str, int] = json.loads(told.stdout)["left"]
    assert told.exit_code == int(any(found.values()))
    return found


def held(person: Person) -> list[tuple[bytes, str, bool, bool]]:
    """Return the raw messages of a mailbox, and where and how each lies."""
    names = {each["folder_id"]: each["name"] for each in person.get("/folders")}
    folders = {
        each["folder_id"]: f"{names.get(each['parent_id'], '')}/{each['name']}"
        for each in person.get("/folders")
    }
    return sorted(
        (
            person.raw(line["email_id"]),
            name,
            line["is_read"],
            line["is_starred"],
        )
        for folder_id, name in folders.items()
        for line in person.emails(folder_id)
    )
