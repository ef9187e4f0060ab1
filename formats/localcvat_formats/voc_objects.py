"""The XML text of the objects of a Pascal VOC annotation (formats specification, section 7)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from localcvat.geometry.boxes import shape_box, stated_box
from localcvat.model import Label, Shape
from localcvat.text import xml_text
from localcvat_formats.cvat_dialect import datumaro_attributes
from localcvat_formats.cvat_values import as_int, box_of

FLAGS = ("pose", "truncated", "occluded", "difficult")
TRUE_WORDS = frozenset(("1", "true", "yes"))
DIGITS = "%.12g"
FINE, COARSE = 1e-4, 1e6
"""Between these, so many digits are six decimals at least, without an exponent."""
_TAG = re.compile(r"[^\W\d][\w.-]*").fullmatch

label_text = cache(xml_text)
"""The name of a label as XML has it: few labels name many objects."""


def object_texts(shapes: Iterable[Shape]) -> list[str]:
    """The ``<object>`` of each rectangle, and of each mask, whose `instance` is its number."""
    texts = []
    for shape in shapes:
        if shape.type == "rectangle" and not (
            shape.extras
            or shape.attributes
            or shape.occluded
            or shape.rotation
            or shape.track_id is not None
        ):  # nothing but a label and a box: all at once takes half the time
            left, top, right, bottom = shape.points
            if FINE < left <= right < COARSE and FINE < top <= bottom < COARSE:
                texts.append(_template(shape.label) % (left, top, right, bottom))
                continue
        texts.append(_detailed(shape, (shape.extras or {}).get("voc") or {}))
    return texts


@cache
def _template(label: str) -> str:
    """An object of nothing but its label and four sides, which are left open."""
    return _object(label.replace("%", "%%"), None, "0", False, "0", (DIGITS,) * 4, "")


def _detailed(shape: Shape, extras: Mapping[str, Any]) -> str:
    rest: dict[str, Any] = dict(shape.attributes)
    actions = [name for name in extras.get("actions", ()) if name in rest and _TAG(name)]
    truncated = _flag("truncated", rest.pop("truncated", None), extras)
    difficult = _flag("difficult", rest.pop("difficult", None), extras)
    posed = rest.pop("pose", None) or extras.get("pose")
    pose = str(posed) if posed else None
    more = "".join(_part_text(part) for part in extras.get("parts", ()))
    if actions:
        rows = (f"      <{name}>{is_true(rest.pop(name)):d}</{name}>\n" for name in actions)
        more += f"    <actions>\n{''.join(rows)}    </actions>\n"
    if shape.type == "mask":
        more += f"    <mask>{shape.instance}</mask>\n"
    if shape.rotation:
        rest = {"rotation": float(shape.rotation), **rest}
    if shape.track_id is not None:
        rest |= {"track_id": shape.track_id, "keyframe": shape.keyframe}
    more += _attributes_text(rest)
    sides = map(_number, _object_box(shape))
    return _object(shape.label, pose, truncated, shape.occluded, difficult, sides, more)


def cvat_object_text(shape: Shape, label: Label) -> str:
    """The ``<object>`` of a rectangle as CVAT writes it."""
    values = datumaro_attributes(shape, label)
    x, y, width, height = box_of(shape)
    pose = str(values["pose"]) if "pose" in values else None
    truncated, occluded, difficult = (as_int(values.get(name)) for name in FLAGS[1:])
    sides = map(str, (x, y, x + width, y + height))
    more = _attributes_text({name: values[name] for name in values if name not in FLAGS})
    return _object(shape.label, pose, str(truncated), occluded, str(difficult), sides, more)


def _object(
    label: str,
    pose: str | None,
    truncated: str,
    occluded: int,
    difficult: str,
    sides: Iterable[str],
    more: str,
) -> str:
    left, top, right, bottom = sides
    posed = "" if pose is None else f"    <pose>{xml_text(pose)}</pose>\n"
    return (
        "  <object>\n"
        f"    <name>{label_text(label)}</name>\n"
        f"{posed}"
        f"    <truncated>{truncated}</truncated>\n"
        f"    <occluded>{occluded:d}</occluded>\n"
        f"    <difficult>{difficult}</difficult>\n"
        "    <bndbox>\n"
        f"      <xmin>{left}</xmin>\n"
        f"      <ymin>{top}</ymin>\n"
        f"      <xmax>{right}</xmax>\n"
        f"      <ymax>{bottom}</ymax>\n"
        "    </bndbox>\n"
        f"{more}"
        "  </object>\n"
    )


def _part_text(part: Mapping[str, Any]) -> str:
    box = ""
    if part["bndbox"]:
        names = ("xmin", "ymin", "xmax", "ymax")
        sides = zip(names, part["bndbox"], strict=True)
        rows = (f"        <{name}>{_number(side)}</{name}>\n" for name, side in sides)
        box = f"      <bndbox>\n{''.join(rows)}      </bndbox>\n"
    return f"    <part>\n      <name>{xml_text(part['name'])}</name>\n{box}    </part>\n"


def _object_box(shape: Shape) -> Sequence[float]:
    """The box a file stated for a mask, else the mask's own; a rectangle's points."""
    if shape.type == "rectangle":
        return shape.points
    return stated_box(shape) or shape_box(shape)


def _number(value: float) -> str:
    """Six decimals at least, where there are as many, and never an exponent."""
    if FINE < abs(value) < COARSE:
        return DIGITS % value
    return f"{value:.6f}".rstrip("0").rstrip(".")


def _attributes_text(values: Mapping[str, Any]) -> str:
    if not values:
        return ""
    rows = (
        "      <attribute>\n"
        f"        <name>{xml_text(name)}</name>\n"
        f"        <value>{xml_text(str(value))}</value>\n"
        "      </attribute>\n"
        for name, value in values.items()
    )
    return f"    <attributes>\n{''.join(rows)}    </attributes>\n"


def _flag(name: str, value: Any, extras: Mapping[str, Any]) -> str:
    """A flag as it was written, unless its attribute says something else now."""
    stated = str(extras.get(name, ""))
    if value is None:
        return xml_text(stated) if stated and not is_true(stated) else "0"
    text = str(value)
    if is_true(text):
        return "1"
    return "0" if text.lower() in ("false", "no", "") else xml_text(text)


def is_true(value: Any) -> bool:
    """Whether the value of a flag or an action says yes."""
    return str(value).lower() in TRUE_WORDS
