"""Ultralytics YOLO: `data.yaml`, `images/`, `labels/`; boxes, polygons, oriented boxes, poses."""

from __future__ import annotations

from localcvat.plugin import Format


class UltralyticsDetection(Format):
    """Ultralytics YOLO boxes."""

    name = "ultralytics"
    cvat_names = ("Ultralytics YOLO Detection 1.0", "YOLOv8 Detection 1.0")
    aliases = ("ultralytics-detection", "yolov8", "yolo11", "yolov5")
    summary = "Ultralytics YOLO detection: data.yaml, images/ and labels/ with boxes"


class UltralyticsTrack(Format):
    """Ultralytics YOLO boxes with the number of their track."""

    name = "ultralytics-track"
    cvat_names = ("Ultralytics YOLO Detection Track 1.0",)
    summary = "Ultralytics YOLO boxes with a track number as sixth column"


class UltralyticsSegmentation(Format):
    """Ultralytics YOLO polygons."""

    name = "ultralytics-segmentation"
    cvat_names = ("Ultralytics YOLO Segmentation 1.0", "YOLOv8 Segmentation 1.0")
    summary = "Ultralytics YOLO segmentation: polygons"


class UltralyticsObb(Format):
    """Ultralytics YOLO oriented boxes."""

    name = "ultralytics-obb"
    cvat_names = (
        "Ultralytics YOLO Oriented Bounding Boxes 1.0",
        "YOLOv8 Oriented Bounding Boxes 1.0",
    )
    summary = "Ultralytics YOLO oriented boxes: four corners"


class UltralyticsPose(Format):
    """Ultralytics YOLO poses."""

    name = "ultralytics-pose"
    cvat_names = ("Ultralytics YOLO Pose 1.0", "YOLOv8 Pose 1.0")
    summary = "Ultralytics YOLO pose: a box and its keypoints"
