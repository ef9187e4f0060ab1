"""Everything a dataset says comes back out of a project it was imported into, and its backup."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from everything import Fact, annotations, dataset, differences, facts, items
from localcvat import Client
from localcvat.dataset_import import import_dataset
from localcvat.datasets import export_project
from localcvat.model import Header, Item
from localcvat.report import Report

NAMES = [*annotations(), "deep/er/same", "other/same", "space é 'q'", "empty"]
NOT_IN_A_BACKUP = ("fields", "image fields", "image attribute weather", "instance")
"""CVAT's backups have no place for these; the report of the backup says so."""


def _out(client: Client, project_id: int) -> tuple[Header, list[Item]]:
    with client.store.read() as session:
        found = export_project(client.store, session, project_id)
        return found.header, list(found.items)


def _lost(before: dict[Fact, Any], header: Header, found: list[Item]) -> list[Any]:
    return list(differences(before, facts(header, found)))


@pytest.mark.parametrize("through_backup", [False, True])
def test_everything_comes_back_out_of_a_project(tmp_path: Path, through_backup: bool) -> None:
    made = dataset(*NAMES)
    before = copy.deepcopy(list(made.items))
    told = facts(copy.deepcopy(made.header), before)
    made.items = iter(copy.deepcopy(before))
    client = Client(tmp_path / "store", create=True)
    project = client.projects.create({"name": "p"})
    report = Report()
    import_dataset(client.store, project.id, made, report)
    assert not report.losses
    assert not _lost(told, *_out(client, project.id))
    if not through_backup:
        return
    backup_report = project.download_backup(tmp_path / "backup.zip", lightweight=True)
    restored = client.projects.create_from_backup(tmp_path / "backup.zip")
    lost = _lost(told, *_out(client, restored.id))
    kinds = {entry.kind for entry in backup_report.entries if entry.outcome == "dropped"}
    assert kinds >= {"extras", "instance", "image field"}
    assert [fact for fact, _, _ in lost if fact[1] not in NOT_IN_A_BACKUP] == []
    assert len(items()) == len(before)
