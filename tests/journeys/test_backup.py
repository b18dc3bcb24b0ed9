"""The data folder of a real service is lost, and comes back from a copy taken under load."""

import shutil
from collections import Counter

import pytest

from tests.journeys.place import Place
from tests.journeys.test_kill import Load
from tests.process import RunningService, emails_of, eventually

pytestmark = pytest.mark.process


def test_what_was_accepted_before_a_backup_is_there_once_after_all_was_lost(
    service: RunningService,
) -> None:
    copy = str(service.folder.parent / "copy")
    place = Place(service)
    with Load(service) as load:
        eventually(load.count, lambda n: n >= 100)
        place.rillmail("backup", copy)
        more(load)
        accepted = set(load.accepted)
        made = place.told("backup", copy)  # once more, on what is there
        more(load)
    assert "log.db" in made["files"]
    service.power_cut()
    shutil.rmtree(service.folder)
    assert "Restored as of" in place.rillmail("restore", copy)
    service.start()
    service.settle()
    client = service.signed_in()
    mails = emails_of(client)
    arrived = Counter(mail["subject"] for mail in mails)
    assert accepted <= set(arrived) <= load.tried
    assert [subject for subject, times in arrived.items() if times > 1] == []
    for mail in mails[::10]:
        raw = client.get(f"/emails/{mail['email_id']}/raw").content
        assert raw == load.raws.get(mail["subject"], raw)
    service.send(b"Subject: after it\r\n\r\nIt goes on.\r\n", [service.users[0][0]])
    eventually(lambda: emails_of(client)[0]["subject"], lambda subject: subject == "after it")


def more(load: Load) -> None:
    """Return when some more mails are accepted."""
    enough = load.count() + 50
    eventually(load.count, lambda count: count >= enough)
