"""Whether the labels of a task backup fit into a project: by name."""

from __future__ import annotations

from collections.abc import Sequence

from localcvat.model import Label


def label_conflicts(labels: Sequence[Label], known: Sequence[Label], of: str = "") -> list[str]:
    """What keeps `labels` from being used as the `known` ones, one text each; empty when they fit.

    Colours, order and lists of values may differ; the known labels may be more.
    """
    by_name = {label.name: label for label in known}
    conflicts = []
    for label in labels:
        name = f"{of}{label.name!r}"
        other = by_name.get(label.name)
        if other is None:
            conflicts.append(f"{name} is missing")
            continue
        if "any" not in (label.type, other.type) and label.type != other.type:
            conflicts.append(f"{name} is {other.type} there, {label.type} here")
        specs = {spec.name: spec for spec in other.attributes}
        for spec in label.attributes:
            if spec.name not in specs:
                conflicts.append(f"{name} lacks the attribute {spec.name!r}")
            elif specs[spec.name].mutable != spec.mutable:
                kind = "mutable" if spec.mutable else "immutable"
                conflicts.append(f"the attribute {spec.name!r} of {name} is {kind} here only")
        conflicts += label_conflicts(label.sublabels, other.sublabels, f"{label.name!r}.")
    return conflicts
