"""Annotation guides with assets, from files and into backups."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from backup_values import backup_value
from commands import done, run

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
    done("project", "backup", 1, "out.zip", cwd=tmp_path)
    made = backup_value(tmp_path / "out.zip")
    picture = (tmp_path / "in" / "pics" / "a b.png").read_bytes()
    assert made["assets/a b.png"] == picture
    expected = TEXT.replace("(pics/a%20b.png", "(assets/a b.png").strip()
    assert made["annotation_guide.md"].decode() == expected
    done("project", "create-from-backup", "out.zip", cwd=tmp_path)
    done("project", "guide", 2, "-o", "written", cwd=tmp_path)
    assert (tmp_path / "written" / "a b.png").read_bytes() == picture
    assert "![ok](a b.png)" in (tmp_path / "written" / "guide.md").read_text()


def test_assets_cvat_does_not_take_are_refused(tmp_path: Path) -> None:
    (tmp_path / "guide.md").write_text("[run](run.exe)")
    (tmp_path / "run.exe").write_bytes(b"x")
    done("init", cwd=tmp_path)
    done("project", "create", "p", cwd=tmp_path)
    refused = run("project", "guide", 1, "guide.md", cwd=tmp_path)
    assert refused.returncode == 1
    assert "not supported as an asset" in refused.stderr
