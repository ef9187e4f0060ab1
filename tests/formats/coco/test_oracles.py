"""pycocotools and Datumaro as independent readers, and what each kind of annotation becomes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conversions import BOX, converted
from corpus import COCO_TINY
from every_kind import KINDS, dataset, lost, shape, trip
from goldens import goldens, store_of
from localcvat.convert import ConvertOptions, convert
from localcvat.exchange import export_from_task
from localcvat.geometry.masks import mask_to_bitmap, polygons_to_mask
from localcvat.geometry.polygons import mask_to_polygons
from localcvat.model import Shape

Make = Callable[..., Path]
SMALLEST = 32 * 32
TURNED = {"rectangle": "rectangle", "polygon": "polygon", "mask": "mask", "skeleton": "skeleton"}


def _comparable(made: Shape) -> dict[str, Any]:
    return {
        "type": made.type,
        "points": list(made.points),
        "attributes": made.attributes,
        "occluded": made.occluded,
        "rotation": made.rotation,
        "group": made.group,
    }


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_kept_turned_into_another_or_counted(tmp_path: Path, kind: str) -> None:
    _, items, report = trip(dataset(kind), "coco", tmp_path / "out")
    losses = lost(report)
    made = items[0].shapes
    if kind in TURNED:
        (one,) = made
        assert _comparable(one) == _comparable(shape(kind))
        assert kind not in losses
        assert losses["z_order"] == losses["source"] == 1
    elif kind == "ellipse":
        assert [one.type for one in made] == ["polygon"]
        assert losses["ellipse"] == 1
    else:
        assert made == []
        assert losses[kind] == 1


def _annotations(path: Path) -> Any:
    from pycocotools.coco import COCO

    return COCO(str(path))


def _same_pixels(ours: Path, theirs: Path) -> int:
    """How many annotations of both files decode to the same pixels and area."""
    one, other = _annotations(ours), _annotations(theirs)
    assert sorted(one.anns) == sorted(other.anns)
    for number, annotation in other.anns.items():
        if annotation["segmentation"]:
            mask = other.annToMask(annotation)
            assert (one.annToMask(one.anns[number]) == mask).all()
            assert one.anns[number]["area"] == annotation["area"]
    return len(one.anns)


@pytest.mark.parametrize("spelled", ["list", "compressed"])
def test_masks_through_cvats_runs_are_the_same_pixels(
    coco_file: Make, tmp_path: Path, spelled: str
) -> None:
    from pycocotools import mask as coco

    drawn = np.random.default_rng(7).random((80, 100)) < 0.4
    rows = []
    for number in range(1, 6):
        image = np.asfortranarray(np.roll(drawn, number, axis=1) & (number % 2 == 0 or drawn))
        packed = coco.encode(image.astype(np.uint8))
        rle = {"counts": packed["counts"].decode(), "size": [80, 100]}
        if spelled == "list":
            flat = image.ravel(order="F").astype(int)
            edges = np.flatnonzero(np.diff(flat)) + 1
            runs = np.diff(np.concatenate(([0], edges, [flat.size]))).tolist()
            rle["counts"] = runs if not flat[0] else [0, *runs]
        rows.append(
            {
                **BOX,
                "id": number,
                "segmentation": rle,
                "iscrowd": 1,
                "area": float(image.sum()),
                "bbox": coco.toBbox(packed).tolist(),
            }
        )
    source = coco_file(annotations=rows)
    convert(source, tmp_path / "datumaro", "datumaro")
    convert(tmp_path / "datumaro", tmp_path / "out", "coco")
    back = json.loads((tmp_path / "out/annotations/instances_train.json").read_bytes())
    assert [row["area"] for row in back["annotations"]] == [row["area"] for row in rows]
    one = _annotations(tmp_path / "out/annotations/instances_train.json")
    other = _annotations(source)
    for mine, theirs in zip(one.anns.values(), other.anns.values(), strict=True):
        assert (one.annToMask(mine) == other.annToMask(theirs)).all()
        assert mine["bbox"] == theirs["bbox"]
    folder, _ = converted(source, "coco")
    assert _same_pixels(next(folder.rglob("*.json")), source) == 5


def test_pycocotools_loads_the_keypoints_of_cvats_task(tmp_path: Path) -> None:
    golden = next(g for g in goldens("COCO Keypoints 1.0") if str(g) == "rich-task3")
    target = tmp_path / "out"
    options = ConvertOptions()
    export_from_task(store_of("rich"), golden.our_id, target, "coco-keypoints", options)
    loaded = _annotations(next(target.rglob("*.json")))
    (category,) = [c for c in loaded.cats.values() if c.get("keypoints")]
    assert category["keypoints"] == ["head", "lhand", "rhand"]
    shown = [a for a in loaded.anns.values() if a.get("keypoints")]
    assert all(len(a["keypoints"]) == 9 for a in shown)
    assert [a["num_keypoints"] for a in shown] == [
        sum(v > 0 for v in a["keypoints"][2::3]) for a in shown
    ]


def test_polygons_to_masks_and_back_agree_on_real_segmentations(tmp_path: Path) -> None:
    checked = 0
    for path in sorted((COCO_TINY / "annotations").glob("instances_*.json")):
        body = json.loads(path.read_bytes())
        sizes = {row["id"]: (row["width"], row["height"]) for row in body["images"]}
        for row in body["annotations"]:
            if not isinstance(row["segmentation"], list) or row["area"] <= SMALLEST:
                continue
            width, height = sizes[row["image_id"]]
            mask = polygons_to_mask(row["segmentation"], width, height)
            traced = polygons_to_mask(mask_to_polygons(mask), width, height)
            before, after = _image(mask, width, height), _image(traced, width, height)
            overlap = (before & after).sum() / (before | after).sum()
            assert overlap >= 0.98, (path.name, row["id"], overlap)
            checked += 1
    assert checked > 20


def _image(mask: list[float], width: int, height: int) -> Any:
    image = np.zeros((height, width), dtype=bool)
    bitmap, left, top = mask_to_bitmap(mask)
    image[top : top + bitmap.shape[0], left : left + bitmap.shape[1]] = bitmap
    return image


def test_datumaro_sees_our_instances_and_we_see_those_it_writes(tmp_path: Path) -> None:
    dm = pytest.importorskip("datumaro")
    convert(COCO_TINY, tmp_path / "ours", "coco", with_images=True)
    there = dm.Dataset.import_from(str(tmp_path / "ours"), "coco_instances")
    there.export(str(tmp_path / "theirs"), "coco_instances", save_media=True)
    for subset in ("val2017", "train2017"):
        name = f"annotations/instances_{subset}.json"
        ours = json.loads((tmp_path / "ours" / name).read_bytes())
        convert(tmp_path / "theirs" / name, tmp_path / f"back-{subset}", "coco")
        back = json.loads(next((tmp_path / f"back-{subset}").rglob("*.json")).read_bytes())
        assert _boxes(back) == _boxes(ours)


def _boxes(body: dict[str, Any]) -> list[tuple[Any, ...]]:
    images = {row["id"]: row["file_name"] for row in body["images"]}
    names = {row["id"]: row["name"] for row in body["categories"]}
    return sorted(
        (images[r["image_id"]], names[r["category_id"]], *(round(v) for v in r["bbox"]))
        for r in body["annotations"]
    )
