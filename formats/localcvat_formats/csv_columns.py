"""Which column of a table holds what: names as they are found in the wild, and known layouts."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

DELIMITERS = ",;\t|"
BOX = ("x1", "y1", "x2", "y2")
RELATIVE = re.compile(r"(^|_)(norm|normalized|normalised|relative|rel|fraction|frac)(_|$)")

NAMES = {
    "path": "path image filename file image_path file_name image_name image_file filepath "
    "file_path img img_path img_name image_id imageid picture photo name_of_image url",
    "label": "label class class_name category labelname label_name category_name classname "
    "object object_class class_id name",
    "subset": "subset split set usage dataset_split",
    "width": "image_width img_width imagewidth image_w img_w im_width",
    "height": "image_height img_height imageheight image_h img_h im_height",
    "x1": "xmin x_min x1 left xtl x_1 bbox_xmin bbox_x1 box_xmin minx min_x x_left",
    "y1": "ymin y_min y1 top ytl y_1 bbox_ymin bbox_y1 box_ymin miny min_y y_top",
    "x2": "xmax x_max x2 right xbr x_2 bbox_xmax bbox_x2 box_xmax maxx max_x x_right",
    "y2": "ymax y_max y2 bottom ybr y_2 bbox_ymax bbox_y2 box_ymax maxy max_y y_bottom",
    "x": "x bbox_x box_x x0",
    "y": "y bbox_y box_y y0",
    "w": "w bbox_w box_w bbox_width box_width",
    "h": "h bbox_h box_h bbox_height box_height",
    "xc": "xc cx x_center xcenter center_x x_centre centre_x bbox_xc",
    "yc": "yc cy y_center ycenter center_y y_centre centre_y bbox_yc",
    "box": "bbox box bounding_box boundingbox",
    "rotation": "rotation angle",
    "occluded": "occluded is_occluded isoccluded",
    "group": "group group_id",
    "z_order": "z_order",
    "score": "score confidence conf probability",
    "track": "track_id",
    "attributes": "attributes",
}
ROLE = {name: role for role, names in NAMES.items() for name in names.split()}


class Columns(msgspec.Struct, frozen=True):
    """Positions of the columns by role; `form` is how a box is given.

    `form`: corners (x1 y1 x2 y2), size (x y w h), centre (xc yc w h), list (one column of x y w h
    in brackets), or none. `relative` is True when the header says that boxes are fractions of the
    image; None leaves it to the values. `others` are columns of no known role, kept as attributes.
    """

    at: dict[str, int]
    form: str
    relative: bool | None
    others: dict[str, int]
    header: bool = True
    layout: str = ""


def delimiter_of(line: str) -> str:
    """The delimiter that occurs most in a line, outside of quotes."""
    bare = re.sub(r'"[^"]*"', "", line)
    return max(DELIMITERS, key=bare.count)


def _key(text: str) -> str:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", text.strip().lstrip("#"))
    return re.sub(r"[\s.\-/]+", "_", spaced).strip("_").lower()


def columns_of(row: Sequence[str]) -> Columns | None:
    """The columns that a first row names or, in a layout without header, holds; None: neither."""
    named = _named(row)
    return named if named is not None else _unnamed(row)


def _named(row: Sequence[str]) -> Columns | None:
    keys = [_key(cell) for cell in row]
    relative = None
    at: dict[str, int] = {}
    others: dict[str, int] = {}
    for position, key in enumerate(keys):
        bare = RELATIVE.sub(r"\1", key).strip("_")
        if bare != key and ROLE.get(bare, "") in (*BOX, "x", "y", "w", "h", "xc", "yc", "box"):
            key, relative = bare, True
        role = ROLE.get(key) or ROLE.get(key.replace("_", ""))
        if role is None or role in at:
            others[row[position].strip()] = position
        else:
            at[role] = position
    _place_sizes(keys, at, others, row)
    form = _form(at)
    if "path" not in at or ("label" not in at and form == "none"):
        return None
    return Columns(at=at, form=form, relative=relative, others=others)


def _place_sizes(
    keys: list[str], at: dict[str, int], others: dict[str, int], row: Sequence[str]
) -> None:
    """`width` and `height` are the image's beside corners or a list, else the box's."""
    corners = all(side in at for side in BOX) or "box" in at
    for name, of_box, of_image in (("width", "w", "width"), ("height", "h", "height")):
        if name not in keys:
            continue
        role = of_image if corners or of_box in at else of_box
        if role not in at:
            at[role] = keys.index(name)
            others.pop(row[keys.index(name)].strip(), None)


def _form(at: dict[str, int]) -> str:
    if all(side in at for side in BOX):
        return "corners"
    if {"w", "h"} <= at.keys():
        if {"xc", "yc"} <= at.keys():
            return "centre"
        if {"x", "y"} <= at.keys():
            return "size"
        if {"x1", "y1"} <= at.keys():
            at["x"], at["y"] = at.pop("x1"), at.pop("y1")
            return "size"
    return "list" if "box" in at else "none"


def _unnamed(row: Sequence[str]) -> Columns | None:
    """Layouts without a header: keras-retinanet's six columns, AutoML's eleven or nine."""
    cells = [cell.strip() for cell in row]
    if len(cells) == 6 and _image_like(cells[0]) and _numbers(cells[1:5]):
        at = dict(zip(("path", *BOX, "label"), range(6), strict=True))
        return Columns(at, "corners", False, {}, header=False, layout="path, x1, y1, x2, y2, label")
    sets = ("train", "validation", "test", "unassigned", "")
    if len(cells) in (9, 11) and cells[0].lower() in sets and _image_like(cells[1]):
        at = {"subset": 0, "path": 1, "label": 2, "x1": 3, "y1": 4, "x2": 7, "y2": 8}
        return Columns(
            at, "corners", True, {}, header=False, layout="AutoML: set, path, label, box"
        )
    return None


def _image_like(text: str) -> bool:
    from localcvat.images import is_image_name

    return is_image_name(text)


def _numbers(cells: Sequence[str]) -> bool:
    """Whether all cells are numbers, or all are empty."""
    if not any(cells):
        return True
    try:
        return all(float(cell) is not None for cell in cells)
    except ValueError:
        return False
