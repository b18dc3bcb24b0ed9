"""What a test needs of the machine that it runs on."""

import os
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest


def lacking(words: str) -> NoReturn:
    """Skip a test that can't run for lack of something; in CI, which brings all, let it fail."""
    if os.environ.get("CI"):
        pytest.fail(words)
    pytest.skip(words)


def brought_by(script: Path, within_s: int) -> Path:
    """Return what *script* tells: where the program is that it fetches or builds if need be."""
    done = subprocess.run([script], capture_output=True, text=True, timeout=within_s)
    if done.returncode != 0:
        lacking(f"needs {script}, which failed: {done.stderr[-500:]}")
    return Path(done.stdout.strip())
