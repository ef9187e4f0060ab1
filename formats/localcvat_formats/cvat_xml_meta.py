"""The `<meta>` of CVAT XML: project, task or job, with labels (formats specification, 1.1)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from localcvat.model import (
    DEFAULT_SUBSET,
    Header,
    JobInfo,
    Label,
    ProjectInfo,
    TaskInfo,
    User,
    flat_labels,
)
from localcvat_formats.cvat_xml_text import Meta

DATE = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,6})\d*)?(?:Z|\+00:00)?$")
JOB_URL = "http://localhost:8080/api/jobs/{}"


def written_meta(header: Header) -> Meta:
    """What goes into `<meta>`: what the header says it is of, and when it was written."""
    meta: Meta = []
    if header.kind == "project" and header.project is not None:
        meta.append(("project", _project(header, header.project)))
    elif header.kind == "job" and header.tasks and header.tasks[0].jobs:
        meta.append(("job", _job(header)))
    elif header.tasks:
        meta.append(("task", _task(header.tasks[0], header.labels)))
    else:
        meta.append(("task", [("mode", "annotation"), ("labels", _labels(header.labels))]))
    if header.dumped and header.dialect == "cvat":
        meta.append(("dumped", _date(header.dumped)))
    if header.kind == "job" and header.tasks and header.tasks[0].video:
        meta.append(("original_size", _size(header.tasks[0])))
    return meta


def _project(header: Header, project: ProjectInfo) -> Meta:
    order = sorted(range(len(header.tasks)), key=lambda index: (header.tasks[index].subset, index))
    tasks: Meta = [("task", _task(header.tasks[index], None)) for index in order]
    subsets = dict.fromkeys(header.tasks[index].subset or DEFAULT_SUBSET for index in order)
    return [
        ("id", str(project.id)),
        ("name", project.name),
        ("bugtracker", project.bug_tracker),
        ("created", _date(project.created)),
        ("updated", _date(project.updated)),
        ("tasks", tasks),
        ("subsets", "\n".join(subsets)),
        ("owner", _user(project.owner)),
        ("assignee", _user(project.assignee)),
        ("labels", _labels(header.labels)),
    ]


def _task(info: TaskInfo, labels: Iterable[Label] | None) -> Meta:
    segments = [job for job in info.jobs if job.type == "annotation"]
    meta: Meta = [
        ("id", str(info.id)),
        ("name", info.name),
        ("size", str(info.size)),
        ("mode", info.mode),
        ("overlap", str(info.overlap)),
        ("bugtracker", info.bug_tracker),
        ("created", _date(info.created)),
        ("updated", _date(info.updated)),
        ("subset", info.subset or DEFAULT_SUBSET),
        ("start_frame", str(info.start_frame)),
        ("stop_frame", str(info.stop_frame)),
        ("frame_filter", info.frame_filter),
        ("segments", [("segment", _segment(job)) for job in segments]),
        ("owner", _user(info.owner)),
        ("assignee", _user(info.assignee)),
    ]
    if labels is not None:
        meta.append(("labels", _labels(labels)))
    if info.video:
        meta.append(("original_size", _size(info)))
        meta.append(("source", info.video.rpartition("/")[2]))
    return meta


def _job(header: Header) -> Meta:
    info = header.tasks[0]
    job = info.jobs[0]
    return [
        ("id", str(job.id)),
        ("size", str(job.stop_frame - job.start_frame + 1)),
        ("mode", info.mode),
        ("overlap", str(info.overlap)),
        ("bugtracker", info.bug_tracker),
        ("created", _date(info.created)),
        ("updated", _date(job.updated)),
        ("subset", info.subset or DEFAULT_SUBSET),
        ("start_frame", str(info.start_frame + job.start_frame * info.step)),
        ("stop_frame", str(job_stop(info))),
        ("frame_filter", info.frame_filter),
        ("segments", [("segment", _segment(job))]),
        ("owner", _user(info.owner)),
        ("assignee", _user(job.assignee)),
        ("labels", _labels(header.labels)),
    ]


def job_stop(info: TaskInfo) -> int:
    """The last source frame of the one job that is exported."""
    return info.start_frame + info.jobs[0].stop_frame * info.step


def _segment(job: JobInfo) -> Meta:
    return [
        ("id", str(job.segment or job.id)),
        ("start", str(job.start_frame)),
        ("stop", str(job.stop_frame)),
        ("url", JOB_URL.format(job.id)),
    ]


def _size(info: TaskInfo) -> Meta:
    return [("width", str(info.width)), ("height", str(info.height))]


def _user(user: User | None) -> str | Meta:
    return "" if user is None else [("username", user.username), ("email", user.email)]


def _labels(labels: Iterable[Label]) -> Meta:
    return [("label", _label(label, parent)) for label, parent in flat_labels(list(labels))]


def _label(label: Label, parent: str) -> Meta:
    attributes: Meta = [
        (
            "attribute",
            [
                ("name", spec.name),
                ("mutable", str(spec.mutable)),
                ("input_type", spec.input_type),
                ("default_value", spec.default_value),
                ("values", "\n".join(spec.values)),
            ],
        )
        for spec in label.attributes
    ]
    meta: Meta = [
        ("name", label.name),
        ("color", label.color),
        ("type", label.type),
        ("attributes", attributes),
    ]
    if parent:
        meta.append(("parent", parent))
    if label.type == "skeleton":
        meta.append(("svg", label.svg))
    return meta


def _date(text: str) -> str:
    """A date as CVAT spells it here; anything else stays as it is."""
    found = DATE.match(text)
    if found is None:
        return text
    day, time, fraction = found.groups()
    return f"{day} {time}.{(fraction or '').ljust(6, '0')}+00:00"
