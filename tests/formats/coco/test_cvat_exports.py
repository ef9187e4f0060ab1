"""Our COCO exports of CVAT's own backups equal CVAT's, entry by entry and value by value.

Left open, for CVAT leaves it open too: the order of annotations on one image, and with it their
ids; the order of a project's subsets, which is that of a Python set, and with it the ids of images.
Frames of a video are encoded anew, so they are compared by their pixels.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from golden_compare import without_frames
from goldens import Golden, goldens


def comparable(entries: dict[str, bytes]) -> dict[str, Any]:
    """Entries by name; JSON as values with what is left open taken out."""
    found: dict[str, Any] = {}
    image_ids: dict[str, int] = {}
    for name, data in entries.items():
        if not name.endswith(".json"):
            found[name] = data
            continue
        value = json.loads(data)
        rows = value["annotations"]
        assert [row.pop("id") for row in rows] == list(range(1, len(rows) + 1))
        names = {row["id"]: row["file_name"] for row in value["images"]}
        for row in value["images"]:
            stem = row["file_name"].rpartition(".")[0]
            assert image_ids.setdefault(stem, row["id"]) == row.pop("id")
        for row in rows:
            row["image_id"] = names[row["image_id"]]
        value["annotations"] = sorted(json.dumps(row, sort_keys=True) for row in rows)
        found[name] = value
    assert sorted(image_ids.values()) == list(range(1, len(image_ids) + 1))
    return found


@pytest.mark.parametrize("golden", goldens("COCO 1.0"), ids=str)
def test_instances_equal_those_of_cvat(golden: Golden) -> None:
    ours, theirs = without_frames(golden.exported(), golden.entries())
    assert comparable(ours) == comparable(theirs)


@pytest.mark.parametrize("golden", goldens("COCO Keypoints 1.0"), ids=str)
def test_keypoints_equal_those_of_cvat(golden: Golden) -> None:
    ours, theirs = without_frames(golden.exported(), golden.entries())
    assert comparable(ours) == comparable(theirs)


def test_image_ids_count_over_all_subsets() -> None:
    (golden,) = [g for g in goldens("COCO 1.0") if str(g) == "noskel-project1"]
    first = [
        min(row["id"] for row in json.loads(data)["images"]) for data in golden.exported().values()
    ]
    assert sorted(first) == [1, 5]
