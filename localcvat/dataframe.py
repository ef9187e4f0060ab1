"""Annotations as a table for pandas, behind the extra ``dataframe``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from localcvat.annotations import job_annotations
from localcvat.errors import MissingExtraError
from localcvat.frames import FrameInfo, task_meta
from localcvat.geometry.boxes import shape_box
from localcvat.jobs import Job, get_job, list_jobs
from localcvat.labeled_data import LabeledShape, LabeledTag, LabeledTrack
from localcvat.model import Shape, TrackedShape
from localcvat.store.engine import Store
from localcvat.tasks import get_task, list_tasks

if TYPE_CHECKING:
    import pandas

COLUMNS = (
    *("project_id", "task_id", "task", "subset", "job_id", "frame", "image", "width", "height"),
    *("kind", "id", "label", "type", "x1", "y1", "x2", "y2", "points", "rotation"),
    *("occluded", "outside", "z_order", "group", "source", "attributes"),
)


def annotations_frame(
    store: Store, project_id: int | None, task_id: int | None, job_id: int | None
) -> pandas.DataFrame:
    """One row a tag, a shape (skeletons whole) or a keyframe of a track.

    `x1 y1 x2 y2` is the box around it in pixels, `points` as `model.Shape` has them. Raises
    MissingExtraError without pandas.
    """
    try:
        import pandas
    except ImportError as error:
        raise MissingExtraError(
            "a dataframe needs pandas", hint="pip install 'localcvat[dataframe]'"
        ) from error
    rows = [
        row
        for job in _jobs(store, project_id, task_id, job_id)
        if job.type == "annotation" or job_id is not None
        for row in _rows(store, job)
    ]
    return pandas.DataFrame(rows, columns=list(COLUMNS))


def _jobs(
    store: Store, project_id: int | None, task_id: int | None, job_id: int | None
) -> list[Job]:
    if job_id is not None:
        return [get_job(store, job_id)]
    if task_id is not None:
        get_task(store, task_id)
        return list_jobs(store, task_id=task_id)
    if project_id is not None:
        from localcvat.projects import get_project

        get_project(store, project_id)
    tasks = sorted(task.id for task in list_tasks(store, project_id))
    return [job for number in tasks for job in list_jobs(store, task_id=number)]


def _rows(store: Store, job: Job) -> Iterator[dict[str, Any]]:
    task = get_task(store, job.task_id)
    frames = task_meta(store, task.id).frames
    common = {
        "project_id": task.project_id,
        "task_id": task.id,
        "task": task.name,
        "subset": task.subset,
        "job_id": job.id,
    }
    found = job_annotations(store, job.id)
    for tag in found.tags:
        yield {**common, **_image(frames, tag.frame), **_fields("tag", tag), "type": "tag"}
    for shape in found.shapes:
        yield {
            **common,
            **_image(frames, shape.frame),
            **_fields("shape", shape),
            **_geometry(shape),
        }
    for track in found.tracks:
        for keyframe in track.shapes:
            attributes = {**track.attributes, **keyframe.attributes}
            place = _image(frames, keyframe.frame)
            fields = {**_fields("track", track), "attributes": attributes}
            yield {**common, **place, **fields, **_geometry(keyframe)}


def _image(frames: list[FrameInfo], number: int) -> dict[str, Any]:
    info = frames[number] if number < len(frames) else FrameInfo(name="", width=0, height=0)
    return {"frame": number, "image": info.name, "width": info.width, "height": info.height}


def _fields(kind: str, value: LabeledTag | LabeledShape | LabeledTrack) -> dict[str, Any]:
    return {
        "kind": kind,
        "id": value.id,
        "label": value.label,
        "group": value.group,
        "source": value.source,
        "attributes": value.attributes,
    }


def _geometry(shape: Shape | TrackedShape) -> dict[str, Any]:
    fields: dict[str, Any] = {
        name: getattr(shape, name) for name in ("type", "rotation", "occluded", "outside")
    }
    fields |= {"z_order": shape.z_order, "points": list(shape.points)}
    if shape.points or getattr(shape, "elements", ()):
        fields |= dict(zip(("x1", "y1", "x2", "y2"), shape_box(shape), strict=True))
    return fields
