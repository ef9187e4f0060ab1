"""Many boxes: 55,000 of 550 tracks in overlapping jobs, in and out, each in under a minute."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from PIL import Image

from localcvat.exchange import export_from_task, import_into_task
from localcvat.model import Label
from localcvat.store.engine import Store
from localcvat.tasks import TaskOptions, create_task, local_files

TRACKS, FRAMES = 550, 100
BOX = (
    '<box frame="{0}" keyframe="1" outside="0" occluded="0" xtl="{1}" ytl="{0}" '
    'xbr="{2}" ybr="{3}" z_order="0"/>'
)


@pytest.mark.full
def test_fifty_five_thousand_boxes_take_less_than_a_minute(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for number in range(FRAMES):
        Image.new("RGB", (64, 48)).save(tmp_path / "in" / f"{number:03d}.png")
    store = Store.create(tmp_path / "store")
    options = TaskOptions(segment_size=30, overlap=5)
    files = local_files([str(tmp_path / "in")])
    create_task(store, "task", files, labels=[Label(name="car", color="#ff0000")], options=options)
    path = tmp_path / "tracks.xml"
    with path.open("w") as stream:
        stream.write("<annotations>")
        for track in range(TRACKS):
            rows = (BOX.format(f, track, track + 20, f + 9) for f in range(0, FRAMES, 10))
            stream.write(f'<track id="{track}" label="car">{"".join(rows)}</track>')
        stream.write("</annotations>")
    started = time.monotonic()
    report = import_into_task(store, 1, path)
    assert report.count("kept", "track") == TRACKS
    export_from_task(store, 1, tmp_path / "video.zip", "CVAT for video 1.1")
    export_from_task(store, 1, tmp_path / "images.zip", "CVAT for images 1.1")
    assert time.monotonic() - started < 60
