"""YOLO darknet: `obj.data`, `obj.names`, list files and one text file an image."""

from __future__ import annotations

from localcvat.plugin import Format


class Yolo(Format):
    """YOLO darknet and CVAT's YOLO 1.1."""

    name = "yolo"
    cvat_names = ("YOLO 1.1",)
    aliases = ("darknet", "yolo-darknet")
    summary = "YOLO darknet: obj.data, obj.names and a text file of boxes beside each image"
