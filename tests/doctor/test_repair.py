"""`backup repair` makes a backup restore, says what it changed, and refuses what it can't mend."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path

import pytest

from commands import run
from corpus import CVAT_MADE, zip_entries
from localcvat.backup.check import check_backup
from localcvat.backup.repair import repair_backup
from localcvat.errors import LocalCvatError, OutputError
from probes import SWAPPED, Backup, Probe, probes, rebuild

REFUSED = [probe for probe in probes() if probe.refused and probe.name not in SWAPPED]
# What has no meaning that a program could guess.
BEYOND = """\
sorting bogus|no project.json|no task.json|no annotations.json|not a zip|empty file|empty zip
project.json not JSON|project.json a list|project version '0.9'|project version '2.0'
task version '2.0'|project.json bug_tracker='xxxxxxxxxxxxxxxxxxxx'|label without name
label color='#123456789'|label name='dog'|label name=''|label name='xxxxxxxxxxxxxxxxxxxx'
attribute without name|attribute input_type='bogus'|attribute mutable='x'|attribute name=''
attribute name='xxxxxxxxxxxxxxxxxxxx'|two attributes of one name
task.json subset='xxxxxxxxxxxxxxxxxxxx'|data frame_filter='bogus'|data storage_method='bogus'
data storage='bogus'|data deleted_frames=['a']|job status='bogus'|job type='bogus'
jobs gap 0-0,2-3, all shapes in the first|annotations: an object|shape without type
shape without frame|shape without label|shape label='nolabel'|shape label='None'|shape label_id='5'
shape type='bogus'|shape points="['1', '2', '3', '4']"|shape points='[nan, nan, nan, nan]'
shape frame='-1'|shape group='-1'|shape group='2147483648'|shape z_order='2147483648'
shape z_order='1.5'|shape attributes="[{'name': 'none', 'value"
shape attributes="[{'spec_id': 1, 'value':"|attribute value [{'value': 'b'}]|tag without frame
tag without label|track without label|track shape without type|track shape without frame
guide + bad asset|gt job without frames|gt frames out of range|corrupt img0, no manifest
no data at all|manifest only, no images|predefined without manifest (zip order reversed)
skeleton element label posehead""".replace("\n", "|").split("|")


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("probe", REFUSED, ids=lambda probe: probe.name[:60])
def test_what_cvat_refused_is_mended_or_named(tmp_path: Path, probe: Probe) -> None:
    built = rebuild(probe)
    assert built is not None
    bad, good = tmp_path / "bad.zip", tmp_path / "good.zip"
    bad.write_bytes(built[0])
    before = _digest(bad)
    beyond = probe.name in BEYOND or probe.name.startswith(
        "attribute value [{'name': 'at', 'value'"
    )
    if beyond:
        with pytest.raises(LocalCvatError) as caught:
            repair_backup(bad, good)
        assert caught.value.what
        assert [path.name for path in tmp_path.iterdir()] == ["bad.zip"]
    else:
        report = repair_backup(bad, good)
        assert [str(each) for each in check_backup(good) if each.is_error] == []
        assert report.count("changed")
    assert _digest(bad) == before


@pytest.mark.parametrize("path", sorted(CVAT_MADE.glob("*/*_backup.zip")), ids=lambda p: p.name)
def test_repairing_a_good_backup_changes_nothing(tmp_path: Path, path: Path) -> None:
    report = repair_backup(path, tmp_path / "out.zip")
    assert {entry.outcome for entry in report.entries} == {"kept"}
    assert zip_entries(tmp_path / "out.zip") == zip_entries(path)


def test_what_an_operating_system_does_to_a_backup_is_undone(tmp_path: Path) -> None:
    good = CVAT_MADE / "plain" / "project_1_backup.zip"
    bad = tmp_path / "bad.zip"
    with zipfile.ZipFile(bad, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in zip_entries(good).items():
            archive.writestr(f"my backup\\{name}".replace("/", "\\"), data)
            archive.writestr(f"__MACOSX/my backup/._{name.rpartition('/')[2]}{len(data)}", b"x")
        archive.writestr("my backup/.DS_Store", b"x")
        archive.writestr("my backup/task_0/data/.DS_Store", b"x")
    assert any("top folder" in finding.reason for finding in check_backup(bad))
    report = repair_backup(bad, tmp_path / "out.zip")
    assert zip_entries(tmp_path / "out.zip") == zip_entries(good)
    lines = "\n".join(report.lines())
    for reason in ("Windows separators", "top folder", "operating system"):
        assert reason in lines


def test_a_repaired_folder_is_a_folder(tmp_path: Path) -> None:
    backup = Backup()
    backup.project["version"] = 1.0
    backup.drop("task_0/data/manifest.jsonl")
    (tmp_path / "bad.zip").write_bytes(backup.write())
    with zipfile.ZipFile(tmp_path / "bad.zip") as archive:
        archive.extractall(tmp_path / "bad")
    repair_backup(tmp_path / "bad", tmp_path / "out")
    made = (tmp_path / "out" / "task_0" / "data" / "manifest.jsonl").read_bytes()
    assert (
        made
        == zip_entries(CVAT_MADE / "plain" / "project_1_backup.zip")["task_0/data/manifest.jsonl"]
    )
    assert json.loads((tmp_path / "out" / "project.json").read_text())["version"] == "1.0"
    assert check_backup(tmp_path / "out") == []


def test_a_missing_image_in_the_middle_is_named_for_frames_would_shift(tmp_path: Path) -> None:
    backup = Backup()
    backup.drop("task_0/data/img1.jpg")
    bad = tmp_path / "bad.zip"
    bad.write_bytes(backup.write())
    assert any("Incorrect file mapping" in each.reason for each in check_backup(bad))
    with pytest.raises(LocalCvatError, match=r"img1\.jpg"):
        repair_backup(bad, tmp_path / "out.zip")
    assert not (tmp_path / "out.zip").exists()


def test_the_output_may_not_be_the_backup_or_in_it(tmp_path: Path) -> None:
    (tmp_path / "backup").mkdir()
    for target in (tmp_path / "backup", tmp_path / "backup" / "out.zip"):
        with pytest.raises(OutputError):
            repair_backup(tmp_path / "backup", target)
    assert list((tmp_path / "backup").iterdir()) == []


def test_check_and_repair_on_the_command_line(tmp_path: Path) -> None:
    backup = Backup()
    backup.task["data"]["storage"] = "share"
    bad, good = tmp_path / "bad.zip", tmp_path / "good.zip"
    bad.write_bytes(backup.write())
    checked = run("backup", "check", bad)
    assert checked.returncode == 1
    assert "task_0/task.json: data.storage" in checked.stdout
    assert "a restore would fail" in checked.stderr
    assert "Traceback" not in checked.stderr
    found = json.loads(run("backup", "check", bad, "--json").stdout)
    assert [each["severity"] for each in found] == ["error"]
    assert found[0]["entry"] == "task_0/task.json"
    repaired = run("backup", "repair", bad, good)
    assert repaired.returncode == 0
    assert "share becomes local" in repaired.stdout
    assert run("backup", "check", good).returncode == 0


def test_a_dataset_given_as_a_backup_is_called_one(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "coco.zip", "w") as archive:
        body = {"images": [], "annotations": [], "categories": []}
        archive.writestr("annotations/instances_default.json", json.dumps(body))
    findings = check_backup(tmp_path / "coco.zip")
    assert "dataset (coco)" in findings[0].hint


def test_a_truncated_zip_is_an_error_finding(tmp_path: Path) -> None:
    data = (CVAT_MADE / "plain" / "project_1_backup.zip").read_bytes()
    (tmp_path / "cut.zip").write_bytes(data[: len(data) // 2])
    findings = check_backup(tmp_path / "cut.zip")
    assert [finding.severity for finding in findings] == ["error"]
    assert "truncated" in findings[0].hint


def test_a_flipped_byte_in_a_photo_is_found(tmp_path: Path) -> None:
    path = CVAT_MADE / "plain" / "project_1_backup.zip"
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo("task_0/data/img2.jpg")
    data[info.header_offset + 30 + len(info.filename) + info.file_size // 2] ^= 1
    (tmp_path / "flipped.zip").write_bytes(data)
    findings = check_backup(tmp_path / "flipped.zip")
    assert [finding.entry for finding in findings if finding.is_error] == ["task_0/data/img2.jpg"]
    assert check_backup(tmp_path / "flipped.zip", media=False) == []
