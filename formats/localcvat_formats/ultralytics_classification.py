"""Ultralytics YOLO classification: one folder a class in one folder a subset."""

from __future__ import annotations

from localcvat.plugin import Format


class UltralyticsClassification(Format):
    """Ultralytics YOLO class folders."""

    name = "ultralytics-classification"
    cvat_names = ("Ultralytics YOLO Classification 1.0", "YOLOv8 Classification 1.0")
    summary = "Ultralytics YOLO classification: subset/class/image folders"
