"""The public vectors, unpacked where they are at hand."""

import tarfile
from pathlib import Path

import pytest

ARCHIVE = Path(__file__).parents[3] / "shared" / "corpora" / "vectors.tar.xz"
WANTED = tuple(f"vectors/{name}/" for name in ("spf", "dkim", "arc", "mail-auth", "psl"))


@pytest.fixture(scope="session")
def vectors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the vectors on authentication."""
    if not ARCHIVE.exists():
        pytest.skip("vectors.tar.xz is not there: it belongs in ../shared/corpora")
    place = tmp_path_factory.mktemp("vectors")
    with tarfile.open(ARCHIVE) as archive:
        for member in archive:
            if member.isreg() and member.name.startswith(WANTED):
                archive.extract(member, place, filter="data")
    return place / "vectors"
