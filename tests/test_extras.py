"""Stages of another distribution, as they are found where it is installed beside Rillmail."""

import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from connectors.settings import load
from tests.installed import CHECKOUT, EXTRAS, extras_installed, installed
from topologies import extensions
from topologies.errors import Misconfigured
from topologies.topics import OWN_TOPICS, checked
from topologies.topology import collect

pytestmark = pytest.mark.process  # of other Pythons, in which it is installed


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder in which the example is installed, as an installer would do it."""
    extras_installed(tmp_path)
    return tmp_path


def test_the_examples_own_tests_pass(site: Path) -> None:
    options = ("-q", "-p", "no:cacheprovider", "-o", "asyncio_mode=auto", "-W", "error")
    done = ran(site, "-m", "pytest", *options, str(EXTRAS / "tests"), "--rootdir", str(EXTRAS))
    assert done.returncode == 0, done.stdout + done.stderr


def test_they_are_in_the_topology(site: Path) -> None:
    text = ran(site, "-m", "api.cli.main", "topology").stdout
    assert "  └ find_invitations  [enrich]\n     → mail.invitations" in text


def test_one_of_them_is_run_at_the_desk(site: Path, tmp_path: Path) -> None:
    file = tmp_path / "mail.eml"
    file.write_bytes(b"From: zoe@far.example\nSubject: Das ist die Post\n\nund nicht mehr\n")
    arguments = ("stage", "run", "classify_language", "--on", str(file), "--json")
    done = ran(site, "-m", "api.cli.main", *arguments)
    [written] = json.loads(done.stdout)["stages"][-1]["written"]
    assert (written["topic"], written["event"]["language"]) == ("mail.languages", "de")


def test_what_one_of_them_keeps_is_not_kept_when_it_is_run_at_the_desk(
    site: Path, tmp_path: Path
) -> None:
    file = tmp_path / "mail.eml"
    file.write_bytes(b"From: zoe@far.example\nSubject: hi\n\nhi\n")
    done = ran(site, "-m", "api.cli.main", "stage", "run", "archive_mail", "--on", str(file))
    assert (done.returncode, "writes nothing" in done.stdout) == (0, True), done.stderr
    assert not (site / "data").exists()


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("nothing_there", "bad: the entry point bad = nothing_there can't be loaded"),
        ("json.decoder:JSONDecoder", "is no package"),
        ("bad_topics", "bad_topics.TOPICS is no tuple of topics"),
        ("bad.inbound", "there is a path inbound already"),
        ("taken", "there are two topics mail.received"),
        ("waits", "waits.own has a delay"),
        ("broken", "bad: the entry point bad = broken can't be loaded: ZeroDivisionError"),
        ("no_stage", "no_stage.empty: one stage a file, found 0"),
    ],
)
def test_what_can_not_be_used_is_refused(
    tmp_path: Path, entry: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    badly_installed(tmp_path, entry)
    monkeypatch.syspath_prepend(str(tmp_path))
    extensions.packages.cache_clear()

    def used() -> None:
        checked((*OWN_TOPICS, *extensions.topics()))
        collect(extensions.packages())

    try:
        with pytest.raises(Misconfigured, match=re.escape(said)):
            used()
    finally:
        extensions.packages.cache_clear()


def test_a_command_tells_it_in_a_sentence(tmp_path: Path) -> None:
    badly_installed(tmp_path, "taken")
    done = ran(tmp_path, "-m", "api.cli.main", "topology")
    assert done.returncode == 1
    assert done.stderr == "Error: there are two topics mail.received\n"


@pytest.mark.live
async def test_in_a_cluster_the_archive_is_in_the_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.live.engines import s3

    monkeypatch.syspath_prepend(str(EXTRAS))
    services: Any = importlib.import_module("rillmail_extras.services")
    async with s3() as client:
        store = services.BucketStore(msgspec.structs.replace(load(), s3_bucket=client.bucket))
        for _ in range(2):  # a replay writes the same object
            await store.write("mail/day=2026-03-01/1.parquet", b"rows")
        await store.close()
        keys = [key async for key, _ in client.keys("archive/")]
        assert keys == ["archive/mail/day=2026-03-01/1.parquet"]
        assert await client.get(keys[0]) == b"rows"


def badly_installed(site: Path, entry: str) -> None:
    topic = "from topologies.topic import Topic\nfrom datetime import timedelta\n"
    modules = {
        "bad_topics/__init__.py": "TOPICS = ['mail.languages']\n",
        "bad/__init__.py": "",
        "bad/inbound/__init__.py": "",
        "taken/__init__.py": topic
        + "TOPICS = (Topic(name='mail.received', key='mail_id', events=()),)\n",
        "waits/__init__.py": topic
        + "TOPICS = (Topic(name='waits.own', key='x', events=(), delay=timedelta(1)),)\n",
        "broken/__init__.py": "1 / 0",
        "no_stage/__init__.py": "",
        "no_stage/empty.py": "",
    }
    for name, text in modules.items():
        (site / name).parent.mkdir(exist_ok=True)
        (site / name).write_text(text, encoding="utf-8")
    installed(site, "bad", {"rillmail.stages": {"bad": entry}})


def ran(site: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    paths = os.pathsep.join([str(CHECKOUT), str(site)])
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=site,
        env=os.environ | {"PYTHONPATH": paths, "RILLMAIL_DATA_DIR": str(site / "data")},
        capture_output=True,
        text=True,
        timeout=120,
    )
