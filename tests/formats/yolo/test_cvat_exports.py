"""Our YOLO exports of CVAT's own backups equal CVAT's, entry by entry and line by line.

CVAT leaves open the order of annotations on one image and of a project's subsets; frames of a
video are encoded anew, so they are compared by their pixels.
"""

from __future__ import annotations

from typing import Any

import pytest

from golden_compare import without_frames
from goldens import Golden, goldens


def comparable(entries: dict[str, bytes]) -> dict[str, Any]:
    """Entries by name; label files and obj.data as sorted lines."""
    found: dict[str, Any] = {}
    for name, data in entries.items():
        found[name] = data
        if name == "obj.data" or (name.startswith("obj_") and name.endswith(".txt")):
            found[name] = sorted(data.decode().splitlines())
    return found


@pytest.mark.parametrize("golden", goldens("YOLO 1.1"), ids=str)
def test_yolo_equals_that_of_cvat(golden: Golden) -> None:
    ours, theirs = without_frames(golden.exported(), golden.entries())
    assert comparable(ours) == comparable(theirs)
