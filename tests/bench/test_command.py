"""`python -m bench`, as people type it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench.__main__ import main

ROOT = Path(__file__).parents[2]


def test_the_help_shows_examples() -> None:
    told = CliRunner().invoke(main, ["--help"]).output

    assert "python -m bench --quick" in told
    assert "python -m bench pipeline --mails 1000 --sessions 20" in told


@pytest.mark.process
def test_a_quick_run_measures_everything(tmp_path: Path) -> None:
    file = tmp_path / "bench.json"
    options = ["--quick", "--json", str(file), "--folder", str(tmp_path)]
    command = [sys.executable, "-m", "bench", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=180)

    assert done.returncode == 0, done.stderr[-4_000:]
    sections = json.loads(file.read_text())["sections"]
    assert {"pipeline", "push", "reading", "memory", "peer_minimal"} <= sections.keys()
    assert sections["push"]["figures"]["push_missing"]["value"] == 0


@pytest.mark.live
def test_a_quick_run_measures_the_cluster(tmp_path: Path) -> None:
    file = tmp_path / "bench.json"
    few = ["--quick", "--mails", "20", "--users", "2"]
    options = [*few, "--json", str(file), "--folder", str(tmp_path)]
    command = [sys.executable, "-m", "bench", "cluster", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)

    assert done.returncode == 0, done.stderr[-4_000:]
    sections = json.loads(file.read_text())["sections"]
    assert sections.keys() == {"pipeline_chained", "push", "reading", "memory"}
    assert sections["push"]["figures"]["push_missing"]["value"] == 0
    assert sections["push"]["figures"]["step_store"]["value"] > 0
