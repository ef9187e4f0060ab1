"""Small COCO files made on the spot."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conversions import BOX, CATEGORY, IMAGE


@pytest.fixture
def coco_file(tmp_path: Path) -> Callable[..., Path]:
    """Writes a COCO file with the given parts changed; returns its path."""

    def make(name: str = "in/annotations/instances_train.json", **parts: Any) -> Path:
        body = {"images": [IMAGE], "annotations": [BOX], "categories": [CATEGORY], **parts}
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(body), encoding="utf-8")
        return path

    return make
