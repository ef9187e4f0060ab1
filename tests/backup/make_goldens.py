"""Writes the golden backups of fixtures/backups, field by field from the backup specification.

Uses nothing of localcvat, so that the goldens are no echo of it. Run it from the repository's root:
``python tests/backup/make_goldens.py``.
"""

from __future__ import annotations

import json
import struct
import sys
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

Json = dict[str, Any]
DATE = (1980, 1, 1, 0, 0, 0)
TARGET = Path(__file__).parent.parent.parent / "fixtures" / "backups"


def png(width: int, height: int, shade: int) -> bytes:
    """A grey PNG."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    rows = (b"\0" + bytes([shade]) * width) * height
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows, 9))
        + chunk(b"IEND", b"")
    )


def compact(value: Any) -> bytes:
    """JSON as CVAT's renderer writes it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def lines(*values: Json) -> bytes:
    """A manifest: one compact object a line."""
    return "".join(json.dumps(value, separators=(",", ":")) + "\n" for value in values).encode()


def image_line(path: str, size: tuple[int, int] | None, related: Sequence[str] = ()) -> Json:
    stem, dot, extension = path.rpartition(".")
    line: Json = {"name": stem, "extension": dot + extension}
    if size is not None:
        line |= {"width": size[0], "height": size[1]}
    return line | {"meta": {"related_images": list(related)}}


def image_manifest(*images: Json) -> bytes:
    return lines({"version": "1.1"}, {"type": "images"}, *images)


def index(manifest: bytes, header: int) -> bytes:
    """Byte offset of each line behind the header."""
    offsets, at = [], 0
    for line in manifest.splitlines(keepends=True):
        offsets.append(at)
        at += len(line)
    return compact({str(number): offset for number, offset in enumerate(offsets[header:])})


def spec(name: str, kind: str, values: list[str], default: str, mutable: bool = False) -> Json:
    return {
        "name": name,
        "mutable": mutable,
        "input_type": kind,
        "default_value": default,
        "values": values,
    }


def label(name: str, color: str, kind: str, *attributes: Json) -> Json:
    return {
        "name": name,
        "color": color,
        "attributes": list(attributes),
        "type": kind,
        "sublabels": [],
    }


def node(number: int, x: int, y: int, name: str) -> str:
    return (
        f'<circle r="0.75" cx="{x}" cy="{y}" data-type="element node" data-element-id="{number}" '
        f'data-node-id="{number}" data-label-name="{name}"></circle>'
    )


ARM = {
    "name": "arm",
    "color": "#906080",
    "attributes": [spec("bent", "checkbox", ["false"], "false", True)],
    "type": "skeleton",
    "sublabels": [
        {"name": "elbow", "color": "#d12345", "attributes": [], "type": "points"},
        {
            "name": "wrist",
            "color": "#350dea",
            "attributes": [spec("watch", "text", [""], "", True)],
            "type": "points",
        },
    ],
    "svg": '<line x1="20" y1="20" x2="70" y2="70" data-type="edge" data-node-from="1" '
    'data-node-to="2"></line>' + node(1, 20, 20, "elbow") + node(2, 70, 70, "wrist"),
}
LABELS = [
    label("anything", "#010203", "any"),
    label(
        "car",
        "#2080c0",
        "rectangle",
        spec("model", "select", ["a", "b"], "a"),
        spec("parked", "checkbox", ["true"], "true", True),
        spec("side", "radio", ["left", "right"], "left"),
        spec("speed", "number", ["0", "200", "5"], "0", True),
        spec("plate", "text", [""], "", True),
    ),
    label("поле", "#00ff00", "polygon"),
    label("lane", "#0000ff", "polyline"),
    label("dots", "#3a3b32", "points"),
    label("blob", "#66be96", "ellipse"),
    label("box", "#1e4d73", "cuboid"),
    label("stuff", "#949b5b", "mask"),
    label("weather", "#6102c8", "tag", spec("kind", "select", ["sun", "rain"], "sun")),
    ARM,
]
CAR = {"model": "b", "parked": "false", "side": "right", "speed": "55", "plate": 'ÄÖ "1" & <2>'}
CAR_IMMUTABLE = ("model", "side")


def pairs(values: dict[str, str]) -> list[Json]:
    return [{"name": name, "value": value} for name, value in values.items()]


def drawn(kind: str, frame: int, points: Sequence[float], **more: Any) -> Json:
    base = {
        "type": kind,
        "occluded": False,
        "outside": False,
        "z_order": 0,
        "rotation": 0.0,
        "points": list(points),
        "frame": frame,
    }
    return base | more


def owned(name: str, values: dict[str, str] | None = None, **more: Any) -> Json:
    base = {"group": 0, "source": "manual", "attributes": pairs(values or {}), "label": name}
    return base | more


def shape(
    name: str,
    kind: str,
    frame: int,
    points: Sequence[float],
    values: dict[str, str] | None = None,
    **more: Any,
) -> Json:
    return drawn(kind, frame, points) | owned(name, values) | {"elements": []} | more


def arm_shape(frame: int) -> Json:
    def element(name: str, points: list[float], values: dict[str, str], **more: Any) -> Json:
        return drawn("points", frame, points) | owned(name, values) | more

    elements = [
        element("elbow", [10.5, 20.0], {}),
        element("wrist", [0.0, 0.0], {"watch": "old"}, outside=True),
    ]
    return shape("arm", "skeleton", frame, [], {"bent": "true"}, elements=elements, group=4)


CUBOID = [
    20.0,
    30.0,
    20.0,
    70.0,
    60.0,
    30.0,
    60.0,
    70.0,
    75.0,
    25.0,
    75.0,
    60.0,
    35.0,
    25.0,
    35,
    60,
]


def every_shape(frame: int) -> list[Json]:
    """One of each kind, each with something uncommon."""
    return [
        shape("car", "rectangle", frame, [1.25, 2.5, 30.0, 9.75], CAR, rotation=33.3, z_order=-2),
        shape("anything", "rectangle", frame, [-5.0, -5.0, 400.0, 300.0], source="semi-auto"),
        shape("поле", "polygon", frame, [0.0, 0.0, 10.1, 0.0, 10.1, 9.9], group=7),
        shape("lane", "polyline", frame, [0.0, 0.0, 5.0, 5.0], occluded=True),
        shape("dots", "points", frame, [1.0, 1.0, 2.0, 2.0, 3.0, 3.0], group=7),
        shape("blob", "ellipse", frame, [20.0, 20.0, 30.0, 15.0], rotation=270.0),
        shape("box", "cuboid", frame, CUBOID),
        shape("stuff", "mask", frame, [1, 4, 1, 10, 5, 12, 6], source="auto"),
        arm_shape(frame),
    ]


def job(start: int, stop: int, status: str = "annotation", **more: Any) -> Json:
    base = {
        "start_frame": start,
        "stop_frame": stop,
        "frames": [],
        "status": status,
        "type": "annotation",
    }
    return base | more


def annotations(**lists: list[Json]) -> Json:
    return {"version": 0, "tags": [], "shapes": [], "tracks": []} | lists


def data(stop: int, **more: Any) -> Json:
    base = {
        "chunk_size": 72,
        "image_quality": 70,
        "start_frame": 0,
        "stop_frame": stop,
        "storage_method": "cache",
        "storage": "local",
        "sorting_method": "lexicographical",
        "chunk_type": "imageset",
        "deleted_frames": [],
    }
    return base | more


def task(name: str, labels: list[Json], media: Json, jobs: list[Json], **more: Any) -> Json:
    base = {
        "name": name,
        "bug_tracker": "",
        "status": "annotation",
        "subset": "",
        "labels": labels,
        "version": "1.0",
        "data": media,
        "jobs": jobs,
    }
    return base | more


def entries(
    folder: str, files: dict[str, bytes], record: Json, jobs: list[Json]
) -> dict[str, bytes]:
    """The entries of a task backup."""
    found = {f"{folder}data/{path}": content for path, content in files.items()}
    found[f"{folder}task.json"] = compact(record)
    found[f"{folder}annotations.json"] = compact(jobs)
    return found


def images_task(folder: str) -> dict[str, bytes]:
    """Overlapping jobs, nested and non-ASCII paths, deleted frames, context images."""
    sizes = {
        "a/one.png": (40, 30),
        "b/three.PNG": (8, 8),
        "b/глубже/два 2.png": (31, 17),
        "five.png": (16, 9),
        "z.four.png": (9, 16),
    }
    context = "related_images/five_png/left.png"
    files = {path: png(*size, 10 * i) for i, (path, size) in enumerate(sizes.items())}
    manifest = image_manifest(
        *(image_line(p, s, [context] if p == "five.png" else []) for p, s in sizes.items())
    )
    files |= {context: png(4, 4, 99), "manifest.jsonl": manifest, "index.json": index(manifest, 2)}
    jobs = [job(0, 2, "validation"), job(2, 4, "completed")]
    record = task(
        "Bilder & кадры",
        LABELS,
        data(4, deleted_frames=[1, 3], image_quality=95, chunk_size=2),
        jobs,
        status="validation",
        subset="Train",
        bug_tracker="https://bugs.example.com/1?a=b&c=d",
    )
    tags = [
        {"frame": 0, **owned("weather", {"kind": "rain"})},
        {"frame": 2, **owned("anything", group=3, source="auto")},
    ]
    return entries(
        folder,
        files,
        record,
        [annotations(tags=tags, shapes=every_shape(0)), annotations(shapes=every_shape(4))],
    )


def keyframes(
    values: Sequence[tuple[int, list[float], Json]], kind: str, **attributes: str
) -> list[Json]:
    return [
        drawn(kind, frame, points) | {"attributes": pairs(attributes)} | more
        for frame, points, more in values
    ]


def track(name: str, shapes: list[Json], values: dict[str, str] | None = None, **more: Any) -> Json:
    return (
        {"frame": shapes[0]["frame"]}
        | owned(name, values)
        | {"shapes": shapes, "elements": []}
        | more
    )


def arm_track(frame: int) -> Json:
    def element(name: str, shapes: list[Json]) -> Json:
        found = track(name, shapes)
        del found["elements"]
        return found

    elbow = keyframes([(frame, [1.0, 2.0], {}), (frame + 2, [3.0, 4.0], {})], "points")
    wrist = keyframes([(frame, [5.0, 6.0], {"outside": True})], "points", watch="new")
    parent = keyframes([(frame, [], {})], "skeleton", bent="false")
    elements = [element("elbow", elbow), element("wrist", wrist)]
    return track("arm", parent, elements=elements, group=2)


def tracks_task(folder: str) -> dict[str, bytes]:
    """A stepped sequence with tracks of every kind over overlapping jobs."""
    paths = [f"seq/frame_{number:03d}.png" for number in range(12)]
    manifest = image_manifest(*(image_line(path, (16, 9)) for path in paths))
    files = {path: png(16, 9, number) for number, path in enumerate(paths)}
    files |= {"manifest.jsonl": manifest, "index.json": index(manifest, 2)}
    immutable = {name: CAR[name] for name in CAR_IMMUTABLE}
    mutable = {name: value for name, value in CAR.items() if name not in CAR_IMMUTABLE}
    box = keyframes(
        [
            (0, [1.0, 1.0, 5.0, 5.0], {}),
            (1, [2.0, 2.0, 6.5, 6.25], {"occluded": True, "rotation": 12.5, "z_order": 3}),
            (2, [3.0, 3.0, 7.0, 7.0], {"outside": True}),
        ],
        "rectangle",
        **mutable,
    )
    kinds: list[tuple[str, str, list[float], list[float]]] = [
        ("поле", "polygon", [0, 0, 5, 0, 5, 5], [1, 1, 6, 1, 6, 6, 1, 6]),
        ("lane", "polyline", [0, 0, 5, 5], [1, 0, 6, 5]),
        ("dots", "points", [1, 1], [2, 2]),
        ("blob", "ellipse", [8, 4, 10, 2], [9, 5, 11, 3]),
        ("box", "cuboid", CUBOID, CUBOID),
    ]
    tracks = [track("car", box, immutable, source="file")]
    tracks += [
        track(name, keyframes([(0, first, {}), (2, last, {})], kind))
        for name, kind, first, last in kinds
    ]
    record = task(
        "tracks",
        LABELS,
        data(10, start_frame=1, frame_filter="step=3", deleted_frames=[2]),
        [job(0, 2), job(2, 3)],
        subset="Validation",
    )
    later = [track("car", keyframes([(2, [3, 3, 7, 7], {})], "rectangle", **mutable), immutable)]
    return entries(
        folder,
        files,
        record,
        [annotations(tracks=[*tracks, arm_track(0)]), annotations(tracks=later)],
    )


def video_task(folder: str) -> dict[str, bytes]:
    """A video, known by its manifest alone: the bytes are no video."""
    manifest = lines(
        {"version": "1.1"},
        {"type": "video"},
        {"properties": {"name": "фильм.mp4", "resolution": [64, 48], "length": 50}},
        {"number": 0, "pts": 0, "checksum": "0" * 32},
        {"number": 25, "pts": 12800, "checksum": "1" * 32},
    )
    files = {
        "фильм.mp4": b"the store never decodes it",
        "manifest.jsonl": manifest,
        "index.json": index(manifest, 3),
    }
    record = task(
        "video",
        LABELS,
        data(49, start_frame=5, frame_filter="step=4", chunk_type="video", chunk_size=36),
        [job(0, 6), job(5, 11)],
    )
    return entries(folder, files, record, [annotations(shapes=[arm_shape(6)]), annotations()])


def everything_project() -> dict[str, bytes]:
    guide = "# Ведение\n\nDraw **tight** boxes.\n\n![ex](assets/пример 1.png) ![b](assets/b.png)"
    project = {
        "name": "Everything Ω",
        "bug_tracker": "https://bugs.example.com",
        "status": "annotation",
        "labels": LABELS,
        "version": "1.0",
    }
    own = {
        "task_1/assets/own.png": png(3, 3, 5),
        "task_1/annotation_guide.md": b"![own](task_1/assets/own.png)",
    }
    return (
        {
            "assets/b.png": png(2, 2, 1),
            "assets/пример 1.png": png(5, 5, 2),
            "annotation_guide.md": guide.encode(),
            "project.json": compact(project),
        }
        | images_task("task_0/")
        | tracks_task("task_1/")
        | own
        | video_task("task_3/")
    )


def ground_truth_task() -> dict[str, bytes]:
    """Start and step, a ground-truth job of absolute frames with its own annotations."""
    labels = [label("car", "#2080c0", "rectangle")]
    paths = [f"{number}.png" for number in range(9)]
    manifest = image_manifest(*(image_line(path, (6, 6)) for path in paths))
    files = {path: png(6, 6, number) for number, path in enumerate(paths)}
    files |= {"manifest.jsonl": manifest, "index.json": index(manifest, 2)}
    jobs = [job(0, 1), job(2, 3, "completed"), job(0, 3, type="ground_truth", frames=[2, 6])]
    record = task("gt", labels, data(8, start_frame=2, frame_filter="step=2"), jobs)
    found = [
        annotations(shapes=[shape("car", "rectangle", frame, [1, 1, 3, 3], group=frame)])
        for frame in (0, 2, 2)
    ]
    return entries("", files, record, found)


def mapped_task() -> dict[str, bytes]:
    """Jobs of their own lists of files."""
    lists = [["m3.png", "x/m0.png"], ["m1.png"], ["m4.png", "m2.png"]]
    paths = [path for files in lists for path in files]
    manifest = image_manifest(*(image_line(path, (7, 5)) for path in paths))
    files = {path: png(7, 5, number) for number, path in enumerate(paths)}
    files["manifest.jsonl"] = manifest
    jobs, start = [], 0
    for group in lists:
        jobs.append(job(start, start + len(group) - 1, files=group))
        start += len(group)
    labels = [label("dog", "#406040", "any")]
    record = task("mapped", labels, data(4, custom_segments=True), jobs)
    found = [annotations(shapes=[shape("dog", "rectangle", 0, [0, 0, 2, 2])])]
    return entries("", files, record, [*found, annotations(), annotations()])


def pool_task() -> dict[str, bytes]:
    """Honeypots: each job shows frames of a validation pool among its own (newer versions)."""
    pool = ["p0.png", "p1.png"]
    groups = [["a.png", "p1.png", "b.png"], ["p0.png", "c.png", "d.png"]]
    unique = ["a.png", "b.png", "c.png", "d.png", *pool]
    manifest = image_manifest(*(image_line(path, (6, 4)) for path in unique))
    files = {path: png(6, 4, number) for number, path in enumerate(unique)}
    files["manifest.jsonl"] = manifest
    jobs = [
        job(0, 2, files=groups[0]),
        job(3, 5, files=groups[1]),
        job(0, 7, type="ground_truth", frames=[6, 7], files=pool),
    ]
    layout = {"mode": "gt_pool", "frames_per_job_count": 1, "frames": pool}
    media = data(7, custom_segments=True, sorting_method="random", validation_layout=layout)
    found = [
        annotations(shapes=[shape("dog", "rectangle", frame, [0, 0, 2, 2], score=0.5)])
        for frame in (1, 3, 6)
    ]
    return entries("", files, task("pool", [label("dog", "#406040", "any")], media, jobs), found)


def consensus_task() -> dict[str, bytes]:
    """Each segment's job is followed by its replicas (newer versions)."""
    paths = ["a.png", "b.png"]
    manifest = image_manifest(*(image_line(path, (6, 4)) for path in paths))
    files = {path: png(6, 4, number) for number, path in enumerate(paths)}
    files["manifest.jsonl"] = manifest
    kinds = ("annotation", "consensus_replica", "consensus_replica")
    jobs = [job(frame, frame, type=kind) for frame in (0, 1) for kind in kinds]
    record = task(
        "consensus", [label("dog", "#406040", "any")], data(1), jobs, consensus_replicas=2
    )
    found = [
        annotations(
            version=number,
            shapes=[
                shape("dog", "rectangle", number // 3, [0, 0, number + 1, 1], source="consensus")
            ],
        )
        for number in range(6)
    ]
    return entries("", files, record, found)


def cloud_task() -> dict[str, bytes]:
    """Lightweight: a manifest with placeholders of unused frames, no media (newer versions)."""
    manifest = image_manifest(
        {}, image_line("far/1.jpg", (640, 480)), {}, image_line("far/3.jpg", (64, 48))
    )
    jobs = [job(0, 1)]
    media = data(3, start_frame=1, frame_filter="step=2", storage="cloud_storage")
    labels = [label("dog", "#406040", "any")]
    found = [annotations(shapes=[shape("dog", "rectangle", 1, [0, 0, 2, 2])])]
    return entries("", {"manifest.jsonl": manifest}, task("cloud", labels, media, jobs), found)


def clouds_task() -> dict[str, bytes]:
    """Point clouds with context images."""
    context = "related_images/00001_pcd/cam.png"
    manifest = image_manifest(
        image_line("pointcloud/00001.pcd", None, [context]),
        image_line("pointcloud/00002.pcd", None),
    )
    files = {
        "pointcloud/00001.pcd": b"# .PCD v.7 - Point Cloud Data file format\nVERSION .7\n",
        "pointcloud/00002.pcd": b"# .PCD v.7 - Point Cloud Data file format\nVERSION 0.7\n",
        context: png(8, 6, 7),
        "manifest.jsonl": manifest,
        "index.json": index(manifest, 2),
    }
    placed = [1.5, -2.0, 0.25, 0.0, 0.0, 1.57, 4.0, 2.0, 1.5] + [0.0] * 7
    found = annotations(
        shapes=[shape("car", "cuboid", 0, placed)],
        tracks=[track("car", keyframes([(0, placed, {}), (1, placed, {})], "cuboid"))],
    )
    record = task("clouds", [label("car", "#2080c0", "cuboid")], data(1), [job(0, 1)])
    return entries("", files, record, [found])


GOLDENS = {
    "everything_project.zip": everything_project,
    "ground_truth_task.zip": ground_truth_task,
    "mapped_task.zip": mapped_task,
    "pool_task.zip": pool_task,
    "consensus_task.zip": consensus_task,
    "cloud_task.zip": cloud_task,
    "clouds_task.zip": clouds_task,
}


def write(target: Path, found: dict[str, bytes]) -> None:
    """A STORED zip with fixed dates."""
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in found.items():
            archive.writestr(zipfile.ZipInfo(name, DATE), content)


def main(folder: Path = TARGET) -> None:
    """Write every golden into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in GOLDENS.items():
        write(folder / name, make())


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
