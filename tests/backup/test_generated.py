"""Generated projects over the whole model: backup, restore, backup again, equal."""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backup_values import backup_value
from localcvat.backup.restore import restore_project
from localcvat.backup.write import write_project_backup
from localcvat.store.engine import Store

_SPEC = importlib.util.spec_from_file_location(
    "make_goldens", Path(__file__).parent / "make_goldens.py"
)
assert _SPEC is not None
assert _SPEC.loader is not None
goldens = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(goldens)

Json = dict[str, Any]
Draw = Callable[[st.SearchStrategy[Any]], Any]

texts = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=12)
names = texts.filter(lambda text: text.strip() != "")
values = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=12)
folders = st.sampled_from(["", "a/", "глубже/b c/", "related/"])
stems = st.text("abz019_ é-", min_size=1, max_size=6).filter(lambda text: text.strip())
numbers = st.floats(-1e6, 1e6, allow_nan=False).map(lambda value: value + 0.0)
statuses = st.sampled_from(["annotation", "validation", "completed"])
colors = st.integers(0, 0xFFFFFF).map("#{:06x}".format)
POINTS = {
    "rectangle": st.lists(numbers, min_size=4, max_size=4),
    "ellipse": st.lists(numbers, min_size=4, max_size=4),
    "cuboid": st.lists(numbers, min_size=16, max_size=16),
    "polygon": st.lists(numbers, min_size=6, max_size=6),
    "polyline": st.lists(numbers, min_size=4, max_size=4),
    "points": st.lists(numbers, min_size=2, max_size=2),
}


@st.composite
def masks(draw: Draw) -> list[int]:
    """Runs that fill their box."""
    left, top = draw(st.integers(0, 9)), draw(st.integers(0, 9))
    width, height = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    cut = draw(st.integers(0, width * height))
    runs = [cut, width * height - cut]
    return [*runs, left, top, left + width - 1, top + height - 1]


attributes = st.builds(
    goldens.spec,
    names,
    st.sampled_from(["checkbox", "radio", "number", "text", "select"]),
    st.lists(texts, min_size=1, max_size=3),
    texts,
    st.booleans(),
)
specs = st.lists(attributes, max_size=2, unique_by=lambda spec: spec["name"])


@st.composite
def labels(draw: Draw) -> Json:
    """A label of any type; skeletons with their points."""
    kind = draw(st.sampled_from(["any", "tag", "mask", "skeleton", *POINTS]))
    label = goldens.label(draw(names), draw(colors), kind, *draw(specs))
    if kind == "skeleton":
        points = draw(st.lists(names, min_size=1, max_size=3, unique=True))
        label["sublabels"] = [
            {"name": name, "color": draw(colors), "attributes": draw(specs), "type": "points"}
            for name in points
        ]
        label["svg"] = "".join(
            goldens.node(number, 1, 2, name) for number, name in enumerate(points, 1)
        )
    return label


@st.composite
def owned(draw: Draw, label: Json, mutable: bool | None = None) -> Json:
    """The fields of a tag, shape or track: of the attributes those that may stand there."""
    chosen = {
        spec["name"]: draw(values)
        for spec in label["attributes"]
        if mutable is None or spec["mutable"] == mutable
    }
    return goldens.owned(
        label["name"],
        chosen,
        group=draw(st.none() | st.integers(0, 2**31 - 1)),
        source=draw(st.sampled_from(["manual", "auto", "semi-auto", "file", "consensus"])),
    )


@st.composite
def drawn(draw: Draw, kind: str, frame: int) -> Json:
    """The geometry of a shape or keyframe."""
    points = [] if kind == "skeleton" else draw(POINTS.get(kind, masks()))
    return goldens.drawn(
        kind,
        frame,
        points,
        occluded=draw(st.booleans()),
        outside=draw(st.booleans()),
        z_order=draw(st.integers(-(2**31), 2**31 - 1)),
        rotation=draw(st.floats(0, 360)),
    )


def kinds_of(label: Json) -> list[str]:
    """The shape types an object of the label may have."""
    if label["type"] in ("any", "tag"):
        return ["rectangle", "polygon", "mask"]
    return [label["type"]]


@st.composite
def shapes(draw: Draw, label: Json, frame: int) -> Json:
    kind = draw(st.sampled_from(kinds_of(label)))
    shape: Json = draw(drawn(kind, frame)) | draw(owned(label)) | {"elements": []}
    for sublabel in label["sublabels"]:
        shape["elements"].append(draw(drawn("points", frame)) | draw(owned(sublabel)))
    return shape


@st.composite
def tracks(draw: Draw, label: Json, frames: list[int], kind: str = "") -> Json:
    kind = kind or draw(st.sampled_from(kinds_of(label)))
    mutable = [spec["name"] for spec in label["attributes"] if spec["mutable"]]
    keyframes = []
    for frame in sorted(draw(st.sets(st.sampled_from(frames), min_size=1, max_size=3))):
        chosen = goldens.pairs({name: draw(values) for name in mutable})
        keyframes.append(draw(drawn(kind, frame)) | {"attributes": chosen})
    track: Json = {"frame": keyframes[0]["frame"]} | draw(owned(label, False))
    track["shapes"] = keyframes
    if "sublabels" in label:
        track["elements"] = [draw(tracks(each, frames, "points")) for each in label["sublabels"]]
    return track


@st.composite
def annotations(draw: Draw, known: list[Json], first: int, last: int) -> Json:
    frames = list(range(first, last + 1))
    found = goldens.annotations(version=draw(st.integers(0, 2)))
    for label in draw(st.lists(st.sampled_from(known), max_size=3)):
        frame = draw(st.sampled_from(frames))
        what = draw(st.sampled_from(["tags", "shapes", "tracks"]))
        if what == "tags":
            found[what].append({"frame": frame} | draw(owned(label)))
        elif what == "shapes":
            found[what].append(draw(shapes(label, frame)))
        else:
            found[what].append(draw(tracks(label, frames)))
    return found


@st.composite
def tasks(draw: Draw, folder: str, known: list[Json]) -> dict[str, bytes]:
    """A task of images with a grid of jobs, perhaps with ground truth."""
    every = draw(st.lists(st.tuples(folders, stems), min_size=1, max_size=6, unique=True))
    paths = sorted(f"{place}{stem}.png" for place, stem in every)
    start = draw(st.integers(0, len(paths) - 1))
    step = draw(st.integers(1, 3))
    used = len(range(start, len(paths), step))
    sorting = draw(st.sampled_from(["lexicographical", "natural", "predefined", "random"]))
    if sorting != "lexicographical":
        paths = draw(st.permutations(paths))
    size = (draw(st.integers(1, 9)), draw(st.integers(1, 9)))
    files = {path: goldens.png(*size, number) for number, path in enumerate(paths)}
    files["manifest.jsonl"] = goldens.image_manifest(
        *(goldens.image_line(path, size) for path in paths)
    )
    if draw(st.booleans()):
        files["index.json"] = goldens.index(files["manifest.jsonl"], 2)
    length = draw(st.integers(1, used))
    overlap = draw(st.integers(0, length // 2))
    jobs = [
        goldens.job(first, min(first + length, used) - 1, draw(statuses))
        for first in range(0, max(used - overlap, 1), max(length - overlap, 1))
    ]
    if draw(st.booleans()):
        chosen = sorted(draw(st.sets(st.integers(0, used - 1), min_size=1)))
        absolute = [start + number * step for number in chosen]
        jobs.append(goldens.job(0, used - 1, type="ground_truth", frames=absolute))
    media = goldens.data(
        start + (used - 1) * step,
        start_frame=start,
        sorting_method=sorting,
        image_quality=draw(st.integers(0, 100)),
        chunk_size=draw(st.integers(1, 100)),
        deleted_frames=sorted(draw(st.sets(st.integers(0, used - 1)))),
    )
    if step > 1:
        media["frame_filter"] = f"step={step}"
    record = goldens.task(
        draw(texts), known, media, jobs, subset=draw(texts), status=draw(statuses)
    )
    found = [draw(annotations(known, job["start_frame"], job["stop_frame"])) for job in jobs]
    return goldens.entries(folder, files, record, found)


@st.composite
def projects(draw: Draw) -> dict[str, bytes]:
    known = draw(st.lists(labels(), min_size=1, max_size=3, unique_by=lambda each: each["name"]))
    project = {
        "name": draw(names),
        "bug_tracker": draw(texts),
        "status": draw(statuses),
        "labels": known,
        "version": "1.0",
    }
    found = {"project.json": goldens.compact(project)}
    for number in sorted(draw(st.sets(st.integers(0, 12), max_size=2))):
        found |= draw(tasks(f"task_{number}/", known))
    if draw(st.booleans()):
        found["assets/a.png"] = goldens.png(1, 1, 0)
        found["annotation_guide.md"] = f"{draw(values)}![](assets/a.png)".encode()
    return found


def goes_round(project: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        goldens.write(folder / "in.zip", project)
        with Store.create(folder / "store") as store:
            write_project_backup(
                store, restore_project(store, folder / "in.zip"), folder / "out.zip"
            )
        made, original = backup_value(folder / "out.zip"), backup_value(folder / "in.zip")
        assert sorted(made) == sorted(original)
        for name, value in original.items():
            assert made[name] == value, name


CHECKS = [HealthCheck.too_slow, HealthCheck.data_too_large]


@settings(max_examples=25, deadline=None, suppress_health_check=CHECKS)
@given(projects())
def test_a_generated_project_goes_round(project: dict[str, bytes]) -> None:
    goes_round(project)


@pytest.mark.full
@settings(max_examples=1000, deadline=None, suppress_health_check=CHECKS)
@given(projects())
def test_many_generated_projects_go_round(project: dict[str, bytes]) -> None:
    goes_round(project)
