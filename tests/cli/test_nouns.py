"""The nouns and verbs of the command line, spelled as cvat-cli spells them, on real photos."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from commands import COCO_TINY
from commands import done as done_apart
from commands import done_here as done
from commands import run_here as run

PHOTOS = COCO_TINY / "images" / "val2017"


def value(*arguments: object, cwd: Path) -> Any:
    """What a command prints as JSON."""
    return json.loads(done(*arguments, "--json", cwd=cwd))


@pytest.fixture
def store(tmp_path: Path) -> Path:
    done("init", cwd=tmp_path)
    return tmp_path


@pytest.fixture
def task(store: Path) -> Path:
    """A store with task 1 of three photos in two jobs, and annotations from its dataset."""
    done("project", "create", "p", "--labels", '["person"]', cwd=store)
    made = done(
        *("task", "create", "t", "local", PHOTOS, "--project_id", 1),
        *("--segment_size", 2, "--image_quality", 60, "--subset", "val"),
        cwd=store,
    )
    assert made == "1\n"
    return store


def test_projects_are_changed_and_listed_by_conditions(store: Path) -> None:
    done("user", "create", "ann", cwd=store)
    for name in ("alpha", "beta", "gamma"):
        done("project", "create", name, "--assignee", "ann" if name == "beta" else "", cwd=store)
    done("project", "update", 1, "--name", "delta", "--bug-tracker", "http://b", cwd=store)
    listed = value("project", "ls", "--sort", "name", "--page_size", 2, cwd=store)
    assert [row["name"] for row in listed["results"]] == ["beta", "delta"]
    assert (listed["count"], listed["next"], listed["previous"]) == (3, 2, None)
    second = value("project", "ls", "--sort=name", "--page-size=2", "--page=2", cwd=store)
    assert [row["name"] for row in second["results"]] == ["gamma"]
    assert (second["next"], second["previous"]) == (None, 1)
    found = done("project", "ls", "--assignee", "ann", cwd=store)
    assert found.split("\t")[1] == "beta"
    rule = '{"or": [{"==": [{"var": "name"}, "gamma"]}, {"in": ["elt", {"var": "name"}]}]}'
    names = [row["name"] for row in value("project", "ls", "--filter", rule, cwd=store)["results"]]
    assert names == ["gamma", "delta"]
    assert value("project", "ls", "--search", "GAM", cwd=store)["count"] == 1
    assert run("project", "ls", "--filter", "{", cwd=store).returncode == 1
    assert run("project", "ls", "--page_size", "x", cwd=store).returncode == 2
    assert run("project", "update", 1, "--assignee", "nobody", cwd=store).returncode == 1


def test_long_and_odd_names_are_not_cut_when_piped(store: Path) -> None:
    name = "x" * 200 + " [red]y[/red]"
    done("project", "create", name, cwd=store)
    done("project", "create", "one\ttwo\nthree", cwd=store)
    lines = done("project", "ls", cwd=store).splitlines()
    assert [line.split("\t")[1] for line in lines] == ["one\\ttwo\\nthree", name]


def test_labels_are_listed_made_changed_and_deleted(store: Path) -> None:
    done("project", "create", "p", "--labels", '["car"]', cwd=store)
    attributes = '[{"name": "a", "mutable": true, "input_type": "select", "values": ["x", "y"]}]'
    made = done(
        *("label", "create", "dog", "--project_id", 1, "--type", "rectangle"),
        *("--attributes", attributes),
        cwd=store,
    ).strip()
    rows = value("label", "ls", "--project_id", 1, cwd=store)["results"]
    assert [(row["name"], row["color"]) for row in rows] == [
        ("car", "#2080c0"),
        ("dog", "#406040"),
    ]
    assert rows[1]["attributes"][0]["values"] == ["x", "y"]
    done("label", "update", made, "--name", "wolf", cwd=store)
    changed = value("label", "ls", "--project-id", 1, cwd=store)["results"][1]
    assert (changed["name"], changed["color"]) == ("wolf", "#406040")
    found = value("label", "ls", "--name", "car", "--page_size", 1, cwd=store)
    assert (found["count"], found["next"], found["results"][0]["name"]) == (1, None, "car")
    assert done("label", "ls", cwd=store).splitlines()[1].split("\t")[6] == "a"
    done("label", "delete", made, cwd=store)
    assert len(value("label", "ls", cwd=store)["results"]) == 1
    assert run("label", "delete", 99, cwd=store).returncode == 1
    assert run("label", "create", "x", cwd=store).returncode == 2


def test_jobs_are_listed_and_changed(task: Path) -> None:
    jobs = value("job", "ls", "--task_id", 1, cwd=task)["results"]
    assert sorted((job["start_frame"], job["stop_frame"]) for job in jobs) == [(0, 1), (2, 2)]
    done("job", "update", 1, "--stage", "acceptance", "--state", "completed", cwd=task)
    assert value("job", "show", 1, cwd=task)["status"] == "completed"
    assert "state: completed" in done("job", "show", 1, cwd=task)
    assert value("job", "ls", "--stage", "acceptance", cwd=task)["count"] == 1
    bad = run("job", "update", 1, "--state", "bogus", cwd=task)
    assert (bad.returncode, "not a valid choice" in bad.stderr) == (1, True)


def test_tasks_are_changed_moved_and_restored(task: Path) -> None:
    done("project", "create", "q", "--labels", '["person", "dog"]', cwd=task)
    done("task", "update", 1, "--name", "u", "--project_id", 2, "--subset", "train", cwd=task)
    shown = value("task", "show", 1, cwd=task)
    assert [shown[name] for name in ("name", "project_id", "subset")] == ["u", 2, "train"]
    assert len(shown["jobs"]) == 2
    assert value("task", "ls", "--project_id", 2, cwd=task)["count"] == 1
    done("task", "delete", 1, cwd=task)
    assert value("task", "ls", cwd=task)["count"] == 0
    done("task", "restore", 1, cwd=task)
    assert value("task", "ls", "--subset", "train", cwd=task)["count"] == 1


def test_frames_are_written_as_cvat_cli_writes_them(task: Path) -> None:
    photos = sorted(PHOTOS.iterdir())
    printed = done("task", "frames", 1, 0, 2, "--outdir", "out", cwd=task).split()
    names = ["task_1_frame_000000.jpg", "task_1_frame_000002.jpg"]
    assert [Path(path).name for path in printed] == names
    assert (task / "out" / names[1]).read_bytes() == photos[2].read_bytes()
    done("task", "frames", 1, "--outdir", "all", "--quality", "compressed", cwd=task)
    assert len(list((task / "all").iterdir())) == 3
    assert (task / "all" / names[0]).read_bytes() != photos[0].read_bytes()
    done("task", "frames", 1, "--frame_ids", "1", "--outdir", "one", cwd=task)
    assert [path.name for path in (task / "one").iterdir()] == ["task_1_frame_000001.jpg"]
    assert run("task", "frames", 1, 7, cwd=task).returncode == 1


def test_annotations_come_with_a_new_task_and_a_dataset_with_a_new_project(store: Path) -> None:
    made = done(
        *("project", "create", "p", "--dataset_path", COCO_TINY, "--dataset_format", "COCO 1.0"),
        *("--completion_verification_period", 5),
        cwd=store,
    )
    assert value("project", "show", made.strip(), cwd=store)["task_count"] == 2
    failed = run("project", "create", "q", "--dataset_path", "nowhere", cwd=store)
    assert failed.returncode == 1
    assert value("project", "ls", cwd=store)["count"] == 1


def test_storage_of_a_server_is_refused(store: Path) -> None:
    finished = run("task", "create", "t", "share", "a.jpg", "--labels", '["a"]', cwd=store)
    assert finished.returncode == 2
    assert "without a server" in finished.stderr


@pytest.mark.parametrize("images", ["yes", "true", "no"])
def test_with_images_takes_the_words_of_cvat_cli(task: Path, images: str) -> None:
    done("task", "export-dataset", 1, "o", "--format=coco", "--with_images", images, cwd=task)
    assert len(list((task / "o").rglob("*.jpg"))) == (0 if images == "no" else 3)


def test_what_was_done_is_on_record(task: Path) -> None:
    done("task", "export-dataset", 1, "o.zip", "--format", "YOLO 1.1", cwd=task)
    done("project", "backup", 1, "b.zip", cwd=task)
    made = done("project", "create-from-backup", "b.zip", cwd=task).strip()
    assert run("task", "create-from-backup", "o.zip", cwd=task).returncode == 1
    rows = value("request", "ls", cwd=task)["results"]
    assert [(row["action"], row["subresource"], row["status"]) for row in rows] == [
        ("import", "backup", "failed"),
        ("import", "backup", "finished"),
        ("export", "backup", "finished"),
        ("export", "annotations", "finished"),
    ]
    assert rows[1]["result_id"] == int(made)
    assert rows[3]["result_path"] == str(task / "o.zip")
    assert rows[0]["message"]
    shown = value("request", "show", rows[3]["id"], cwd=task)
    assert shown["report"]["kept"][0]["count"] == 3
    done("request", "rm", rows[3]["id"], cwd=task)
    assert len(done("request", "ls", cwd=task).splitlines()) == 3
    assert (task / "o.zip").exists()
    assert run("request", "show", "bogus", cwd=task).returncode == 1


def test_gc_frees_what_was_deleted(task: Path) -> None:
    media = task / ".localcvat" / "media"
    assert len([path for path in media.rglob("*") if path.is_file()]) == 3
    done("project", "delete", 1, cwd=task)
    freed = value("gc", cwd=task)
    assert (freed["projects"], freed["files"]) == (1, 3)
    assert not [path for path in media.rglob("*") if path.is_file()]
    assert run("project", "restore", 1, cwd=task).returncode == 1


def test_check_finds_a_flipped_byte(task: Path) -> None:
    assert value("check", "--deep", cwd=task) == {"mended": [], "problems": []}
    (blob, *_) = sorted((task / ".localcvat" / "media").rglob("??????*"))
    data = bytearray(blob.read_bytes())
    data[100] ^= 1
    blob.chmod(0o644)
    blob.write_bytes(data)
    assert run("check", cwd=task).returncode == 0
    finished = run("check", "--deep", cwd=task)
    assert (finished.returncode, str(blob) in finished.stdout) == (1, True)
    blob.unlink()
    assert run("check", cwd=task).returncode == 1


def test_a_snapshot_is_a_database(task: Path) -> None:
    import sqlite3

    done("snapshot", "copy.db", cwd=task)
    with sqlite3.connect(task / "copy.db") as copy:
        assert copy.execute("SELECT name FROM task").fetchall() == [("t",)]
    assert run("snapshot", "copy.db", cwd=task).returncode == 1


def test_users_and_organizations_are_listed(store: Path) -> None:
    assert done("user", "create", "ann", "--email", "a@b.c", cwd=store) == "1\n"
    assert value("user", "ls", cwd=store)["results"][0]["email"] == "a@b.c"
    assert run("user", "create", "ann", cwd=store).returncode == 1
    done("org", "create", "lab", "--name", "The lab", cwd=store)
    assert done("org", "ls", cwd=store).split("\t")[1:3] == ["lab", "The lab"]
    done("project", "create", "p", "--org", "lab", cwd=store)
    done("project", "create", "q", cwd=store)
    rows = value("project", "ls", "--org", "lab", cwd=store)["results"]
    assert [row["name"] for row in rows] == ["p"]
    assert run("project", "create", "r", "--org", "nowhere", cwd=store).returncode == 1


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_name_the_command(shell: str) -> None:
    assert "_LOCALCVAT_COMPLETE" in done_apart("completion", shell)


def test_completion_offers_nouns_verbs_and_options() -> None:
    import os
    import subprocess
    import sys

    def offered(words: str, position: int) -> str:
        environment = {
            **os.environ,
            "_LOCALCVAT_COMPLETE": "bash_complete",
            "COMP_WORDS": words,
            "COMP_CWORD": str(position),
        }
        command = Path(sys.executable).with_name("localcvat")
        finished = subprocess.run([command], env=environment, capture_output=True, text=True)
        return finished.stdout

    assert "plain,project" in offered("localcvat pro", 1)
    assert "plain,export-dataset" in offered("localcvat project ex", 2)
    assert "--bug_tracker" in offered("localcvat project create --bug", 3)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("project", "show", "abc"), 2),
        (("project", "show", 10**30), 2),
        (("project", "show", 99), 1),
        (("project", "delete", 1, 99), 1),
        (("project", "ls", "--page", 99), 1),
        (("project", "ls", "--filter", '{"if": [1]}'), 1),
        (("project", "create", ""), 1),
        (("project", "create", "x", "--labels", "{"), 2),
        (("project", "create", "x", "--labels", '["a", "a"]'), 1),
        (("project", "update", 1, "--labels", "[1]"), 1),
        (("task", "show", 10**30), 2),
        (("task", "create", "x", "local", "nowhere", "--project_id", 1), 1),
        (("task", "create", "x", "local", PHOTOS), 1),
        (("task", "frames", 1, "--frame_ids", "a"), 2),
        (("task", "preview", 1, "-o", "a.txt"), 2),
        (("task", "import-dataset", 1, "nowhere.zip"), 1),
        (("task", "export-dataset", 1, "o.zip", "--format", "bogus"), 2),
        (("job", "update", 1, "--stage", "bogus"), 1),
        (("job", "preview", 77, "-o", "a.png"), 1),
        (("label", "ls", "--project_id", 77), 1),
        (("label", "create", "person", "--project_id", 1), 1),
        (("user", "create", "a b"), 1),
        (("gc", "--older_than", "nan"), 2),
        (("bogus",), 2),
    ],
    ids=lambda value: " ".join(map(str, value))[:40] if isinstance(value, tuple) else "",
)
def test_what_can_not_be_done_is_said_in_a_line(
    task: Path, arguments: tuple[Any, ...], code: int
) -> None:
    finished = run(*arguments, cwd=task)
    assert finished.returncode == code, finished.stderr
    assert finished.stderr.strip()
    assert "Traceback" not in finished.stderr
    assert "(a bug" not in finished.stderr
    assert value("project", "show", 1, cwd=task)["task_count"] == 1
