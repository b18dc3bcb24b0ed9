"""A thousand mails at once, on the real service."""

from pathlib import Path

import pytest

from tests.journeys.place import PATIENCE_S, Place, mail
from tests.process import eventually

pytestmark = pytest.mark.process

EMBEDDED, CLUSTER = 1_000, 200  # mails
FROM = b"From ann@far.example Thu Jan  1 00:00:00 2026\n"


def test_a_whole_folder_is_marked_and_moved_by_one_request(place: Place, tmp_path: Path) -> None:
    bo = place.person("bo")
    count = CLUSTER if place.is_cluster else EMBEDDED
    box = tmp_path / "box.mbox"
    box.write_bytes(b"".join(FROM + plain(number) + b"\n" for number in range(count)))
    place.rillmail("import", str(box), "--user", bo.address)
    ids = [line["email_id"] for line in bo.awaited(count)]
    asked = [{"email_id": each, "is_read": False, "folder_id": "trash"} for each in ids]
    with bo.socket(since=bo.get("/me")["cursor"]):
        answer = bo.client.post("/emails/batch", json={"items": [*asked]}, timeout=PATIENCE_S)
    assert answer.status_code == 200
    results = answer.json()["results"]
    assert [each["email_id"] for each in results] == ids
    assert {each["status"] for each in results} <= {200, 202}  # 202: the machine is slow
    eventually(lambda: bo.count("inbox"), lambda left: left == 0, PATIENCE_S)
    [trash] = [each for each in bo.get("/folders") if each["folder_id"] == "trash"]
    assert (trash["total_count"], trash["unread_count"]) == (count, count)


def plain(number: int) -> bytes:
    return mail(f"mail {number}", headers=[f"Message-ID: <{number}@far.example>"]).replace(
        b"\r\n", b"\n"
    )
