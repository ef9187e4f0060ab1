"""Our Datumaro exports of CVAT's own backups equal CVAT's, entry by entry and value by value."""

from __future__ import annotations

import json
from typing import Any

import pytest

from golden_compare import without_frames
from goldens import Golden, goldens


def comparable(entries: dict[str, bytes]) -> dict[str, Any]:
    """Entries by name; the order of annotations on one image, which CVAT leaves open, taken out."""
    found: dict[str, Any] = {}
    for name, data in entries.items():
        found[name] = data
        if name.endswith(".json"):
            value = json.loads(data)
            for item in value["items"]:
                rows = item["annotations"]
                item["annotations"] = sorted(json.dumps(row, sort_keys=True) for row in rows)
            found[name] = value
    return found


@pytest.mark.parametrize("golden", goldens("Datumaro 1.0"), ids=str)
def test_datumaro_equals_that_of_cvat(golden: Golden) -> None:
    ours, theirs = without_frames(golden.exported(), golden.entries())
    assert comparable(ours) == comparable(theirs)
