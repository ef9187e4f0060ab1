"""`localcvat.convert` is a function and the module of that name stays importable."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import localcvat
from commands import COCO_TINY, FIXTURES
from localcvat.errors import DetectionError, LossError, OutputError, UsageError

SOURCE = COCO_TINY / "annotations" / "instances_val2017.json"
HEAVY = ("sqlmodel", "sqlalchemy", "datumaro", "pandas", "cv2", "numpy", "lxml", "PIL")


def _fresh(code: str) -> str:
    """What a new interpreter prints for `code`."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_convert_works_after_import_localcvat_alone(tmp_path: Path) -> None:
    code = f"""
import localcvat
report = localcvat.convert({str(SOURCE)!r}, {str(tmp_path / "out.zip")!r}, to="yolo")
print(type(report).__name__, report.count("kept", "image"))
"""
    assert _fresh(code) == "Report 3"
    assert (tmp_path / "out.zip").is_file()


def test_convert_works_after_its_module_was_imported(tmp_path: Path) -> None:
    code = f"""
import localcvat
from localcvat.convert import convert, ConvertOptions
report = localcvat.convert({str(SOURCE)!r}, {str(tmp_path / "a")!r}, to="voc", from_=None)
convert({str(SOURCE)!r}, {str(tmp_path / "b.zip")!r}, "voc", None, ConvertOptions())
print(report.count("kept", "image"))
"""
    assert _fresh(code) == "3"
    assert (tmp_path / "a").is_dir()
    assert (tmp_path / "b.zip").is_file()


def test_import_localcvat_imports_nothing_heavy() -> None:
    code = f"import sys, localcvat; print([m for m in {HEAVY!r} if m in sys.modules])"
    assert _fresh(code) == "[]"


def test_settings_are_the_fields_of_convert_options(tmp_path: Path) -> None:
    with pytest.raises(LossError):
        localcvat.convert(SOURCE, tmp_path / "out", to="yolo", strict=True)
    assert not (tmp_path / "out").exists()
    localcvat.convert(COCO_TINY, tmp_path / "out", to="yolo", with_images=True)
    assert len(list((tmp_path / "out").rglob("*.jpg"))) == 9
    with pytest.raises(TypeError, match="strickt"):
        localcvat.convert(SOURCE, tmp_path / "no", to="yolo", strickt=True)


def test_an_unknown_format_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="known formats"):
        localcvat.convert(SOURCE, tmp_path / "out", to="nonsense")


@pytest.mark.parametrize("given", [None, "coco"])
@pytest.mark.parametrize("kind", ["project", "task"])
def test_a_backup_is_recognised_and_the_right_command_named(
    tmp_path: Path, kind: str, given: str | None
) -> None:
    backup = next((FIXTURES / "cvat-made" / "plain").glob(f"{kind}_*_backup.zip"))
    with pytest.raises(DetectionError) as caught:
        localcvat.convert(backup, tmp_path / "out", to="coco", from_=given)
    assert f"CVAT {kind} backup" in str(caught.value)
    assert f"localcvat {kind} create-from-backup" in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_backup_below_a_top_folder_is_recognised(tmp_path: Path) -> None:
    import zipfile

    backup = next((FIXTURES / "cvat-made" / "plain").glob("project_*_backup.zip"))
    with zipfile.ZipFile(backup) as archive:
        archive.extractall(tmp_path / "unpacked" / "top")
    with pytest.raises(DetectionError, match="create-from-backup"):
        localcvat.convert(tmp_path / "unpacked", tmp_path / "out", to="coco")


def test_an_unknown_source_lists_what_was_looked_for(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "readme.md").write_text("no dataset")
    with pytest.raises(DetectionError) as caught:
        localcvat.convert(tmp_path / "src", tmp_path / "out", to="coco")
    text = str(caught.value)
    for name in ("coco", "yolo", "voc"):
        assert f"\n  {name}: " in text
    assert "--from" in text


def test_the_written_coco_file_is_json(tmp_path: Path) -> None:
    localcvat.convert(SOURCE, tmp_path / "out", to="coco")
    written = json.loads(next((tmp_path / "out").rglob("*.json")).read_bytes())
    assert len(written["images"]) == 3


def test_a_target_that_ends_as_the_formats_files_is_one_file(tmp_path: Path) -> None:
    localcvat.convert(SOURCE, tmp_path / "out.json", to="coco")
    assert len(json.loads((tmp_path / "out.json").read_bytes())["images"]) == 3
    localcvat.convert(tmp_path / "out.json", tmp_path / "out.csv", to="csv")
    assert (tmp_path / "out.csv").read_text().startswith("path,label,")
    localcvat.convert(tmp_path / "out.csv", tmp_path / "out.xml", to="cvat-images")
    assert b"<annotations>" in (tmp_path / "out.xml").read_bytes()
    with pytest.raises(OutputError, match="the file exists"):
        localcvat.convert(SOURCE, tmp_path / "out.json", to="coco")
    localcvat.convert(SOURCE, tmp_path / "out.json", to="coco", overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.csv", "out.json", "out.xml"]


def test_several_files_do_not_become_one(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="more than one file"):
        localcvat.convert(COCO_TINY, tmp_path / "out.json", to="coco")
    with pytest.raises(OutputError, match="more than one file"):
        localcvat.convert(COCO_TINY, tmp_path / "out.csv", to="csv", with_images=True)
    assert list(tmp_path.iterdir()) == []
