"""Annotation guides with assets, from files and into backups."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from backup_values import backup_value
from commands import done, run
from localcvat.backup.restore import restore_project
from localcvat.backup.write import write_project_backup
from localcvat.errors import BackupError
from localcvat.guide_files import set_guide, write_guide
from localcvat.guides import read_guide
from localcvat.projects import create_project
from localcvat.store.engine import Store

TEXT = """# Правила

![ok](pics/a%20b.png) and ![again](pics/a%20b.png), [web](https://x.org/pics/a%20b.png),
![gone](no.png)
"""


def test_a_guide_from_files_goes_into_a_backup_and_back(tmp_path: Path) -> None:
    (tmp_path / "in" / "pics").mkdir(parents=True)
    Image.new("L", (3, 3)).save(tmp_path / "in" / "pics" / "a b.png")
    (tmp_path / "in" / "guide.md").write_text(TEXT)
    done("init", cwd=tmp_path)
    done("project", "create", "p", "--labels", '["car"]', cwd=tmp_path)
    assert run("project", "guide", 1, cwd=tmp_path).returncode == 1
    assert done("project", "guide", 1, "in/guide.md", cwd=tmp_path) == "1 assets\n"
    picture = (tmp_path / "in" / "pics" / "a b.png").read_bytes()
    expected = TEXT.replace("(pics/a%20b.png", "(assets/a b.png").strip()
    with Store.open(tmp_path / ".localcvat") as store:
        write_project_backup(store, 1, tmp_path / "out.zip")
        made = backup_value(tmp_path / "out.zip")
        assert made["assets/a b.png"] == picture
        assert made["annotation_guide.md"].decode() == expected
        again = restore_project(store, tmp_path / "out.zip")
        write_guide(store, tmp_path / "written", project_id=again)
    assert (tmp_path / "written" / "a b.png").read_bytes() == picture
    assert "![ok](a b.png)" in (tmp_path / "written" / "guide.md").read_text()


def test_assets_cvat_does_not_take_are_refused(tmp_path: Path) -> None:
    (tmp_path / "guide.md").write_text("[run](run.exe)")
    (tmp_path / "run.exe").write_bytes(b"x")
    with Store.create(tmp_path / "store") as store:
        project_id = create_project(store, "p")
        with pytest.raises(BackupError, match="not supported as an asset"):
            set_guide(store, tmp_path / "guide.md", project_id=project_id)
        with store.read() as session:
            assert read_guide(session, project_id=project_id) is None
