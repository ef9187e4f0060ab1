"""Annotations as values that can be compared: those REST answered, and ours."""

from __future__ import annotations

from typing import Any

from goldens import rest
from localcvat.model import Shape, Tag, Track, TrackedShape


class Names:
    """Label and attribute names by id, as the REST API gives them."""

    def __init__(self, corpus: str) -> None:
        self.labels: dict[int, str] = {}
        self.specs: dict[int, str] = {}
        answer = rest(corpus, "labels.json")
        for label in answer if isinstance(answer, list) else answer["results"]:
            for each in (label, *label.get("sublabels", [])):
                self.labels[each["id"]] = each["name"]
                self.specs.update((spec["id"], spec["name"]) for spec in each["attributes"])

    def attributes(self, given: list[dict[str, Any]]) -> tuple[tuple[str, str], ...]:
        return tuple(sorted((self.specs[item["spec_id"]], item["value"]) for item in given))

    def shape(self, shape: dict[str, Any]) -> tuple[Any, ...]:
        return (
            self.labels[shape["label_id"]],
            *self.geometry(shape),
            shape["group"],
            shape["source"],
            tuple(sorted(self.shape(element) for element in shape.get("elements", []))),
        )

    def geometry(self, shape: dict[str, Any]) -> tuple[Any, ...]:
        fields = ("type", "frame", "occluded", "outside", "z_order", "rotation")
        values = [shape[name] for name in fields]
        return (*values, tuple(shape["points"]), self.attributes(shape["attributes"]))

    def track(self, track: dict[str, Any]) -> tuple[Any, ...]:
        return (
            self.labels[track["label_id"]],
            track["frame"],
            track["group"],
            track["source"],
            self.attributes(track["attributes"]),
            tuple(self.geometry(shape) for shape in track["shapes"]),
            tuple(sorted(self.track(element) for element in track.get("elements", []))),
        )

    def tag(self, tag: dict[str, Any]) -> tuple[Any, ...]:
        attributes = self.attributes(tag["attributes"])
        return self.labels[tag["label_id"]], tag["frame"], tag["group"], tag["source"], attributes


def geometry(shape: Shape | TrackedShape) -> tuple[Any, ...]:
    values = (shape.type, shape.frame, shape.occluded, shape.outside, shape.z_order)
    return (*values, shape.rotation, tuple(shape.points), tuple(sorted(shape.attributes.items())))


def shape_value(shape: Shape) -> tuple[Any, ...]:
    elements = tuple(sorted(shape_value(element) for element in shape.elements))
    return shape.label, *geometry(shape), shape.group, shape.source, elements


def track_value(track: Track) -> tuple[Any, ...]:
    # Keyframes state all their attributes over REST; ours carry on from the keyframe before.
    known: dict[str, str] = {}
    keyframes = []
    for shape in track.shapes:
        known = {**known, **shape.attributes}
        keyframes.append((*geometry(shape)[:-1], tuple(sorted(known.items()))))
    return (
        track.label,
        track.frame,
        track.group,
        track.source,
        tuple(sorted(track.attributes.items())),
        tuple(keyframes),
        tuple(sorted(track_value(element) for element in track.elements)),
    )


def tag_value(tag: Tag) -> tuple[Any, ...]:
    attributes = tuple(sorted(tag.attributes.items()))
    return tag.label, tag.frame, tag.group, tag.source, attributes
