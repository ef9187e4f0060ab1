"""`backup check` says what a real CVAT said to over 300 backups, each changed in one place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from corpus import CVAT_MADE
from localcvat.backup.check import check_backup
from probes import Probe, probes, rebuild

PROBES = probes()


def test_every_probe_can_be_rebuilt() -> None:
    assert len(PROBES) > 340
    assert [probe.name for probe in PROBES if rebuild(probe) is None] == []


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.name[:60])
def test_check_agrees_with_what_cvat_did(tmp_path: Path, probe: Probe) -> None:
    built = rebuild(probe)
    assert built is not None
    path = tmp_path / "backup.zip"
    path.write_bytes(built[0])
    findings = check_backup(path, kind=built[1])
    errors = [finding for finding in findings if finding.severity == "error"]
    if probe.refused:
        assert errors
        assert all(finding.entry and finding.reason for finding in errors)
    else:
        assert [str(finding) for finding in errors] == []


# What CVAT restored as something other than the backup said, or left out.
SILENT = {
    "an image of the manifest is missing from data/": "more images than data/ holds",
    "one image fewer than stop_frame says, no manifest": "past the last image",
    "manifest says width 999": "another size",
    "project.json without name": "no name",
    "project.json name='5'": "becomes text",
    "project.json status='bogus'": "no status 'bogus'",
    "label color='red'": "#rrggbb",
    "label without color": "no colour",
    "label type='bogus'": "no label type 'bogus'",
    "attribute values='[1]'": "becomes one",
    "attribute values=\"['a\\\\nb']\"": "line break",
    "attribute without default_value": "empty",
    "attribute default_value='zzz'": "not one of the values",
    "data without stop_frame": "stop_frame",
    "data stop_frame=9": "past the last image",
    "data deleted_frames=[99]": "not one of the task's",
    "data chunk_type='bogus'": "chunk_type",
    "job stop_frame=99": "cut anew",
    "job frames=[0, 1]": "ignored",
    "job stage='acceptance'": "ignores the stage",
    "jobs 1+3 irregular, all shapes in the first": "cut anew",
    "jobs overlapping 0-2,1-3, all shapes in the first": "cut anew",
    "annotations: two for one job": "lost",
    "annotations: empty list": "fewer annotation objects",
    "shape frame='99'": "past the end",
    "shape points='[]'": "no points",
    "shape points='[1, 2, 3]'": "has 4 numbers",
    "shape source='bogus'": "no source",
    "shape score='0.5'": "score",
    "attribute value [{'name': 'at', 'value': 'zzz'}]": "not one of the list",
    "attribute value [{'name': 'at', 'value': None}]": "no text",
    "asset without guide": "lost",
    "guide in the task": "lost",
    "gt job first": "shift",
    "corrupt img0, with manifest": "damaged",
    "skeleton label added without svg": "svg",
}


@pytest.mark.parametrize("name", SILENT)
def test_what_cvat_changes_silently_is_a_warning(tmp_path: Path, name: str) -> None:
    probe = next(probe for probe in PROBES if probe.name == name)
    built = rebuild(probe)
    assert built is not None
    path = tmp_path / "backup.zip"
    path.write_bytes(built[0])
    warnings = [f for f in check_backup(path) if f.severity == "warning"]
    assert any(re.search(re.escape(SILENT[name]), str(finding)) for finding in warnings)


@pytest.mark.parametrize("path", sorted(CVAT_MADE.glob("*/*_backup.zip")), ids=lambda p: p.name)
def test_a_backup_made_by_cvat_has_no_findings(path: Path) -> None:
    assert check_backup(path) == []
