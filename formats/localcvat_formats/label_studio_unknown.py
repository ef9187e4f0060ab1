"""What a Label Studio task says beside its image and regions, counted.

The keys are those of Label Studio 1.x exports: who did what when says nothing of the image.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from localcvat.report import Report
from localcvat_formats.json_files import join
from localcvat_formats.unknown_fields import report_unknown

DATES = ("created_at", "updated_at", "updated_by", "created_ago")
TASK_KEYS = frozenset(
    (
        *("id", "inner_id", "project", "data", "annotations", "completions", "predictions"),
        *("file_upload", "storage_filename", "overlap", "is_labeled", "agreement", "annotators"),
        *("total_annotations", "cancelled_annotations", "total_predictions", "reviewers"),
        *("comment_count", "unresolved_comment_count", "comment_authors", "annotations_ids"),
        *("last_comment_updated_at", "avg_lead_time", "completed_at", "allow_skip", *DATES),
        *("precomputed_agreement", "annotations_results", "predictions_score", "drafts", "meta"),
        *("predictions_results", "predictions_model_versions", "draft_exists", "reviews_accepted"),
    )
)
ANNOTATION_KEYS = frozenset(
    (
        *("id", "result", "was_cancelled", "ground_truth", "completed_by", "lead_time", "task"),
        *("project", "prediction", "result_count", "unique_id", "import_id", "last_action"),
        *("bulk_created", "parent_prediction", "parent_annotation", "last_created_by", *DATES),
        *("draft_created_at", "model_version", "score", "cluster", "neighbors", "mislabeling"),
        *("model", "model_run", "_predicted", "created_username", "honeypot"),
    )
)
RESULT_KEYS = frozenset(
    (
        *("id", "type", "value", "from_name", "to_name", "origin", "score", "_predicted"),
        *("original_width", "original_height", "image_rotation", "item_index"),
        *("readonly", "hidden", "locked", "source"),
    )
)
VALUE_KEYS = RESULT_KEYS | {
    *("x", "y", "width", "height", "rotation", "radiusX", "radiusY", "points", "closed"),
    *("rle", "format", "sequence", "coords"),
    *("choices", "text", "rating", "number", "datetime", "taxonomy"),
}


def report_unknown_task(
    values: dict[str, Any], image: str, data: dict[str, Any], report: Report, where: str
) -> None:
    """Count what a task says of its image beside its file, and keys that are none of a task's."""
    report_unknown(values, TASK_KEYS, report, where, of="image")
    for name in ("meta", "drafts"):
        if values.get(name):
            report_unknown([name], (), report, where, of="image")
    other = (name for name, value in data.items() if value not in (image, None, "", [], {}))
    report_unknown(other, (), report, join(where, "data"), of="image")


def report_unknown_annotation(annotation: dict[str, Any], report: Report, where: str) -> None:
    """Count keys that are none of an annotation's or a prediction's."""
    report_unknown(annotation, ANNOTATION_KEYS, report, join(where, "annotations"))


def report_unknown_result(result: dict[str, Any], report: Report, where: str) -> None:
    """Count keys of a result and of its value that are not read, a note on the region among them.

    Those about labels are named after their controls: ``rectanglelabels``.
    """
    report_unknown(_said(result), RESULT_KEYS, report, where)
    value = result.get("value")
    if isinstance(value, dict):
        names = (name for name in _said(value) if not name.endswith("labels"))
        report_unknown(names, VALUE_KEYS, report, join(where, "value"))


def _said(values: dict[str, Any]) -> Iterable[str]:
    return (name for name, value in values.items() if value not in (None, "", [], {}))
