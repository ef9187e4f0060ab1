"""The request bodies of CVAT's API: which fields there are and what they may hold.

Source: formats specification, section 12.1, and the answers recorded from a real CVAT.
"""

from __future__ import annotations

from typing import Any

from localcvat.fields import (
    Choice,
    Field,
    Flag,
    Integer,
    ListOf,
    Record,
    Records,
    Refused,
    Text,
    partial,
)
from localcvat.model import INPUT_TYPES, STAGES, STATES, STATUSES

SORTING_METHODS = ("lexicographical", "natural", "predefined", "random")
MAX_VALUES = 4096
MAX_REPLICAS = 11
MAX_FRAME = (1 << 31) - 1


def _deleted_has_id(label: dict[str, Any]) -> None:
    if label.get("deleted") and label.get("id") is None:
        raise Refused({"non_field_errors": ["Deleted label must have an ID"]})


def _values_fit(attribute: dict[str, Any]) -> None:
    if len("\n".join(attribute.get("values") or ())) > MAX_VALUES:
        raise Refused({"values": [f"Ensure this field has no more than {MAX_VALUES} characters."]})


class Replicas(Integer, kw_only=True):
    """How many copies of each job there are for consensus: none, or at least two."""

    def clean(self, value: Any) -> int:
        number = super().clean(value)
        if number == 1 or not 0 <= number <= MAX_REPLICAS:
            raise Refused(
                [
                    "Consensus replicas must be 0 or a positive number more than 1 "
                    f"and less than {MAX_REPLICAS + 1}, got {number}"
                ]
            )
        return number


ATTRIBUTE = Record(
    fields={
        "id": Integer(),
        "name": Text(required=True, max_length=64),
        "mutable": Flag(required=True),
        "input_type": Choice(required=True, choices=INPUT_TYPES),
        "default_value": Text(blank=True, max_length=128),
        "values": ListOf(required=True, child=Text(blank=True, max_length=200)),
    },
    rule=_values_fit,
)
_LABEL: dict[str, Field] = {
    "id": Integer(),
    "name": Text(required=True, max_length=64),
    "color": Text(blank=True, max_length=8),
    "type": Text(blank=True, max_length=32),
    "attributes": Records(child=ATTRIBUTE),
    "deleted": Flag(),
}
SUBLABEL = Record(fields=_LABEL, rule=_deleted_has_id)
LABEL = Record(
    fields=_LABEL
    | {"svg": Text(blank=True, null=True, trim=False), "sublabels": Records(child=SUBLABEL)},
    rule=_deleted_has_id,
)
STORAGE = Record(
    fields={
        "location": Choice(required=True, choices=("local", "cloud_storage")),
        "cloud_storage_id": Integer(null=True),
    }
)
_COMMON: dict[str, Field] = {
    "name": Text(required=True, max_length=256),
    "labels": Records(child=LABEL),
    "owner_id": Integer(null=True),
    "assignee_id": Integer(null=True),
    "bug_tracker": Text(blank=True, max_length=2000),
    "source_storage": STORAGE,
    "target_storage": STORAGE,
}
PROJECT = Record(fields=_COMMON)
PROJECT_PATCH = partial(PROJECT)
TASK = Record(
    fields=_COMMON
    | {
        "project_id": Integer(null=True),
        "overlap": Integer(null=True, minimum=0, maximum=MAX_FRAME),
        "segment_size": Integer(minimum=0, maximum=MAX_FRAME),
        "subset": Text(blank=True, max_length=64),
        "consensus_replicas": Replicas(),
    }
)
TASK_PATCH = partial(TASK)
LABEL_PATCH = partial(LABEL)
JOB_PATCH = Record(
    fields={
        "assignee": Integer(null=True),
        "assignee_id": Integer(null=True),
        "stage": Choice(choices=STAGES),
        "state": Choice(choices=STATES),
    },
    partial=True,
)
STATUS = Choice(choices=STATUSES)
