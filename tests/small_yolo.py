"""Small YOLO datasets made on the spot, with real image files."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from localcvat.archive import open_source
from localcvat.model import Header, Item
from localcvat.plugin import ReadOptions, find_format
from localcvat.report import Report

SIZE = (200, 100)


def files(folder: Path, texts: dict[str, str | bytes], images: tuple[str, ...] = ()) -> Path:
    """Write text files and images of 200x100 below `folder`; returns it."""
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    for name in images:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", SIZE).save(path)
    return folder


def read(
    folder: Path, format_name: str, options: ReadOptions | None = None
) -> tuple[Header, dict[str, Item], Report]:
    """(header, items by ``subset/path``, report) of a dataset; a name with a version is CVAT's."""
    report = Report()
    with open_source(folder) as source:
        dataset = find_format(format_name).format.read(source, options or ReadOptions(), report)
        items = {f"{item.subset}/{item.path}": item for item in dataset.items}
        return dataset.header, items, report
