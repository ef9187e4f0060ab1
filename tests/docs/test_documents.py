"""The documents are true: commands run and print what they say, the reference is the CLI's."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from commands import run_here
from corpus import COCO_TINY, CVAT_MADE

ROOT = Path(__file__).parent.parent.parent
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)#]+)(?:#[^)]*)?\)")


def blocks(document: str) -> list[tuple[str, str]]:
    """(language, text) of each code block."""
    return FENCE.findall((ROOT / document).read_text(encoding="utf-8"))


def environment() -> dict[str, str]:
    """The variables for commands: ours first, no store from outside."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    kept = {key: value for key, value in os.environ.items() if key != "LOCALCVAT_STORE"}
    return {**kept, "PATH": path, "LC_ALL": "C.UTF-8", "LANG": "C.UTF-8"}


def shell(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """A command line run as a reader would."""
    return subprocess.run(
        ["sh", "-ec", command], cwd=folder, env=environment(), capture_output=True, text=True
    )


def run_line(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """As `shell`; a plain call of ours runs in this process, which is much faster."""
    if command.startswith("localcvat ") and not set("|>&$*") & set(command):
        return run_here(*shlex.split(command)[1:], cwd=folder)
    return shell(command, folder)


def python(text: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """A script run as a reader would."""
    return subprocess.run(
        [sys.executable, "-c", text], cwd=folder, env=environment(), capture_output=True, text=True
    )


def agrees(shown: str, printed: str) -> bool:
    """Whether `printed` is what is shown, ``...`` standing for anything."""
    parts = [re.escape(part) for part in shown.strip().split("...")]
    return re.fullmatch(".*?".join(parts), printed.strip(), re.DOTALL) is not None


def steps(text: str) -> list[tuple[str, str]]:
    """(command, what it is said to print) of a console block."""
    found: list[tuple[str, str]] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], ""))
        else:
            command, shown = found[-1]
            found[-1] = (command, f"{shown}{line}\n")
    return found


def follow(document: str, folder: Path) -> int:
    """Run the console and python blocks of a document in order; returns how many commands."""
    done, printed = 0, ""
    for language, text in blocks(document):
        if language == "console":
            for command, shown in steps(text):
                finished = run_line(command, folder)
                assert finished.returncode == 0, f"{command}\n{finished.stderr}"
                assert agrees(shown, finished.stdout), f"{command}\n{finished.stdout}"
                done += 1
        elif language == "python":
            run = python(text, folder)
            assert run.returncode == 0, run.stderr
            printed = run.stdout
            done += 1
        elif language == "text":
            assert agrees(text, printed), printed
    return done


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(COCO_TINY, tmp_path / "photos")
    return tmp_path


def test_the_tutorial_prints_what_it_says(folder: Path) -> None:
    assert follow("docs/tutorial.md", folder) > 25


def test_the_how_to_recipes_run(folder: Path) -> None:
    (backup,) = (CVAT_MADE / "plain").glob("project_*_backup.zip")
    shutil.copy(backup, folder / "from-cvat.zip")
    assert follow("docs/how-to.md", folder) > 10


def test_the_readme_s_commands_and_scripts_run(folder: Path) -> None:
    photos = folder / "photos"
    shutil.copy(photos / "annotations/instances_val2017.json", folder)
    (backup,) = (CVAT_MADE / "plain").glob("project_*_backup.zip")
    shutil.copy(backup, folder / "from-cvat.zip")
    for target, name in (("VOCdevkit", "voc"), ("dataset.zip", "COCO 1.0"), ("dataset", "coco")):
        made = shell(f"localcvat convert photos {target} --to '{name}' --with-images yes", folder)
        assert made.returncode == 0, made.stderr
    ran = 0
    for language, text in blocks("README.md"):
        if language == "python":
            commands = [python(text, folder)]
        elif language == "sh" and "make " not in text:
            whole = "$" in text  # a variable goes from line to line
            lines = [text] if whole else [line.partition(" #")[0] for line in text.splitlines()]
            commands = [run_line(line.strip(), folder) for line in lines]
        else:
            continue
        for finished in commands:
            assert finished.returncode == 0, f"{finished.args}\n{finished.stderr}"
        ran += len(commands)
    assert ran >= 12


@pytest.mark.parametrize("name", ["cli", "library"])
def test_the_references_are_made_from_the_code(name: str) -> None:
    spec = importlib.util.spec_from_file_location(name, ROOT / f"docs/make_{name}.py")
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    assert spec.loader is not None
    spec.loader.exec_module(module)
    written = (ROOT / f"docs/{name}.md").read_text(encoding="utf-8")
    assert written == module.reference(), f"docs/{name}.md is old: run `make docs`"


DOCUMENTS = ["README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: str) -> None:
    place = ROOT / document
    for link in LINK.findall(place.read_text(encoding="utf-8")):
        if "://" not in link:
            assert (place.parent / link).exists(), link
