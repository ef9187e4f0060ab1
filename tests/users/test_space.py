"""An output that does not fit on the disk is refused before it is begun."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from commands import COCO_TINY
from commands import done_here as done
from commands import run_here as run

SIZES = {
    subset: sum(path.stat().st_size for path in (COCO_TINY / "images" / subset).iterdir())
    for subset in ("train2017", "val2017")
}


class Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.fixture
def store(tmp_path: Path) -> Path:
    done("init", cwd=tmp_path)
    done("project", "create", "p", "--dataset_path", COCO_TINY, cwd=tmp_path)
    return tmp_path


WRITING: list[tuple[tuple[object, ...], str]] = [
    (("project", "backup", 1), "both"),
    (("task", "backup", 1), "train2017"),
    (("project", "export-dataset", 1, "--format", "coco", "--with-images", "yes"), "both"),
    (("task", "export-dataset", 2, "--format", "voc", "--with-images", "yes"), "val2017"),
    (("job", "export-dataset", 1, "--format", "yolo", "--with-images", "yes"), "train2017"),
]


@pytest.mark.parametrize(("order", "of"), WRITING, ids=lambda each: str(each)[:30])
def test_what_does_not_fit_is_not_begun(
    store: Path, monkeypatch: pytest.MonkeyPatch, order: tuple[object, ...], of: str
) -> None:
    needed = sum(SIZES.values()) if of == "both" else SIZES[of]
    free = needed - 1

    def usage(path: Any) -> Usage:
        return Usage(free * 2, free, free)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    out = store / "new" / "out.zip"
    noun, verb, number, *options = order
    before = sorted(store.iterdir())
    refused = run(noun, verb, number, out, *options, cwd=store)
    assert refused.returncode == 1
    assert "there is no room" in refused.stderr
    assert not out.exists()
    assert [path for path in store.iterdir() if path.name != "new"] == before
    free = needed
    done(noun, verb, number, out, *options, cwd=store)
    assert out.is_file()
