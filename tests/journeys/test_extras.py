"""Stages of another distribution work in the real service, and survive what ours survive."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.installed import CHECKOUT, extras_installed
from tests.journeys.place import PATIENCE_S, mail
from tests.process import RunningCluster, RunningService, eventually

pytestmark = pytest.mark.process


@pytest.fixture(params=["embedded", pytest.param("cluster", marks=pytest.mark.live)])
def service(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RunningService]:
    site = tmp_path / "site"
    site.mkdir()
    extras_installed(site)
    paths = {"PYTHONPATH": os.pathsep.join([str(CHECKOUT), str(site)])}
    with ExitStack() as opened:
        if request.param == "embedded":
            yield opened.enter_context(RunningService(tmp_path / "data", paths))
            return
        from tests.live.engines import cluster_settings

        folder = tmp_path / "data"
        own = opened.enter_context(cluster_settings())
        own |= paths | {"RILLMAIL_DATA_DIR": str(folder)}
        rillmail(own, "prepare")  # once more, with the new topics
        yield opened.enter_context(RunningCluster(folder, own))


def test_a_mail_is_classified_whatever_is_killed_and_its_trail_says_so(
    service: RunningService,
) -> None:
    (alice, _), _ = service.users
    service.send(mail("Das ist die Post von der Bank und nicht mehr"), [alice])
    if isinstance(service, RunningCluster):
        service.kill_worker("enrich")
    else:
        service.kill()
        service.start()
    service.send(mail("the letter of the bank and that is it"), [alice])
    found = eventually(lambda: classified(service), lambda tags: len(tags) >= 2, PATIENCE_S)
    assert found == {"de", "en"}


def classified(service: RunningService) -> set[str]:
    """Return the languages that the log tells of the mails that it holds."""
    found: set[str] = set()
    environment = service.settings
    for mail_id in mails(environment):
        trail = rillmail(environment, "trace", mail_id, "--json")
        languages = [event for event in trail["events"] if event["tag"] == "mail.language/1"]
        assert all(event["written_by"] == "classify_language" for event in languages)
        assert len({event["event_id"] for event in languages}) <= 1
        found |= {event["fields"]["language"] for event in languages}
    return found


def mails(environment: dict[str, str]) -> list[str]:
    """Return the ids of the mails on the log."""
    program = (
        "import asyncio; from connectors.assembly import open_stores\n"
        "from connectors.settings import load\n"
        "async def work():\n"
        "    async with open_stores(load()) as stores:\n"
        "        async for record in stores.reader.read('mail.received'): print(record.key)\n"
        "asyncio.run(work())"
    )
    return ran(environment, "-c", program).split()


def rillmail(environment: dict[str, str], *arguments: str) -> Any:
    told = ran(environment, "-m", "api.cli.main", *arguments)
    return json.loads(told) if "--json" in arguments else told


def ran(environment: dict[str, str], *arguments: str) -> str:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("RILLMAIL_")}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=CHECKOUT,
        env=clean | environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
