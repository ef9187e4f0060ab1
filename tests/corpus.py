"""Where the fixtures are, and what the zips in them hold."""

from __future__ import annotations

import zipfile
from pathlib import Path

FIXTURES = Path(__file__).parent.parent / "fixtures"
COCO_TINY = FIXTURES / "coco-tiny"
CVAT_MADE = FIXTURES / "cvat-made"
SHARED = Path(__file__).parent.parent.parent / "shared"


def zip_entries(path: Path) -> dict[str, bytes]:
    """Every file entry of a zip by its name."""
    with zipfile.ZipFile(path) as archive:
        return {
            info.filename: archive.read(info) for info in archive.infolist() if not info.is_dir()
        }
