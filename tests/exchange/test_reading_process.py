"""A large dataset is read by a process of its own: what comes out is the same, errors too."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from commands import done_here, run_here
from localcvat import reading_process
from localcvat.convert import convert
from localcvat.errors import DatasetError, DetectionError, LocalCvatError, SourceError, UsageError
from localcvat.exchange import import_into_project
from localcvat.geometry.masks import bitmap_to_mask, mask_to_coco
from localcvat.model import Label
from localcvat.projects import create_project
from localcvat.reading_process import DatasetReading, reading
from localcvat.report import Report
from localcvat.store.check import check_store
from localcvat.store.engine import DATABASE, Store
from localcvat.transforms import Transforms

TABLES = ("label", "attribute_spec", "frame", "shape", "tag", "track", "tracked_shape")


@pytest.fixture(autouse=True)
def _small_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading_process, "LARGE_BYTES", 1)


def coco(path: Path, images: int = 30, **first: Any) -> Path:
    """Polygons, parts, masks both ways, keypoints, attributes and unknown keys, on many images."""
    annotations: list[dict[str, Any]] = []
    for image in range(images):
        bitmap = np.zeros((8, 10), dtype=np.uint8)
        bitmap[1:5, 2 : 4 + image % 5] = 1
        counts = mask_to_coco(bitmap_to_mask(bitmap), 10, 8)
        annotations += [
            {"segmentation": [[0.1, 0.2, 5, 0, 5.5, 7.25]], "bbox": [0, 0, 5, 7], "score": 0.5},
            {"segmentation": [[0, 0, 5, 0, 5, 5], [6, 6, 7, 6, 7, 7]], "bbox": [0, 0, 7, 7]},
            {"segmentation": {"counts": counts, "size": [8, 10]}, "iscrowd": 1, "area": 8},
            {"bbox": [1, 2, 3, 4], "attributes": {"occluded": True, "größe": "é"}, "odd": [1]},
        ]
        for each in annotations[-4:]:
            each |= {"image_id": image + 1, "category_id": 3}
    for number, each in enumerate(annotations, 1):
        each["id"] = number
    annotations[-1] |= first
    document = {
        "info": {"description": "made", "year": 2026},
        "images": [
            {"id": n + 1, "file_name": f"b/{n}.jpg", "width": 10, "height": 8, "licence": n}
            for n in range(images)
        ],
        "annotations": annotations,
        "categories": [{"id": 3, "name": "cat", "supercategory": "animal"}],
    }
    path.write_bytes(orjson.dumps(document))
    return path


def rows(store: Path) -> dict[str, list[Any]]:
    """What was imported, but for the dates."""
    connection = sqlite3.connect(store / DATABASE)
    try:
        return {table: connection.execute(f"SELECT * FROM {table}").fetchall() for table in TABLES}
    finally:
        connection.close()


def imported(folder: Path, source: Path, jobs: int, **how: Any) -> tuple[Any, Any]:
    """The rows and the report of an import into a new store."""
    with Store.create(folder) as store:
        store.jobs = jobs
        project = create_project(store, "made")
        _, report = import_into_project(store, project, source, media="none", **how)
    return rows(folder), report.to_dict()


def failure(folder: Path, source: Path, jobs: int, **how: Any) -> tuple[type, str]:
    with pytest.raises(LocalCvatError) as caught:
        imported(folder, source, jobs, **how)
    assert all(not found for found in rows(folder).values())
    return caught.type, str(caught.value)


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """The processes that were started."""
    started: list[subprocess.Popen[bytes]] = []
    plain = subprocess.Popen

    def start(*arguments: Any, **options: Any) -> subprocess.Popen[bytes]:
        started.append(plain(*arguments, **options))
        return started[-1]

    monkeypatch.setattr(reading_process.subprocess, "Popen", start)
    return started


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"transforms": Transforms(labels_map={"cat": "katze"}, masks_to_polygons=True)},
        {"on_error": "skip", "broken": {"bbox": [1, 2, 3]}},
    ],
)
def test_two_processes_import_what_one_does(
    tmp_path: Path, how: dict[str, Any], children: list[Any]
) -> None:
    source = coco(tmp_path / "a b'ü.json", **how.pop("broken", {}))
    one = imported(tmp_path / "one", source, 1, **how)
    assert not children
    two = imported(tmp_path / "two", source, 2, **how)
    assert two == one
    assert len(two[0]["shape"]) >= 140
    assert [child.returncode is not None for child in children] == [True]


def test_tracks_come_over_with_their_keyframes(tmp_path: Path, children: list[Any]) -> None:
    frames = "".join(
        f'<track id="{n}" label="cat"><box frame="{n}" outside="0" occluded="1" keyframe="1" xtl="1'
        f'.5" ytl="2" xbr="3" ybr="4"/><box frame="{n + 2}" outside="1" occluded="0" keyframe="1" x'
        f'tl="1.5" ytl="2" xbr="3" ybr="4"/></track>'
        for n in range(3)
    )
    source = tmp_path / "annotations.xml"
    source.write_text(
        '<?xml version="1.0"?><annotations><version>1.1</version><meta><task><name>v</name>'
        "<size>6</size><mode>interpolation</mode><labels><label><name>cat</name></label></labels>"
        "<original_size><width>9</width><height>9</height></original_size></task></meta>"
        f"{frames}</annotations>"
    )
    one = imported(tmp_path / "one", source, 1)
    assert imported(tmp_path / "two", source, 2) == one
    assert len(children) == 1
    assert (len(one[0]["track"]), len(one[0]["tracked_shape"])) == (3, 6)


def test_masks_and_boxes_of_other_formats_come_over(tmp_path: Path, children: list[Any]) -> None:
    convert(coco(tmp_path / "coco.json"), tmp_path / "data.zip", "datumaro")
    one = imported(tmp_path / "one", tmp_path / "data.zip", 1)
    assert imported(tmp_path / "two", tmp_path / "data.zip", 2) == one
    assert len(children) == 1
    assert one[0]["shape"]


@pytest.mark.parametrize(
    ("first", "kind", "words"),
    [
        ({"bbox": [1, 2, 3]}, DatasetError, "annotations[119].bbox"),
        ({"category_id": 8}, DatasetError, "no category has the id 8"),
        ({"segmentation": {"counts": [1, 2], "size": [8, 10]}}, DatasetError, ".counts"),
    ],
)
def test_an_error_is_the_same_and_nothing_is_written(
    tmp_path: Path, first: dict[str, Any], kind: type, words: str, children: list[Any]
) -> None:
    source = coco(tmp_path / "coco.json", **first)
    one = failure(tmp_path / "one", source, 1)
    assert failure(tmp_path / "two", source, 2) == one
    assert one[0] is kind
    assert words in one[1]
    assert [child.returncode is not None for child in children] == [True]


def test_what_comes_first_fails_first(tmp_path: Path) -> None:
    """A label that the project lacks, before a broken annotation that was read already."""
    source = coco(tmp_path / "coco.json", bbox=[1, 2, 3])
    for jobs in (1, 2):
        with Store.create(tmp_path / f"{jobs}") as store:
            store.jobs = jobs
            project = create_project(store, "made", labels=[Label(name="dog")])
            with pytest.raises(DatasetError, match="does not have label"):
                import_into_project(store, project, source, media="none")


@pytest.mark.parametrize(
    ("name", "text", "format_name", "kind"),
    [
        ("gone.json", None, None, SourceError),
        ("odd.json", "{}", None, DetectionError),
        ("odd.json", "{}", "nonsense", UsageError),
        ("odd.json", '{"images": [', "coco", DatasetError),
    ],
)
def test_a_source_that_is_none_is_refused_alike(
    tmp_path: Path, name: str, text: str | None, format_name: str | None, kind: type
) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    how = {"format_name": format_name}
    one = failure(tmp_path / "one", tmp_path / name, 1, **how)
    assert failure(tmp_path / "two", tmp_path / name, 2, **how) == one
    assert one[0] is kind


def test_a_reader_that_was_killed_is_an_error(tmp_path: Path, children: list[Any]) -> None:
    source = coco(tmp_path / "coco.json", images=9_000)
    with Store.create(tmp_path / "store") as store:
        store.jobs = 2
        project = create_project(store, "made")

        def kill(done: int) -> None:
            children[0].kill()

        with pytest.raises(SourceError, match="ended with code -9"):
            import_into_project(store, project, source, media="none", progress=kill)
    assert all(not found for found in rows(tmp_path / "store").values())


def test_the_reader_ends_when_nobody_listens(tmp_path: Path, children: list[Any]) -> None:
    source = coco(tmp_path / "coco.json", images=9_000)
    order = DatasetReading(path=str(source))
    with reading(order, Report(), 2) as dataset:
        next(iter(dataset.items))
        children[0].stdout.close()
        children[0].wait(20)
        assert children[0].returncode == 0
    script = (
        "import os, sys; from localcvat.reading_process import DatasetReading, Reader;"
        "from localcvat.report import Report;"
        "reader = Reader(DatasetReading(path=sys.argv[1])); reader.dataset(Report());"
        "print(reader._process.pid, flush=True); os.kill(os.getpid(), 9)"
    )
    made = subprocess.run(
        [sys.executable, "-c", script, str(source)], stdout=subprocess.PIPE, text=True
    )
    assert made.returncode == -9
    assert gone(int(made.stdout))


def test_the_command_begins_one_process_before_it_opens_the_store(
    tmp_path: Path, children: list[Any]
) -> None:
    source = coco(tmp_path / "coco.json")
    expected, _ = imported(tmp_path / "one", source, 1)
    made = tmp_path / "made"
    done_here("--store", made, "init")
    done_here("--store", made, "project", "create", "made")
    options = ("--media", "none", "--jobs", 2)
    done_here("--store", made, "project", "import-dataset", 1, source, *options)
    assert len(children) == 1
    assert rows(made) == expected
    lacking = run_here("--store", made, "project", "import-dataset", 9, source, *options)
    assert lacking.returncode == 1
    assert "9" in lacking.stderr
    assert len(children) == 2
    assert all(child.poll() is not None for child in children)


@pytest.mark.parametrize("child", [False, True])
def test_an_import_of_two_processes_that_is_killed_happened_or_not(
    tmp_path: Path, child: bool
) -> None:
    source = coco(tmp_path / "coco.json", images=1_500)
    script = (
        "import os, sys; from localcvat import exchange, reading_process as r;"
        "from localcvat.store.engine import Store; r.LARGE_BYTES = 1;"
        "store = Store.open(sys.argv[1]); store.jobs = 2; plain = r.subprocess.Popen; made = [];"
        "start = lambda *a, **k: made.append(plain(*a, **k)) or made[-1];"
        "r.subprocess.Popen = start;"
        "at, child = int(sys.argv[3]), int(sys.argv[4]);"
        "kill = lambda n: n == at and os.kill(made[0].pid if child else os.getpid(), 9);"
        "exchange.import_into_project(store, 1, sys.argv[2], media='none', progress=kill)"
    )
    for number, moment in enumerate((1, 700, 1_500)):
        folder = tmp_path / f"store{number}"
        with Store.create(folder) as store:
            create_project(store, "made")
        arguments = [str(folder), str(source), str(moment), str(int(child))]
        ended = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True)
        with Store.open(folder) as store:
            assert check_store(store) == []
        counts = {table: len(found) for table, found in rows(folder).items()}
        if ended.returncode == 0:
            assert child
            assert counts["frame"] == 1_500
        else:
            assert not any(counts.values())


def gone(process: int) -> bool:
    """Whether a process ends within some seconds; a zombie of a container's has ended."""
    for _ in range(100):
        try:
            os.kill(process, 0)
            state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
            if state == "Z":
                return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.1)
    return False


def test_small_sources_media_and_one_job_need_no_process(
    tmp_path: Path, children: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in").mkdir()
    source = coco(tmp_path / "in" / "coco.json")
    for order, jobs in (
        (DatasetReading(path=str(source)), 1),
        (DatasetReading(path=str(source), media=True), 2),
    ):
        with reading(order, Report(), jobs) as dataset:
            assert len(list(dataset.items)) == 30
    monkeypatch.setattr(reading_process, "LARGE_BYTES", 1 << 20)
    for path in (source, source.parent):
        with reading(DatasetReading(path=str(path)), Report(), 2) as dataset:
            assert len(list(dataset.items)) == 30
    assert not children
    monkeypatch.setattr(reading_process, "LARGE_COUNT", 1)
    with reading(DatasetReading(path=str(source.parent)), Report(), 2) as dataset:
        assert len(list(dataset.items)) == 30
    assert len(children) == 1
