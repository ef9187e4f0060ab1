"""Comparing entries of exports: XML as trees, PNG as pixels, text as lines, the rest as bytes."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

import numpy as np
from lxml import etree
from PIL import Image

from goldens import Golden

Compare = Callable[[str, bytes], Any]


def xml_value(element: Any) -> Any:
    """An element as (tag, text, children); CVAT's backup keeps no order of attributes."""
    children = [xml_value(child) for child in element]
    text: Any = (element.text or "").strip()
    if element.tag == "attributes":
        children.sort(key=repr)
        text = sorted(text.split(", "))
    return element.tag, text, children


def value(name: str, data: bytes) -> Any:
    """What an entry says."""
    if name.endswith(".xml"):
        return xml_value(etree.fromstring(data))
    if name.endswith(".png") and not name.startswith(("JPEGImages/", "images/", "img1/")):
        with Image.open(io.BytesIO(data)) as image:
            pixels = np.array(image)
        return pixels.shape, pixels.tobytes()
    if name.endswith((".txt", ".csv", ".json", ".meta")):
        return data.decode().split("\n")
    return data


def assert_same(golden: Golden, compare: Compare = value) -> None:
    """Our export has the entries of CVAT's, and each says the same."""
    ours = golden.exported()
    theirs = {n: d for n, d in golden.entries().items() if n in ours or not is_video_frame(n)}
    assert sorted(ours) == sorted(theirs)
    for name, data in theirs.items():
        if name.endswith((".jpg", ".JPG", ".PNG")) or is_image(name):
            assert same_image(ours[name], data), name
        else:
            assert compare(name, ours[name]) == compare(name, data), name


def is_video_frame(name: str) -> bool:
    """Whether an entry is a frame of a video, which only a video decoder could give us."""
    return re.search(r"frame_\d{6}(_leftImg8bit)?\.PNG$", name) is not None


def without_frames(ours: dict[str, bytes], theirs: dict[str, bytes]) -> list[dict[str, bytes]]:
    """Both without the frames of videos, whose pixels must be equal where we could decode them."""
    for name, data in ours.items():
        if is_video_frame(name):
            assert same_image(data, theirs[name]), name
    return [
        {name: data for name, data in entries.items() if not is_video_frame(name)}
        for entries in (ours, theirs)
    ]


def is_image(name: str) -> bool:
    """Whether an entry is a frame."""
    return (
        name.startswith(("JPEGImages/", "images/", "img1/", "no_label/"))
        or "/image_2/" in name
        or "/leftImg8bit/" in name
    )


def same_image(ours: bytes, theirs: bytes) -> bool:
    """Equal bytes, or equal pixels (frames of a video are encoded anew)."""
    if ours == theirs:
        return True
    with Image.open(io.BytesIO(ours)) as one, Image.open(io.BytesIO(theirs)) as other:
        return one.size == other.size and np.array_equal(np.array(one), np.array(other))
