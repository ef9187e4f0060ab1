"""Restoring answers as a real CVAT did to over 300 backups, each changed in one place."""

from __future__ import annotations

from pathlib import Path

import pytest

from localcvat.backup.restore import restore_project, restore_task
from localcvat.errors import LocalCvatError
from localcvat.store.engine import Store
from probes import Probe, probes, rebuild

PROBES = probes()
# Harmless to read, so that a backup need not be repaired first; `backup check` tells them.
TOLERATED = {
    "garbage index.json",
    "manifest without meta",
    "names with ./",
    "all under a top folder",
    "project.json with BOM",
    "project.json deimension='2d'",
    "attribute id='3'",
    "data chunk_size=None",
    "data storage='share'",
    "data storage='cloud_storage'",
}
# CVAT keeps a shape of no use; we say so instead.
REFUSED = {
    "shape without points",
    "shape points='[]'",
    "shape points='[1, 2, 3]'",
    "track shape without points",
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory):
    with Store.create(tmp_path_factory.mktemp("agrees") / "store") as made:
        yield made


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.name[:60])
def test_restore_agrees_with_what_cvat_did(store: Store, tmp_path: Path, probe: Probe) -> None:
    built = rebuild(probe)
    assert built is not None
    path = tmp_path / "backup.zip"
    path.write_bytes(built[0])
    restore = restore_project if built[1] == "project" else restore_task
    if probe.name in REFUSED or (probe.refused and probe.name not in TOLERATED):
        with pytest.raises(LocalCvatError) as caught:
            restore(store, path)
        assert caught.value.what
        return
    if probe.name == "video no manifest, index":
        pytest.importorskip("av", reason="a video without manifest needs the decoder")
    assert restore(store, path) > 0
