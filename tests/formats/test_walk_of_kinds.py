"""Under every name of the COCO, YOLO and Datumaro plugins each kind is kept or counted as lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from every_kind import KINDS, dataset, lost, trip

NAMES = (
    *("coco", "COCO 1.0", "coco-keypoints", "COCO Keypoints 1.0", "datumaro", "Datumaro 1.0"),
    *("yolo", "YOLO 1.1", "ultralytics", "Ultralytics YOLO Detection 1.0"),
    *("ultralytics-track", "Ultralytics YOLO Detection Track 1.0"),
    *("ultralytics-segmentation", "Ultralytics YOLO Segmentation 1.0"),
    *("ultralytics-obb", "Ultralytics YOLO Oriented Bounding Boxes 1.0"),
    *("ultralytics-pose", "Ultralytics YOLO Pose 1.0"),
    *("ultralytics-classification", "Ultralytics YOLO Classification 1.0"),
)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_kept_or_counted(tmp_path: Path, kind: str, name: str) -> None:
    source = dataset(kind)
    _, items, report = trip(source, name, tmp_path / "out")
    found = [getattr(made, "type", "tag") for item in items for made in (*item.shapes, *item.tags)]
    losses = lost(report)
    if found != [kind]:
        assert losses[kind] == 1, (found, losses)
        assert len(found) <= 1
    kept = {entry.kind for entry in report.entries if entry.outcome == "kept"}
    assert not (kind in kept and not found), "kept by the report, but not in the file"


@pytest.mark.parametrize("name", NAMES)
def test_what_is_lost_of_a_kept_shape_is_counted(tmp_path: Path, name: str) -> None:
    """Attributes, flags, group, order, source and rotation come back, or are in the report."""
    kinds = [kind for kind in KINDS if kind != "tag"]
    for kind in kinds:
        source = dataset(kind)
        first = list(source.items)
        before = first[0].shapes[0]
        values = {
            "attribute": dict(before.attributes),
            "occluded": before.occluded,
            "group": before.group,
            "z_order": before.z_order,
            "source": before.source,
            "rotation": before.rotation,
        }
        source.items = iter(first)
        _, items, report = trip(source, name, tmp_path / kind)
        losses = lost(report)
        for item in items:
            for made in item.shapes:
                if made.type != kind:
                    continue
                after = {
                    "attribute": dict(made.attributes),
                    "occluded": made.occluded,
                    "group": made.group,
                    "z_order": made.z_order,
                    "source": made.source,
                    "rotation": pytest.approx(made.rotation, abs=0.05),
                }
                for field, value in values.items():
                    assert value == after[field] or field in losses, (kind, field, losses)
