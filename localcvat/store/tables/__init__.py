"""The tables as SQLModel classes, mirroring the migrations; a test compares the two.

JSON columns hold compact text; dates ISO 8601 UTC text; `points` what `packing` packs.
"""

from __future__ import annotations

from localcvat.store.tables.annotations import ShapeRow, TagRow, TrackedShapeRow, TrackRow
from localcvat.store.tables.people import OrganizationRow, UserRow
from localcvat.store.tables.projects import (
    AssetRow,
    AttributeSpecRow,
    GuideRow,
    LabelRow,
    ProjectRow,
)
from localcvat.store.tables.records import EventRow, RequestRow
from localcvat.store.tables.tasks import (
    DataFileRow,
    DataRow,
    FrameRow,
    JobRow,
    MediaRow,
    SegmentRow,
    TaskRow,
)

__all__ = [
    "AssetRow",
    "AttributeSpecRow",
    "DataFileRow",
    "DataRow",
    "EventRow",
    "FrameRow",
    "GuideRow",
    "JobRow",
    "LabelRow",
    "MediaRow",
    "OrganizationRow",
    "ProjectRow",
    "RequestRow",
    "SegmentRow",
    "ShapeRow",
    "TagRow",
    "TaskRow",
    "TrackRow",
    "TrackedShapeRow",
    "UserRow",
]
