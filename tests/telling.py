"""Whether a report tells of each fact of a dataset that did not come back."""

from __future__ import annotations

from everything import Fact, annotations, items
from localcvat.model import Item

ROWS: dict[str, set[str]] = {
    "label": {"label"},
    "label colour": {"label colour"},
    "label type": {"label types", "label type"},
    "label attribute": {"label attributes", "label attribute", "attribute"},
    "sublabel": {"sublabel"},
    "subset": {"subset"},
    "size": {"image size"},
    "fields": {"field", "dataset field"},
    "image": {"image", "path", "file name", "image name", "image file"},
    "image attribute": {"image attribute"},
    "image fields": {"image field"},
    "attribute": {"attribute"},
    "points": {"coordinate", "coordinates", "rotation", "mask"},
    "kind": {"rotation", "mask"},
    "label of a shape": {"label", "mask"},
    "outside": {"outside", "point"},
    "instance": {"group", "polygon"},
}
"""Which kinds of rows tell of a lost fact; of others it is the one of its own name."""
OF_FORM = ("kind", "points", "rotation", "instance", "outside", "label of a shape")


def groups() -> dict[str, list[str]]:
    """Names of images by what is special about them, so that few datasets hold all."""
    named: dict[str, list[str]] = {}
    for name in annotations():
        group = name.partition("-")[2] or "kinds"
        named.setdefault("labels" if group[-1].isdigit() else group, []).append(name)
    rest = [item.path.rpartition(".")[0] for item in items()]
    named["images"] = [name for name in rest if name not in annotations()]
    return named


def kinds_of(found: list[Item]) -> dict[str, str]:
    kinds = {f"{i.path} shape {n}": s.type for i in found for n, s in enumerate(i.shapes)}
    return kinds | {f"{i.path} tag {n}": "tag" for i in found for n in range(len(i.tags))}


def is_told(
    fact: Fact, kinds: set[str], images: set[str], shapes: dict[str, str], gone: set[str]
) -> bool:
    where, aspect = fact
    image = where.partition(" shape ")[0].partition(" tag ")[0]
    if image in images and aspect != "image":
        return True  # as its image is
    shape = shapes.get(where)
    if shape in gone or (shape == "ellipse" and {"ellipse", "polygon"} <= kinds & (gone | {shape})):
        return True  # all of it, or of the polygon that was made of it
    base = aspect.partition(": ")[2] or aspect
    if shape in kinds and (base in OF_FORM or aspect != base):
        return True  # made another kind, without the points of a skeleton
    for name, rows in ROWS.items():
        if base == name or (name.endswith("attribute") and base.startswith(name + " ")):
            return bool(kinds & rows)
        if name == "sublabel" and base.startswith(name):
            return bool(kinds & rows)
    return base in kinds
