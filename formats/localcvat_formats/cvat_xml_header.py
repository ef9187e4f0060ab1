"""The `<meta>` of CVAT XML read as a header; anything missing is left out (section 1.1)."""

from __future__ import annotations

import re
from typing import Any

from localcvat.model import (
    AttributeSpec,
    Header,
    JobInfo,
    Label,
    ProjectInfo,
    TaskInfo,
    User,
)
from localcvat_formats.cvat_xml_parse import local_name


def header_of(meta: Any) -> Header:
    """What `<meta>` says; anything missing is left out."""
    header = Header(dumped=_text(meta, "dumped"))
    project, job, task = (_child(meta, name) for name in ("project", "job", "task"))
    if project is not None:
        header.kind = "project"
        header.project = ProjectInfo(
            id=_number(project, "id"),
            name=_text(project, "name"),
            bug_tracker=_text(project, "bugtracker"),
            created=_text(project, "created"),
            updated=_text(project, "updated"),
            owner=_user(project, "owner"),
            assignee=_user(project, "assignee"),
        )
        header.tasks = [_task(each) for each in _children(project, "tasks")]
        header.labels = _labels(project)
    elif job is not None:
        header.kind = "job"
        header.tasks = [_job(job, _child(meta, "original_size"))]
        header.labels = _labels(job)
    elif task is not None:
        header.labels = _labels(task)
        if _child(task, "size") is not None or _child(task, "id") is not None:
            header.kind = "task"
            header.tasks = [_task(task)]
    return header


def _task(element: Any) -> TaskInfo:
    size = _child(element, "original_size")
    frame_filter = _text(element, "frame_filter")
    step = re.search(r"step\s*=\s*([1-9]\d*)", frame_filter)
    info = TaskInfo(
        id=_number(element, "id"),
        name=_text(element, "name"),
        size=_number(element, "size"),
        mode=_text(element, "mode") or "annotation",
        overlap=_number(element, "overlap"),
        bug_tracker=_text(element, "bugtracker"),
        created=_text(element, "created"),
        updated=_text(element, "updated"),
        subset=_subset(element),
        start_frame=_number(element, "start_frame"),
        stop_frame=_number(element, "stop_frame"),
        step=int(step.group(1)) if step else 1,
        frame_filter=frame_filter,
        jobs=[_segment(each) for each in _children(element, "segments")],
        owner=_user(element, "owner"),
        assignee=_user(element, "assignee"),
        video=_text(element, "source"),
    )
    if size is not None:
        info.width, info.height = _number(size, "width"), _number(size, "height")
    return info


def _job(element: Any, size: Any) -> TaskInfo:
    """The task of a job: its bounds are those of the job, so the start must be counted back."""
    info = _task(element)
    if info.jobs:
        info.start_frame -= info.jobs[0].start_frame * info.step
        info.size = info.jobs[0].stop_frame + 1
        info.jobs[0].assignee, info.assignee = info.assignee, None
        info.jobs[0].updated = info.updated
    if info.mode == "interpolation":
        info.video = "video"
    if size is not None:
        info.width, info.height = _number(size, "width"), _number(size, "height")
    return info


def _subset(element: Any) -> str:
    subset = _text(element, "subset")
    return "" if subset == "default" else subset


def _segment(element: Any) -> JobInfo:
    found = re.search(r"(\d+)/?$", _text(element, "url"))
    segment = _number(element, "id")
    return JobInfo(
        id=int(found.group(1)) if found else segment,
        segment=segment,
        start_frame=_number(element, "start"),
        stop_frame=_number(element, "stop"),
    )


def _labels(element: Any) -> list[Label]:
    """Labels with sublabels in their skeletons; they are listed flat, with their parent's name."""
    roots: dict[str, Label] = {}
    later: list[tuple[str, Label]] = []
    for each in _children(element, "labels"):
        label = Label(
            name=_text(each, "name"),
            color=_text(each, "color"),
            type=_text(each, "type") or "any",
            attributes=[_attribute(spec) for spec in _children(each, "attributes")],
            svg=_text(each, "svg"),
        )
        parent = _text(each, "parent")
        if parent:
            later.append((parent, label))
        elif label.name:
            roots.setdefault(label.name, label)
    for parent, label in later:
        if parent in roots:
            roots[parent].sublabels.append(label)
    return list(roots.values())


def _attribute(element: Any) -> AttributeSpec:
    return AttributeSpec(
        name=_text(element, "name"),
        mutable=_text(element, "mutable").lower() == "true",
        input_type=_text(element, "input_type") or "text",
        default_value=_text(element, "default_value", strip=False),
        values=_text(element, "values", strip=False).split("\n"),
    )


def _user(element: Any, name: str) -> User | None:
    child = _child(element, name)
    username = _text(child, "username") if child is not None else ""
    return User(username=username, email=_text(child, "email")) if username else None


def _child(element: Any, name: str) -> Any:
    return next((child for child in element if local_name(child) == name), None)


def _children(element: Any, name: str) -> list[Any]:
    """The elements inside the child of this name."""
    child = _child(element, name)
    return [] if child is None else [each for each in child if local_name(each)]


def _text(element: Any, name: str, strip: bool = True) -> str:
    child = _child(element, name)
    text = (child.text or "") if child is not None else ""
    return text.strip() if strip else text


def _number(element: Any, name: str) -> int:
    try:
        return int(_text(element, name) or 0)
    except ValueError:
        return 0
