"""The values that CVAT fills in when it reads annotations: defaults of their labels."""

from __future__ import annotations

from collections.abc import Iterable

from localcvat.model import AttributeSpec, Item, Label, Track


class LabelDefaults:
    """Gives each object the attributes of its label that it lacks, as CVAT does on reading."""

    def __init__(self, labels: Iterable[Label]) -> None:
        self._labels = {label.name: label for label in labels}
        self._sublabels = {
            name: {sublabel.name: sublabel for sublabel in label.sublabels}
            for name, label in self._labels.items()
        }

    def item(self, item: Item) -> None:
        """Fill the attributes of all tags and shapes of an item."""
        for tag in item.tags:
            _fill(tag.attributes, self._labels[tag.label].attributes)
        for shape in item.shapes:
            _fill(shape.attributes, self._labels[shape.label].attributes)
            for element in shape.elements:
                _fill(element.attributes, self._sublabels[shape.label][element.label].attributes)

    def track(self, track: Track) -> None:
        """Fill immutable attributes of a track; mutable ones of its first keyframe."""
        _fill_track(track, self._labels[track.label])
        for element in track.elements:
            _fill_track(element, self._sublabels[track.label][element.label])


def _fill_track(track: Track, label: Label) -> None:
    stated = {name for shape in track.shapes for name in shape.attributes}
    fixed = [spec for spec in label.attributes if not spec.mutable and spec.name not in stated]
    _fill(track.attributes, fixed)
    if track.shapes:
        first = min(track.shapes, key=lambda shape: shape.frame)
        changing = [spec for spec in label.attributes if spec.mutable]
        _fill(first.attributes, [spec for spec in changing if spec.name not in track.attributes])


def _fill(attributes: dict[str, str], specs: Iterable[AttributeSpec]) -> None:
    for spec in specs:
        attributes.setdefault(spec.name, spec.default_value)
