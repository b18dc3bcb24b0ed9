"""docs/receiving.md, done as it says."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
PAGE = (CHECKOUT / "docs" / "receiving.md").read_text(encoding="utf-8")


@pytest.mark.process
def test_the_pages_check_is_found_and_its_test_passes(tmp_path: Path) -> None:
    check, test = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    shutil.copytree(CHECKOUT / "topologies", tmp_path / "topologies")
    (tmp_path / "tests" / "edge").mkdir(parents=True)
    shutil.copy(CHECKOUT / "tests" / "edge" / "mails.py", tmp_path / "tests" / "edge")
    (tmp_path / "topologies/edge/numbered_sender.py").write_text(check, encoding="utf-8")
    (tmp_path / "tests/edge/test_numbered_sender.py").write_text(test, encoding="utf-8")
    options = ("-q", "-p", "no:cacheprovider", "-p", "no:randomly", "--import-mode=importlib")
    done = ran(tmp_path, "-m", "pytest", *options, "-o", "asyncio_mode=auto", "tests")
    assert "2 passed" in done.stdout, done.stdout + done.stderr
    names = "from topologies.acceptance import collect; print(*(c.name for c in collect()))"
    found = ran(tmp_path, "-c", names)
    assert "sender_proof numbered_sender known_recipient" in found.stdout, found.stderr


def ran(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
    )
