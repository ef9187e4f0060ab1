"""Rebuilds the probes of fixtures/cvat-made: backups changed in one place, as each line says."""

from __future__ import annotations

import ast
import copy
import io
import json
import re
import zipfile
from collections.abc import Callable
from typing import Any

import msgspec
from PIL import Image

from corpus import CVAT_MADE, zip_entries

MANIFEST, INDEX = "task_0/data/manifest.jsonl", "task_0/data/index.json"
LONG = {"name": 257, "bug_tracker": 2001, "subset": 65, "label": 65, "attribute": 65}
SPEC = {
    "name": "at",
    "mutable": False,
    "input_type": "select",
    "default_value": "a",
    "values": ["a", "b"],
}
TRUNCATED: dict[tuple[str, str], Any] = {
    ("label", "sublabels"): [{"name": "s", "color": "#000000", "type": "points"}],
    ("shape", "attributes"): [{"name": "none", "value": "x"}],
}


class Probe(msgspec.Struct):
    """One line: what was changed, and whether CVAT restored it; `kind` is what it was given as."""

    name: str
    refused: bool
    answer: str


def probes() -> list[Probe]:
    """Every line of both summaries that says OK or REF."""
    found = []
    for file in ("summary.txt", "probes2.txt"):
        for line in (CVAT_MADE / "probes" / file).read_text(encoding="utf-8").split("\n"):
            if line.startswith(("OK ", "REF ")) and " :: " in line:
                head, _, answer = line.partition(" :: ")
                found.append(Probe(head[4:].strip(), head.startswith("REF"), answer))
    return found


class Backup:
    """Entries of a backup by name; JSON documents of the first task at hand."""

    def __init__(self, path: str = "plain/project_1_backup.zip") -> None:
        self.entries: dict[str, bytes] = zip_entries(CVAT_MADE / path)
        self.method = zipfile.ZIP_STORED
        self.raw: bytes | None = None
        self.folder = "task_0/" if "task_0/task.json" in self.entries else ""
        self.project: Any = None
        if "project.json" in self.entries:
            self.project = json.loads(self.entries["project.json"])
        self.task: Any = json.loads(self.entries[f"{self.folder}task.json"])
        self.annotations: Any = json.loads(self.entries[f"{self.folder}annotations.json"])

    @property
    def job(self) -> Any:
        return self.task["jobs"][0]

    @property
    def shape(self) -> Any:
        return self.annotations[0]["shapes"][0]

    @property
    def label(self) -> Any:
        return self.project["labels"][0]

    def drop(self, *names: str) -> None:
        for name in names:
            del self.entries[name]

    def manifest(self, change: Callable[[list[Any]], Any], index: bool = False) -> None:
        """Change the lines of the manifest; without its index unless asked."""
        lines = [json.loads(line) for line in self.entries[MANIFEST].splitlines()]
        lines = change(lines) or lines
        text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
        self.entries[MANIFEST] = text.encode()
        if not index:
            self.entries.pop(INDEX, None)

    def write(self) -> bytes:
        """The zip."""
        if self.raw is not None:
            return self.raw
        documents = {
            "project.json": self.project,
            f"{self.folder}task.json": self.task,
            f"{self.folder}annotations.json": self.annotations,
        }
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", self.method) as archive:
            for name, data in self.entries.items():
                if documents.get(name) is not None:
                    data = json.dumps(documents[name], ensure_ascii=False).encode()
                archive.writestr(name, data)
        return buffer.getvalue()


def _rename(backup: Backup, change: Callable[[str], str]) -> None:
    renamed = {change(name): data for name, data in backup.entries.items()}
    folder = change(f"{backup.folder}task.json")
    backup.entries = renamed
    if not folder.endswith("task.json"):
        return
    documents = {
        change("project.json"): backup.project,
        folder: backup.task,
        change(f"{backup.folder}annotations.json"): backup.annotations,
    }
    for name, value in documents.items():
        backup.entries[name] = json.dumps(value).encode()
    backup.project = backup.task = backup.annotations = None


def _value(kind: str, key: str, text: str) -> Any:
    """The value a line shows as text, cut to 20 or so characters."""
    if text.startswith("xxxxx"):
        long = LONG["label" if kind == "label" else "attribute" if kind == "attribute" else key]
        return "x" * long
    if (kind, key) in TRUNCATED and text.startswith("[{'name': ") and not text.endswith("]"):
        return TRUNCATED[kind, key]
    if text.startswith("[{'spec_id'"):
        return [{"spec_id": 1, "value": "x"}]
    if text.startswith("[1e+30"):
        return [1e30] * 4
    if text.startswith("[nan"):
        return [float("nan")] * 4
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


CHANGE = re.compile(r"(project\.json|task\.json|label|attribute|shape|data|job) (.*)", re.DOTALL)


def _field(backup: Backup, name: str) -> bool:
    """Apply a line of the form `<record> without <key>` or `<record> <key>=<value>`."""
    match = CHANGE.fullmatch(name)
    if match is None:
        return False
    kind, rest = match.groups()
    without = re.fullmatch(r"without (\w+)", rest)
    equals = re.fullmatch(r"(\w+)=(.+)", rest, re.DOTALL)
    if without is None and equals is None:
        return False
    if kind == "attribute":
        backup.label["attributes"] = [dict(SPEC)]
    record = {
        "project.json": lambda: backup.project,
        "task.json": lambda: backup.task,
        "label": lambda: backup.label,
        "attribute": lambda: backup.label["attributes"][0],
        "shape": lambda: backup.shape,
        "data": lambda: backup.task["data"],
        "job": lambda: backup.job,
    }[kind]()
    if without is not None:
        del record[without.group(1)]
        return True
    assert equals is not None
    key, text = equals.groups()
    if kind in ("data", "job"):
        record[key] = ast.literal_eval(text)
        return True
    record[key] = _value(kind, key, ast.literal_eval(text))
    if key == "label_id":
        del record["label"]
    return True


def _jobs(*ranges: tuple[int, int]) -> Callable[[Backup], None]:
    def change(backup: Backup) -> None:
        backup.task["jobs"] = [
            backup.job | {"start_frame": start, "stop_frame": stop} for start, stop in ranges
        ]
        empty = {"version": 0, "tags": [], "shapes": [], "tracks": []}
        backup.annotations += [dict(empty) for _ in ranges[1:]]

    return change


def _tag(**changes: Any) -> Callable[[Backup], None]:
    tag = {"frame": 0, "label": "cat", "group": 0, "source": "manual", "attributes": []} | changes
    tag = {key: value for key, value in tag.items() if value is not None}
    return lambda backup: backup.annotations[0]["tags"].append(tag)


TRACKED = {
    "type": "rectangle",
    "occluded": False,
    "outside": False,
    "z_order": 0,
    "rotation": 0.0,
    "points": [1.0, 2.0, 30.0, 40.0],
    "frame": 0,
    "attributes": [],
}


def _track(change: Callable[[Any], Any]) -> Callable[[Backup], None]:
    track = {
        "frame": 0,
        "label": "cat",
        "group": 0,
        "source": "manual",
        "attributes": [],
        "elements": [],
        "shapes": [dict(TRACKED), TRACKED | {"frame": 2}],
    }
    change(track)
    return lambda backup: backup.annotations[0]["tracks"].append(copy.deepcopy(track))


def _shapes(*changes: Any) -> Callable[[Any], Any]:
    return lambda track: track.update(shapes=[TRACKED | change for change in changes])


def _without_tracked(key: str) -> Callable[[Any], Any]:
    return lambda track: track["shapes"][0].pop(key)


def _entry(name: str, data: bytes) -> Callable[[Backup], Any]:
    return lambda backup: backup.entries.__setitem__(name, data)


def _manifest(change: Callable[[list[Any]], Any], index: bool = False, **data: Any) -> Any:
    def apply(backup: Backup) -> None:
        backup.manifest(change, index)
        backup.task["data"].update(data)

    return apply


def _reverse(lines: list[Any]) -> list[Any]:
    return lines[:2] + lines[:1:-1]


def _strip(*keys: str) -> Callable[[list[Any]], Any]:
    return lambda lines: [
        {key: value for key, value in line.items() if key not in keys} for line in lines
    ]


def _width(lines: list[Any]) -> None:
    for line in lines[2:]:
        line["width"] = 999


def _drop(*names: str) -> Callable[[Backup], None]:
    return lambda backup: backup.drop(*names)


def _bare(*names: str, then: Callable[[Backup], Any] = lambda _: None) -> Callable[[Backup], None]:
    """Without manifest and index."""

    def change(backup: Backup) -> None:
        backup.drop(MANIFEST, INDEX, *names)
        then(backup)

    return change


def _media(change: Callable[[str], str], **data: Any) -> Callable[[Backup], None]:
    """Rename the images, without a manifest."""

    def apply(backup: Backup) -> None:
        backup.drop(MANIFEST, INDEX)
        prefix = "task_0/data/"
        backup.entries = {
            prefix + change(name[len(prefix) :]) if name.startswith(prefix) else name: entry
            for name, entry in backup.entries.items()
        }
        backup.task["data"].update(data)

    return apply


def _tasks(*folders: str) -> Callable[[Backup], None]:
    """The task once in each folder."""

    def change(backup: Backup) -> None:
        task = {name: data for name, data in backup.entries.items() if name.startswith("task_0/")}
        for name in task:
            del backup.entries[name]
        for folder in folders:
            backup.entries |= {folder + name[7:]: data for name, data in task.items()}

    return change


def _custom(files: list[list[str]], manifest: list[str] | None = None) -> Callable[[Backup], None]:
    def change(backup: Backup) -> None:
        _jobs((0, len(files[0]) - 1), (len(files[0]), 3))(backup)
        backup.task["data"]["custom_segments"] = True
        for job, paths in zip(backup.task["jobs"], files, strict=True):
            job["files"] = paths
        if manifest is not None:
            order = [name.removesuffix(".jpg") for name in manifest]
            backup.manifest(
                lambda lines: (
                    lines[:2] + sorted(lines[2:], key=lambda line: order.index(line["name"]))
                )
            )

    return change


def _truth(change: Callable[[Backup], Any]) -> Callable[[Backup], None]:
    """Two jobs and a ground truth job."""

    def apply(backup: Backup) -> None:
        _jobs((0, 1), (2, 3), (0, 3))(backup)
        backup.task["jobs"][0]["status"] = "completed"
        backup.task["jobs"][2] |= {"type": "ground_truth", "frames": [1, 3]}
        change(backup)

    return apply


def _valued(text: str) -> Callable[[Backup], None]:
    value = re.sub(r"xx+.*", "x" * 5000 + "'}]", text)

    def change(backup: Backup) -> None:
        backup.label["attributes"] = [dict(SPEC)]
        cat = next(each for each in backup.annotations[0]["shapes"] if each["label"] == "cat")
        cat["attributes"] = ast.literal_eval(value)

    return change


def _picture(format_: str, mode: str = "RGB") -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, (40, 30)).save(buffer, format_)
    return buffer.getvalue()


KINDS = {
    "alpha.png": _picture("PNG", "RGBA"),
    "deep16.png": _picture("PNG", "I;16"),
    "k0.bmp": _picture("BMP"),
    "k1.gif": _picture("GIF"),
    "k2.webp": _picture("WEBP"),
    "k3.tiff": _picture("TIFF"),
    "k4.JPG": _picture("JPEG"),
    "k5.jpeg": _picture("JPEG"),
}


def _files(files: dict[str, bytes], **data: Any) -> Callable[[Backup], None]:
    """Other images, without a manifest, in one job."""

    def change(backup: Backup) -> None:
        for name in [name for name in backup.entries if name.startswith("task_0/data/")]:
            del backup.entries[name]
        backup.entries |= {f"task_0/data/{name}": content for name, content in files.items()}
        backup.task["data"].update(data | {"stop_frame": len(files) - 1})
        backup.job["stop_frame"] = len(files) - 1

    return change


def _raw(data: bytes) -> Callable[[Backup], None]:
    return lambda backup: setattr(backup, "raw", data)


EMPTY_ZIP = b"PK\x05\x06" + b"\0" * 18
IMAGE3 = "task_0/data/img3.jpg"


def _document(name: str, text: bytes) -> Callable[[Backup], None]:
    def change(backup: Backup) -> None:
        backup.entries[name] = text
        backup.project = None

    return change


def _set(document: str, key: str, value: Any) -> Callable[[Backup], None]:
    return lambda backup: getattr(backup, document).__setitem__(key, value)


def _order_changed(backup: Backup) -> None:
    backup.entries = dict(reversed(backup.entries.items()))
    backup.drop(MANIFEST, INDEX)
    backup.task["data"]["sorting_method"] = "predefined"


SPECIAL: dict[str, Callable[[Backup], Any]] = {
    "plain unchanged": lambda backup: None,
    "deflated": lambda backup: setattr(backup, "method", zipfile.ZIP_DEFLATED),
    "no index.json": _drop(INDEX),
    "no manifest.jsonl": _drop(MANIFEST),
    "no manifest.jsonl nor index.json": _bare(),
    "garbage index.json": _entry(INDEX, b"garbage"),
    "garbage manifest.jsonl": _entry(MANIFEST, b"garbage"),
    "manifest says width 999": _manifest(_width, index=True),
    "manifest without meta": _manifest(_strip("meta"), index=True),
    "manifest in reversed order, lexicographical": _manifest(_reverse, index=True),
    "manifest reversed, sorting predefined, no index": _manifest(
        _reverse, sorting_method="predefined"
    ),
    "sorting random": lambda backup: backup.task["data"].update(sorting_method="random"),
    "sorting bogus": lambda backup: backup.task["data"].update(sorting_method="bogus"),
    "manifest lacks the last image": _manifest(lambda lines: lines[:-1], index=True),
    "an image of the manifest is missing from data/": _drop(IMAGE3),
    "one image fewer than stop_frame says, no manifest": _bare(IMAGE3),
    "one image more than stop_frame says, no manifest": _bare(
        then=lambda backup: _entry("task_0/data/img4.jpg", backup.entries[IMAGE3])(backup)
    ),
    "a stray text file in data/": _entry("task_0/data/notes.txt", b"x"),
    "a stray text file in data/, no manifest": _bare(then=_entry("task_0/data/notes.txt", b"x")),
    "stray files elsewhere": _entry("task_0/other/notes.txt", b"x"),
    "directory entries": lambda backup: backup.entries.update(
        {"task_0/": b"", "task_0/data/": b""}
    ),
    "names with ./": lambda backup: _rename(backup, lambda name: f"./{name}"),
    "all under a top folder": lambda backup: _rename(backup, lambda name: f"top/{name}"),
    "only task_7": _tasks("task_7/"),
    "task_0 task_10 task_2": _tasks("task_0/", "task_10/", "task_2/"),
    "task_00": _tasks("task_00/"),
    "no project.json": _drop("project.json"),
    "no task.json": _drop("task_0/task.json"),
    "no annotations.json": _drop("task_0/annotations.json"),
    "project.json only": lambda backup: backup.drop(
        *[name for name in backup.entries if name != "project.json"]
    ),
    "not a zip": _raw(b"not a zip"),
    "empty file": _raw(b""),
    "empty zip": _raw(EMPTY_ZIP),
    "project.json not JSON": _document("project.json", b"{x"),
    "project.json a list": _document("project.json", b"[]"),
    "project.json with BOM": lambda backup: _document(
        "project.json", b"\xef\xbb\xbf" + backup.entries["project.json"]
    )(backup),
    "project version None": lambda backup: backup.project.pop("version"),
    "task version None": lambda backup: backup.task.pop("version"),
    "task version '2.0'": _set("task", "version", "2.0"),
    "project.json name='a\\x00b'": _set("project", "name", "a\0b"),
    "two attributes of one name": lambda backup: backup.label.update(
        attributes=[dict(SPEC), dict(SPEC)]
    ),
    "jobs 2+2, all shapes in the first": _jobs((0, 1), (2, 3)),
    "jobs 1+3 irregular, all shapes in the first": _jobs((0, 0), (1, 3)),
    "jobs overlapping 0-2,1-3, all shapes in the first": _jobs((0, 2), (1, 3)),
    "jobs gap 0-0,2-3, all shapes in the first": _jobs((0, 0), (2, 3)),
    "jobs reordered, all shapes in the first": _jobs((2, 3), (0, 1)),
    "custom_segments": _custom([["img3.jpg", "img0.jpg"], ["img1.jpg", "img2.jpg"]]),
    "annotations: empty list": lambda backup: backup.annotations.clear(),
    "annotations: two for one job": lambda backup: backup.annotations.append(
        copy.deepcopy(backup.annotations[0])
    ),
    "annotations: an object": lambda backup: setattr(backup, "annotations", backup.annotations[0]),
    "annotations without version": lambda backup: backup.annotations[0].pop("version"),
    "annotations without tags": lambda backup: backup.annotations[0].pop("tags"),
    "annotations without shapes": lambda backup: backup.annotations[0].pop("shapes"),
    "annotations without tracks": lambda backup: backup.annotations[0].pop("tracks"),
    "annotations extra key": lambda backup: backup.annotations[0].update(bogus=1),
    "tag added": _tag(),
    "track added": _track(lambda track: None),
    "track empty shapes": _track(lambda track: track.update(shapes=[])),
    "track frame after first shape": _track(lambda track: track.update(frame=2)),
    "track extra shape key keyframe": _track(
        lambda track: track["shapes"][0].update(keyframe=True)
    ),
    "track two shapes on a frame": _track(_shapes({}, {})),
    "track shape beyond job": _track(_shapes({}, {"frame": 99})),
    "track unordered shapes": _track(_shapes({"frame": 2}, {"frame": 0})),
    "guide": _entry("annotation_guide.md", b"# Guide"),
    "guide empty": _entry("annotation_guide.md", b""),
    "guide + asset": lambda backup: backup.entries.update(
        {"annotation_guide.md": b"![](assets/a.png)", "assets/a.png": KINDS["alpha.png"]}
    ),
    "guide + bad asset": lambda backup: backup.entries.update(
        {"annotation_guide.md": b"assets/a.exe", "assets/a.exe": b"MZ"}
    ),
    "guide not utf8": _entry("annotation_guide.md", b"\xff\xfe"),
    "asset without guide": _entry("assets/a.png", KINDS["alpha.png"]),
    "guide in the task": _entry("task_0/annotation_guide.md", b"# Guide"),
    "gt unchanged": _truth(lambda backup: None),
    "gt job without frames": _truth(lambda backup: backup.task["jobs"][2].pop("frames")),
    "gt job first": _truth(lambda backup: backup.task["jobs"].insert(0, backup.task["jobs"].pop())),
    "gt frames out of range": _truth(lambda backup: backup.task["jobs"][2].update(frames=[99])),
    "manifest without meta, no index": _manifest(_strip("meta")),
    "manifest lacks last image, no index": _manifest(lambda lines: lines[:-1]),
    "manifest reversed, lexicographical, no index": _manifest(_reverse),
    "manifest version 1.0": _manifest(lambda lines: lines[0].update(version="1.0"), index=True),
    "manifest version 9.9": _manifest(lambda lines: lines[0].update(version="9.9"), index=True),
    "manifest CRLF, no index": lambda backup: (
        backup.drop(INDEX),
        _entry(MANIFEST, backup.entries[MANIFEST].replace(b"\n", b"\r\n"))(backup),
    ),
    "manifest with spaces in JSON, no index": lambda backup: (
        backup.drop(INDEX),
        _entry(MANIFEST, backup.entries[MANIFEST].replace(b'":', b'": '))(backup),
    ),
    "manifest without width/height": _manifest(_strip("width", "height")),
    "manifest no final newline": lambda backup: _entry(MANIFEST, backup.entries[MANIFEST].rstrip())(
        backup
    ),
    "corrupt img0, with manifest": _entry("task_0/data/img0.jpg", b"corrupt"),
    "corrupt img0, no manifest": _bare(then=_entry("task_0/data/img0.jpg", b"corrupt")),
    "no data at all": lambda backup: backup.drop(
        *[name for name in backup.entries if "/data/" in name]
    ),
    "manifest only, no images": lambda backup: backup.drop(
        *[name for name in backup.entries if name.endswith(".jpg")]
    ),
    "nested, no manifest": _media(lambda name: f"sub dir/{name}"),
    "nested unicode, no manifest": _media(lambda name: f"кот/{name}"),
    "case order (IMG2), lexicographical": _media(lambda name: name.replace("img2", "IMG2")),
    "img10 lexicographical": _media(lambda name: name.replace("img1", "img10")),
    "img10 natural": _media(lambda name: name.replace("img1", "img10"), sorting_method="natural"),
    "predefined without manifest (zip order reversed)": _order_changed,
    "related image, no manifest": _bare(
        then=_entry("task_0/data/related_images/img0_jpg/ctx.png", KINDS["alpha.png"])
    ),
    "mapped genuine": _custom(
        [["img3.jpg", "img0.jpg"], ["img1.jpg", "img2.jpg"]],
        ["img3.jpg", "img0.jpg", "img1.jpg", "img2.jpg"],
    ),
    "filesystem genuine": _files(
        {f"d{number}/a.jpg": KINDS["k5.jpeg"] for number in (1, 2, 10)},
        storage_method="file_system",
        sorting_method="natural",
    ),
    "kinds genuine": _files(KINDS),
    "skeleton label added without svg": lambda backup: backup.project["labels"].append(
        {
            "name": "pose",
            "color": "#000000",
            "attributes": [],
            "type": "skeleton",
            "sublabels": [{"name": "a", "color": "#000000", "attributes": [], "type": "points"}],
        }
    ),
}


def _skeleton(backup: Backup) -> Any:
    return next(each for each in backup.project["labels"] if each["type"] == "skeleton")


def _elements(backup: Backup) -> Any:
    shapes = [shape for job in backup.annotations for shape in job["shapes"]]
    return next(shape["elements"] for shape in shapes if shape["type"] == "skeleton")


def _rename_elements(name: str) -> Callable[[Backup], None]:
    def change(backup: Backup) -> None:
        for element in _elements(backup):
            element["label"] = name
            element["attributes"] = []

    return change


RICH: dict[str, Callable[[Backup], Any]] = {
    "rich unchanged": lambda backup: None,
    "skeleton shape with one of three elements": lambda backup: _elements(backup).__delitem__(
        slice(1, None)
    ),
    "skeleton elements all head": _rename_elements("head"),
    "skeleton element label posehead": _rename_elements("posehead"),
    "skeleton label without svg": lambda backup: _skeleton(backup).pop("svg"),
    "sublabel extra key": lambda backup: _skeleton(backup)["sublabels"][0].update(bogus=1),
    "sublabel without type": lambda backup: _skeleton(backup)["sublabels"][0].pop("type"),
}


def _video_checksums(backup: Backup) -> None:
    lines = backup.entries["data/manifest.jsonl"]
    backup.entries["data/manifest.jsonl"] = re.sub(rb'"checksum":"..', b'"checksum":"00', lines)


VIDEO: dict[str, Callable[[Backup], Any]] = {
    "video task unchanged": lambda backup: None,
    "video no index": _drop("data/index.json"),
    "video no manifest, index": _drop("data/manifest.jsonl", "data/index.json"),
    "video chunk_type imageset": lambda backup: backup.task["data"].update(chunk_type="imageset"),
    "video manifest wrong checksums": _video_checksums,
}
# The backup given to the endpoint of the other kind.
SWAPPED = {
    "task backup restored as a project": ("plain/task_1_backup.zip", "project"),
    "project backup restored as a task": ("plain/project_1_backup.zip", "task"),
}


def rebuild(probe: Probe) -> tuple[bytes, str] | None:
    """The zip a line was about and the kind it was restored as, None when it can't be rebuilt."""
    name = probe.name
    if name in SWAPPED:
        path, kind = SWAPPED[name]
        return Backup(path).write(), kind
    if name in RICH:
        backup = Backup("rich/project_2_backup.zip")
        RICH[name](backup)
        return backup.write(), "project"
    if name in VIDEO:
        backup = Backup("rich/task_4_backup.zip")
        VIDEO[name](backup)
        return backup.write(), "task"
    if name == "exif genuine":
        return Backup("exif/task_10_backup.zip").write(), "task"
    backup = Backup()
    version = re.fullmatch(r"project version (.+)", name)
    valued = re.fullmatch(r"attribute value (.+)", name)
    lacking = re.fullmatch(r"(tag|track shape|track) without (\w+)", name)
    if name in SPECIAL:
        SPECIAL[name](backup)
    elif version is not None:
        backup.project["version"] = ast.literal_eval(version.group(1))
    elif valued is not None:
        _valued(valued.group(1))(backup)
    elif lacking is not None:
        kind, key = lacking.groups()
        if kind == "tag":
            _tag(**{key: None})(backup)
        elif kind == "track":
            _track(lambda track: track.pop(key))(backup)
        else:
            _track(_without_tracked(key))(backup)
    elif not _field(backup, name):
        return None
    return backup.write(), "project"
