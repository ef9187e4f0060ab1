"""The examples of docs/rest.md run as they are."""

from __future__ import annotations

import re
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest

from commands import done
from corpus import COCO_TINY

PAGE = Path(__file__).parent.parent.parent / "docs" / "rest.md"
IMAGE = sorted(COCO_TINY.rglob("*.jpg"))[0]


def test_the_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LOCALCVAT_STORE", raising=False)
    shutil.copy(IMAGE, tmp_path / "a.jpg")
    done("init", cwd=tmp_path)
    first, second = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    namespace: dict[str, Any] = {}
    exec(first, namespace)
    assert "images/a.jpg" in zipfile.ZipFile("signs.zip").namelist()
    exec(second, namespace)
    assert namespace["names"] == ["Signs"]
