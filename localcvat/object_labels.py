"""Labels and attributes of imported objects held against those of the task (section 0.4)."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from localcvat.model import Label, Shape, Tag, Track
from localcvat.report import Report


class ObjectLabels:
    """Checks objects in place: attributes that the label lacks are dropped and reported.

    Raises ValueError in CVAT's words for a label the task lacks and for a bad checkbox value.
    """

    def __init__(self, labels: Iterable[Label], report: Report) -> None:
        self._labels = {label.name: label for label in labels}
        self._sublabels = {
            label.name: {sublabel.name: sublabel for sublabel in label.sublabels}
            for label in self._labels.values()
        }
        self._report = report

    def tag(self, tag: Tag) -> None:
        """Check a tag."""
        tag.attributes = self._attributes(tag.attributes, self._label(tag.label))

    def shape(self, shape: Shape) -> None:
        """Check a shape and the elements of a skeleton."""
        shape.attributes = self._attributes(shape.attributes, self._label(shape.label))
        for element in shape.elements:
            label = self._sublabel(shape.label, element.label)
            element.attributes = self._attributes(element.attributes, label)

    def track(self, track: Track) -> None:
        """Check a track; mutable attributes move to its keyframes, immutable ones off them."""
        self._track(track, self._label(track.label))
        for element in track.elements:
            self._track(element, self._sublabel(track.label, element.label))

    def _track(self, track: Track, label: Label) -> None:
        track.attributes = self._attributes(track.attributes, label)
        for shape in track.shapes:
            shape.attributes = self._attributes(shape.attributes, label)
        part_attributes(
            track, {spec.name for spec in label.attributes if spec.mutable}, self._report
        )

    def _label(self, name: str) -> Label:
        if name not in self._labels:
            raise ValueError(f"Label {name!r} is not registered for this task")
        return self._labels[name]

    def _sublabel(self, parent: str, name: str) -> Label:
        known = self._sublabels.get(parent, {})
        if name not in known:
            raise ValueError(f"Label {name!r} is not registered for this task")
        return known[name]

    def _attributes(self, given: dict[str, str], label: Label) -> dict[str, str]:
        if not given:
            return {}
        specs = {spec.name: spec for spec in label.attributes}
        kept = {}
        for name, value in given.items():
            if name not in specs:
                reason = "the label has no such attribute"
                self._report.dropped("attribute", reason, f"{label.name}.{name}")
            elif specs[name].input_type == "checkbox":
                kept[name] = _checkbox(name, value)
            else:
                kept[name] = value
        return kept


def part_attributes(track: Track, mutable: Collection[str], report: Report) -> None:
    """Move mutable attributes of a track to its keyframes and immutable ones off them.

    Of an immutable one that keyframes give different values, the last is kept; that is counted.
    """
    fixed = dict(track.attributes)
    for shape in track.shapes:
        given = shape.attributes
        for name, value in given.items():
            if name not in mutable and fixed.get(name, value) != value:
                why = "not mutable, yet keyframes differ: the last value is kept"
                report.changed("attribute", why, f"{track.label}.{name}")
        fixed.update((name, value) for name, value in given.items() if name not in mutable)
        shape.attributes = {name: value for name, value in given.items() if name in mutable}
    changing = {name: value for name, value in fixed.items() if name in mutable}
    if changing and track.shapes:
        first = min(track.shapes, key=lambda shape: shape.frame)
        first.attributes = {**changing, **first.attributes}
    track.attributes = {name: value for name, value in fixed.items() if name not in mutable}


def _checkbox(name: str, value: str) -> str:
    """`true` or `false`, also for numbers."""
    word = value.strip().lower()
    if word in ("true", "false"):
        return word
    try:
        return "true" if float(word) else "false"
    except ValueError:
        raise ValueError(f"Failed to convert attribute {name!r}={value!r}") from None
