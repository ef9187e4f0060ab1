"""Write docs/library.md from the docstrings of the client; a test compares the two."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from localcvat import frames, labeled_data, model, report
from localcvat import repositories as repos
from localcvat.client import Client
from localcvat.entities import Job, Project, Task

HEAD = """# Library

Made from the docstrings by `make docs`; do not edit. Names are those of cvat-sdk's high-level API;
frame numbers are task-relative, coordinates pixels from the top left. Recipes:
[how-to.md](how-to.md).

Every failure is a `localcvat.errors.LocalCvatError`: ValidationError (with CVAT's messages by field
in `errors`), NotFoundError, SourceError, DatasetError (with the place in the file), OutputError,
LossError, BackupError, StoreError, UsageError, MissingExtraError.

`localcvat.convert(source, target, to=…, from_=None, **options)` converts without a store and
returns the `Report`; `options` are the fields of `localcvat.convert.ConvertOptions`.
"""
SECTIONS: list[tuple[str, list[tuple[str, Any]]]] = [
    ("The client", [("Client", Client)]),
    (
        "Collections",
        [
            ("client.projects", repos.ProjectsRepo),
            ("client.tasks", repos.TasksRepo),
            ("client.jobs", repos.JobsRepo),
            ("client.labels", repos.LabelsRepo),
            ("client.users", repos.UsersRepo),
            ("client.requests", repos.RequestsRepo),
            ("A list", repos.Page),
        ],
    ),
    ("Objects", [("Project", Project), ("Task", Task), ("Job", Job)]),
    (
        "Values",
        [
            ("LabeledData", labeled_data.LabeledData),
            ("Annotations", model.Annotations),
            ("Shape", model.Shape),
            ("Tag", model.Tag),
            ("Track", model.Track),
            ("TrackedShape", model.TrackedShape),
            ("Label", model.Label),
            ("AttributeSpec", model.AttributeSpec),
            ("DataMeta", frames.DataMeta),
            ("FrameInfo", frames.FrameInfo),
            ("Report", report.Report),
        ],
    ),
]


def reference() -> str:
    """The text of docs/library.md."""
    parts = [HEAD]
    for title, classes in SECTIONS:
        parts.append(f"## {title}\n")
        for name, kind in classes:
            parts += _described(name, kind)
    return "\n".join(parts)


def _described(name: str, kind: Any) -> Iterator[str]:
    yield f"### {name}\n\n{_text(inspect.getdoc(kind))}\n"
    fields = _fields(kind)
    if fields:
        yield "Fields: " + ", ".join(f"`{field}`" for field in fields) + "\n"
    for method, function in _methods(kind):
        yield f"**`{method}{_signature(function)}`**\n\n{_text(inspect.getdoc(function))}\n"


def _fields(kind: Any) -> list[str]:
    if hasattr(kind, "__struct_fields__"):
        return list(kind.__struct_fields__)
    return [
        name
        for base in reversed(kind.__mro__)
        for name in getattr(base, "__annotations__", {})
        if not name.startswith("_") and base.__module__.startswith("localcvat.entities")
    ]


def _methods(kind: Any) -> Iterator[tuple[str, Any]]:
    for name, member in inspect.getmembers(kind):
        function = member.fget if isinstance(member, property) else member
        ours = str(getattr(function, "__module__", "")).startswith("localcvat.")
        if ours and not name.startswith("_") and callable(function):
            yield name, function if not isinstance(member, property) else member


def _signature(function: Any) -> str:
    if isinstance(function, property):
        return ""
    text = re.sub(r"(: |-> )'([^']*)'", r"\1\2", str(inspect.signature(function)))
    text = re.sub(r"\((self|cls)(: \w+)?(, )?", "(", text)
    return text.replace("(/, ", "(").replace("(/)", "()")


def _text(text: str | None) -> str:
    return re.sub(r"``(.+?)``", r"`\1`", text or "")


if __name__ == "__main__":
    Path(__file__).with_name("library.md").write_text(reference(), encoding="utf-8")
