"""The data folder of the embedded profile: whom it is for."""

import os
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from connectors.assembly import open_service, open_stores
from connectors.settings import Settings
from topologies.errors import Misconfigured


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


@pytest.mark.skipif(os.geteuid() != 0, reason="it is about root")
@pytest.mark.parametrize(("uid", "name"), [(65_534, "nobody"), (54_321, "#54321")])
async def test_root_does_not_work_on_what_the_service_of_another_user_keeps(
    uid: int, name: str, tmp_path: Path
) -> None:
    settings = Settings(data_dir=str(tmp_path), smtp_processes=0)
    async with open_stores(settings):
        pass
    os.chown(tmp_path / "directory.db", uid, -1)
    for opened in (open_stores, open_service):
        with pytest.raises(Misconfigured, match=f"is kept by {name}.*sudo -u '{name}'"):
            async with opened(settings):
                pass


async def test_a_folder_that_is_made_is_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "all" / "data"
    async with open_service(Settings(data_dir=str(folder), smtp_processes=0)):
        assert folder.stat().st_mode & 0o777 == 0o700
