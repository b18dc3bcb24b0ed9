"""rillmail batch, on a machine where Beam is not installed."""

import subprocess
import sys

WITHOUT_BEAM = """
import sys
sys.modules["apache_beam"] = None  # as if it were not installed
from api.cli.main import main
main(sys.argv[1:], prog_name="rillmail")
"""


def test_help_needs_no_beam_and_a_job_says_what_to_install() -> None:
    told = without_beam("batch", "--help")
    assert told.returncode == 0, told.stderr
    assert "reconcile" in told.stdout
    job = without_beam("batch", "reports", "--output", "reports")
    assert job.returncode == 1
    assert job.stderr == (
        "Error: batch jobs need Apache Beam, which is not installed: install rillmail[pipelines]\n"
    )


def without_beam(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", WITHOUT_BEAM, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
