"""The data folder of the embedded profile: whom it is for."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from connectors.assembly import open_service
from connectors.settings import Settings


@pytest.mark.parametrize(("mode", "told"), [(0o755, 1), (0o750, 0), (0o700, 0)])
async def test_a_folder_that_all_may_enter_is_told_at_the_start(
    mode: int, told: int, tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    folder.chmod(mode)
    with capture_logs() as lines:
        async with open_service(Settings(data_dir=str(folder), smtp_processes=0)):
            pass
    assert [line["event"] for line in lines] == ["data-folder.open-to-all"] * told


async def test_a_folder_that_is_made_is_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "all" / "data"
    async with open_service(Settings(data_dir=str(folder), smtp_processes=0)):
        assert folder.stat().st_mode & 0o777 == 0o700
