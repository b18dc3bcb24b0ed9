"""docs/adding-a-stage.md, done as it says."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]
PAGE = (CHECKOUT / "docs" / "adding-a-stage.md").read_text(encoding="utf-8")
STAGE, TEST, EXAMPLE = (
    "topologies/mailbox/star_urgent.py",
    "tests/mailbox/test_star_urgent.py",
    "tests/examples/mailbox.deliver-1-star-urgent.json",
)

pytestmark = pytest.mark.process  # of other Pythons, in a copy of the code


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the code in which the page's command was run."""
    root = tmp_path_factory.mktemp("checkout")
    for name in ("topologies", "connectors", "api"):
        shutil.copytree(CHECKOUT / name, root / name, ignore=shutil.ignore_patterns("web"))
    shutil.copytree(CHECKOUT / "tests" / "examples", root / "tests" / "examples")
    for name in ("__init__.py", "services.py", "test_every_stage.py"):
        shutil.copy(CHECKOUT / "tests" / name, root / "tests")
    shutil.copy(CHECKOUT / "pyproject.toml", root)
    [command] = re.findall(r"^\.venv/bin/rillmail (stage new .*)$", PAGE, re.MULTILINE)
    done = ran(root, "-m", "api.cli.main", *command.split())
    assert done.returncode == 0, done.stderr
    return root


@pytest.fixture(scope="module")
def done(written: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, in which the page's stage, test and example were written."""
    root = tmp_path_factory.mktemp("done") / "checkout"
    shutil.copytree(written, root)
    stage, test = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (root / STAGE).write_text(stage, encoding="utf-8")
    (root / TEST).write_text(test, encoding="utf-8")
    event = json.loads((root / EXAMPLE).read_text(encoding="utf-8"))
    event["message"]["subject"] = "URGENT: the pump"
    (root / EXAMPLE).write_text(json.dumps(event), encoding="utf-8")
    return root


def test_what_was_written_passes_the_checks_and_its_own_test(written: Path) -> None:
    for check in (("check",), ("format", "--check")):
        told = ran(written, "-m", "ruff", *check, "-q", STAGE, TEST)
        assert told.returncode == 0, told.stdout + told.stderr
    assert "1 passed" in pytested(written, TEST)


def test_what_was_written_has_types(written: Path) -> None:
    shutil.copy(CHECKOUT / "pyproject.toml", written)
    told = ran(written, "-m", "pyright", "--pythonpath", sys.executable, STAGE)
    assert told.returncode == 0, told.stdout + told.stderr


def test_the_pages_stage_test_and_example_pass_with_the_test_of_every_stage(done: Path) -> None:
    examples = len(list((done / "tests" / "examples").glob("mailbox.deliver-1*.json")))
    # The page's three, the stage on each example, that there is one, and a store that hangs.
    assert f"{3 + examples + 2} passed" in pytested(done, TEST, "tests/test_every_stage.py")


def test_the_topology_shows_the_stage_as_the_page_does(done: Path) -> None:
    *_, shown = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
    assert shown in ran(done, "-m", "api.cli.main", "topology").stdout


def test_the_pages_stage_runs_on_one_mail_as_the_page_shows(done: Path, tmp_path: Path) -> None:
    [command] = re.findall(r"^\.venv/bin/rillmail (stage run .*)$", PAGE, re.MULTILINE)
    (tmp_path / "urgent.eml").write_text("Subject: Urgent: hello\n\nhi\n")
    [*_, shown, _] = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
    arguments = command.replace("urgent.eml", str(tmp_path / "urgent.eml")).split()
    told = ran(done, "-m", "api.cli.main", *arguments)
    assert shown in told.stdout, told.stdout + told.stderr


def test_the_pages_stage_is_as_the_project_writes_code(done: Path) -> None:
    told = ran(done, "-m", "ruff", "check", "-q", STAGE)
    assert told.stdout == ""


def pytested(root: Path, *files: str) -> str:
    options = ("-q", "-p", "no:cacheprovider", "-p", "no:randomly", "-k", "star_urgent")
    told = ran(root, "-m", "pytest", *options, *files)
    assert told.returncode == 0, told.stdout + told.stderr
    return told.stdout


def ran(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=120,
    )
