"""Our CVAT XML against CVAT's own exports of the same projects, tasks and jobs."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET

import pytest
from PIL import Image

from cvat_xml_values import (
    image_values,
    meta_value,
    subsets,
    task_metas,
    track_values,
    z_orders,
)
from goldens import Golden, goldens
from localcvat.video_frames import has_decoder

FORMATS = ("CVAT for images 1.1", "CVAT for video 1.1")
ALL = [golden for name in FORMATS for golden in goldens(name)]


def name(golden: Golden) -> str:
    return f"{golden.format_name.split()[2]}-{golden}"


def pixels(data: bytes) -> tuple[tuple[int, int], bytes]:
    with Image.open(io.BytesIO(data)) as image:
        return image.size, image.convert("RGB").tobytes()


@pytest.mark.parametrize("golden", ALL, ids=name)
def test_the_export_equals_cvats_own(golden: Golden) -> None:
    theirs, ours = golden.entries(), golden.exported()
    # Frames of videos are decoded only where PyAV is installed.
    left_out = ".PNG" if not has_decoder() else "\0"
    assert set(ours) == {each for each in theirs if not each.endswith(left_out)}
    for entry in ours:
        if entry.endswith(".PNG"):
            assert pixels(ours[entry]) == pixels(theirs[entry]), entry
        elif entry.startswith("images/"):
            assert ours[entry] == theirs[entry], entry
    expected, written = (ET.fromstring(each["annotations.xml"]) for each in (theirs, ours))
    assert written.findtext("version") == "1.1"
    assert meta_value(written.find("meta")) == meta_value(expected.find("meta"))
    assert task_metas(written) == task_metas(expected)
    assert subsets(written) == subsets(expected)
    assert image_values(written) == image_values(expected)
    assert all(orders == sorted(orders) for orders in z_orders(written))
    assert track_values(written) == track_values(expected)
    ids = [track.attrib["id"] for track in written.iterfind("track")]
    assert ids == [str(number) for number in range(len(ids))]
