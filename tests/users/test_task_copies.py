"""Tasks moved, copied and merged, with labels by name and everything that is on them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from commands import FIXTURES
from commands import done_here as done
from commands import run_here as run
from localcvat import Client
from localcvat.model import Annotations, Shape, Tag, Track, TrackedShape

EVERYTHING = FIXTURES / "backups" / "everything_project.zip"


def values(task: Any, shift: int = 0) -> list[str]:
    """The annotations of a task as texts in order, without ids; frames less `shift`."""

    def plain(value: Any, name: str = "") -> Any:
        if isinstance(value, dict):
            return {
                key: plain(each, key)
                for key, each in value.items()
                if key not in ("id", "label_id", "job_id", "extras", "task")
            }
        if isinstance(value, list):
            return [plain(each) for each in value]
        return value - shift if name == "frame" else value

    import msgspec

    found = msgspec.to_builtins(task.get_annotations(), enc_hook=list)
    return sorted(
        json.dumps(plain(each), sort_keys=True)
        for kind in ("tags", "shapes", "tracks")
        for each in found[kind]
    )


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Two projects of the same labels; tasks 1 and 2 in the first, of pictures of one name."""
    done("init", cwd=tmp_path)
    for name in ("one", "two"):
        done("project", "create", name, "--labels", '["car", "bus"]', cwd=tmp_path)
    for number, color in enumerate(("red", "blue"), 1):
        folder = tmp_path / f"photos{number}"
        folder.mkdir()
        for frame in range(2 + number):
            Image.new("RGB", (60, 40), color).save(folder / f"{frame}.png")
        order = ("task", "create", f"t{number}", "local", folder, "--project_id", 1)
        done(*order, "--subset", f"s{number}", cwd=tmp_path)
    with Client(tmp_path) as client:
        for number in (1, 2):
            box = Shape(type="rectangle", label="car", points=[1, 2, 30, 20 + number], frame=1)
            track = Track(
                label="bus",
                shapes=[
                    TrackedShape(type="rectangle", points=[0, 0, 9, 9], frame=0),
                    TrackedShape(type="rectangle", points=[4, 4, 13, 13], frame=2, outside=True),
                ],
            )
            made = Annotations(shapes=[box], tags=[Tag(label="bus", frame=2)], tracks=[track])
            client.tasks.retrieve(number).set_annotations(made)
    return tmp_path


def test_a_copy_has_all_that_a_backup_keeps(tmp_path: Path) -> None:
    done("init", cwd=tmp_path)
    done("project", "create-from-backup", EVERYTHING, cwd=tmp_path)
    with Client(tmp_path) as client:
        for task in list(client.tasks.list()):
            made = task.copy(name="copied")
            assert values(made) == values(task)
            assert made.name == "copied"
            frames = [frame.name for frame in made.get_frames_info()]
            assert frames == [frame.name for frame in task.get_frames_info()]
            assert len(made.get_jobs()) == len(task.get_jobs())
            assert made.project_id == task.project_id
    assert done("check", cwd=tmp_path) == ""


def test_a_copy_goes_into_another_project_and_a_move_takes_its_labels_by_name(store: Path) -> None:
    copied = done("task", "copy", 1, "--project_id", 2, cwd=store).strip()
    done("task", "move", 2, "--project_id", 2, cwd=store)
    with Client(store) as client:
        assert values(client.tasks.retrieve(int(copied))) == values(client.tasks.retrieve(1))
        assert {task.id for task in client.projects.retrieve(2).get_tasks()} == {2, int(copied)}
        for number in (1, 2):
            labels = [label.name for label in client.projects.retrieve(number).get_labels()]
            assert labels == ["car", "bus"]
        assert len(client.tasks.retrieve(2).get_annotations().shapes) == 1
    done("project", "create", "other", "--labels", '["car"]', cwd=store)
    refused = run("task", "move", 1, "--project_id", 3, cwd=store)
    assert refused.returncode == 1
    refused = run("task", "copy", 1, "--project_id", 3, cwd=store)
    assert refused.returncode == 1
    assert "bus" in refused.stderr
    assert done("task", "ls", "--project_id", 3, cwd=store) == ""


def test_merged_tasks_are_one_after_the_other(store: Path) -> None:
    made = int(done("task", "merge", 2, 1, "--name", "both", cwd=store))
    with Client(store) as client:
        first, second, both = (client.tasks.retrieve(number) for number in (2, 1, made))
        assert (both.name, both.size, both.subset) == ("both", 7, "s2")
        found = values(both)
        rest = list(found)
        for each in values(first):
            rest.remove(each)
        assert rest == values(second, shift=-4)
        assert len({frame.name for frame in both.get_frames_info()}) == 7
        pixel = Image.open(both.get_frame(5)).convert("RGB").getpixel((0, 0))
        assert pixel == (255, 0, 0)
        assert values(client.tasks.retrieve(1)) == values(second)
    assert done("check", "--deep", cwd=store) == ""


def test_tasks_of_two_projects_are_not_merged(store: Path) -> None:
    done("task", "move", 2, "--project_id", 2, cwd=store)
    assert run("task", "merge", 1, 2, cwd=store).returncode == 2
    assert run("task", "merge", 1, cwd=store).returncode == 2
