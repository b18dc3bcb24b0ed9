"""The bench of the first view of a folder, once for real."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
has_chromium = bool(shutil.which("chromium") or shutil.which("chromium-browser"))

pytestmark = [pytest.mark.process, pytest.mark.browser]


@pytest.mark.skipif(not has_chromium, reason="Chromium is missing: apt-get install chromium")
def test_a_quick_run_tells_when_rows_were_painted_and_what_was_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "bench.json"
    options = ["--quick", "--mails", "100", "--json", str(file), "--folder", str(tmp_path)]
    command = [sys.executable, "-m", "bench", "first-view", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)

    assert done.returncode == 0, done.stderr[-4_000:]
    figures = json.loads(file.read_text())["sections"]["first_view"]["figures"]
    for key in ("first_view", "next_view"):
        painted, listed = figures[f"{key}_p50"], figures[f"{key}_listing"]
        assert 0 < listed["value"] <= painted["value"] <= figures[f"{key}_p99"]["value"]
        assert painted["at_most"] == 300
    assert figures["first_view_requests"]["value"] > 20
    assert figures["next_view_requests"]["value"] <= 6  # of what is kept nothing is asked for
