"""docs/adding-a-stage.md, done as it says."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]
PAGE = (CHECKOUT / "docs" / "adding-a-stage.md").read_text(encoding="utf-8")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a copy of the code in which the page's two files were written."""
    for name in ("topologies", "connectors", "api"):
        shutil.copytree(CHECKOUT / name, tmp_path / name, ignore=shutil.ignore_patterns("web"))
    stage, test = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "topologies/mailbox/star_urgent.py").write_text(stage, encoding="utf-8")
    (tmp_path / "test_star_urgent.py").write_text(test, encoding="utf-8")
    return tmp_path


def test_the_pages_test_passes_on_the_pages_stage(checkout: Path) -> None:
    done = ran(checkout, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_star_urgent.py")
    assert "2 passed" in done.stdout, done.stdout + done.stderr


def test_the_topology_shows_the_stage_as_the_page_does(checkout: Path) -> None:
    [*_, shown] = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
    done = ran(checkout, "-m", "api.cli.main", "topology")
    assert shown.rstrip("\n") in done.stdout, done.stdout + done.stderr


def test_the_stage_of_the_page_is_as_the_project_writes_code(checkout: Path) -> None:
    done = ran(
        CHECKOUT, "-m", "ruff", "check", "-q", str(checkout / "topologies/mailbox/star_urgent.py")
    )
    assert done.stdout == ""


def ran(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
    )
