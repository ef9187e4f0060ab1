"""Labels as project.json and task.json spell them (backup specification, section 4)."""

from __future__ import annotations

from typing import Any

from localcvat.errors import BackupError
from localcvat.model import INPUT_TYPES, AttributeSpec, Label

KEYS = frozenset(("name", "color", "attributes", "type", "svg", "sublabels", "parent_id"))
MAX_NAME = 64
MAX_COLOR = 8


def read_label_list(value: Any, where: str) -> list[Label]:
    """The labels of a record; raises BackupError for what CVAT's restore refuses."""
    if not isinstance(value, list):
        raise BackupError("a list of labels is required", where=where)
    labels = [_label(item, f"{where}[{index}]") for index, item in enumerate(value)]
    names = [label.name for label in labels]
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise BackupError("All label names must be unique", where=f"{where}: {twice!r}")
    return labels


def _label(value: Any, where: str) -> Label:
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        raise BackupError("a label needs a name", where=where)
    unknown = sorted(value.keys() - KEYS)
    if unknown:
        raise BackupError(
            f"a label has the unknown key {unknown[0]!r}",
            where=where,
            hint="CVAT refuses it too; remove the key",
        )
    color = value.get("color", "")
    if not isinstance(color, str) or len(color) > MAX_COLOR:
        raise BackupError("a colour of at most 8 characters is required", where=f"{where}.color")
    return Label(
        name=value["name"],
        color=color,
        type=str(value.get("type") or "any"),
        svg=value.get("svg") or "",
        attributes=_attributes(value.get("attributes", []), f"{where}.attributes"),
        sublabels=read_label_list(value.get("sublabels", []), f"{where}.sublabels"),
    )


def _attributes(value: Any, where: str) -> list[AttributeSpec]:
    if not isinstance(value, list):
        raise BackupError("a list of attributes is required", where=where)
    specs = [_attribute(item, f"{where}[{index}]") for index, item in enumerate(value)]
    names = [spec.name for spec in specs]
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise BackupError(f"Duplicate attribute with name '{twice}' exists", where=where)
    return specs


def _attribute(value: Any, where: str) -> AttributeSpec:
    for key in ("name", "mutable", "input_type", "values"):
        if not isinstance(value, dict) or value.get(key) is None:
            raise BackupError("This field is required.", where=f"{where}.{key}")
    if not isinstance(value["mutable"], bool):
        raise BackupError("Must be a valid boolean.", where=f"{where}.mutable")
    if value.get("default_value", "") is None:
        raise BackupError("This field may not be null.", where=f"{where}.default_value")
    name, input_type, values = str(value["name"]), value["input_type"], value["values"]
    if not name.strip() or len(name) > MAX_NAME:
        raise BackupError("a name of 1 to 64 characters is required", where=f"{where}.name")
    if input_type not in INPUT_TYPES:
        raise BackupError(f'"{input_type}" is not a valid choice.', where=f"{where}.input_type")
    if not isinstance(values, list):
        raise BackupError("a list of values is required", where=f"{where}.values")
    return AttributeSpec(
        name=name,
        mutable=bool(value["mutable"]),
        input_type=input_type,
        default_value=str(value.get("default_value", "")),
        # CVAT keeps the values as lines of one text.
        values="\n".join(map(str, values)).split("\n"),
    )


def refuse_long_names(labels: list[Label], where: str) -> None:
    """Raise BackupError for names that CVAT would cut or refuse."""
    for label in labels:
        for name in (label.name, *(spec.name for spec in label.attributes)):
            if len(name) > MAX_NAME:
                raise BackupError(
                    f"CVAT takes names of at most {MAX_NAME} characters, {name!r} has {len(name)}",
                    where=where,
                    hint="rename it before the backup",
                )
        refuse_long_names(label.sublabels, where)


def label_record(label: Label, sublabel: bool = False) -> dict[str, Any]:
    """A label as CVAT writes it into a backup."""
    record: dict[str, Any] = {
        "name": label.name,
        "color": label.color,
        "attributes": [_spec_record(spec) for spec in label.attributes],
        "type": label.type,
    }
    if not sublabel:
        record["sublabels"] = [label_record(each, True) for each in label.sublabels]
        if label.type == "skeleton":
            record["svg"] = label.svg
    return record


def _spec_record(spec: AttributeSpec) -> dict[str, Any]:
    return {
        "name": spec.name,
        "mutable": spec.mutable,
        "input_type": spec.input_type,
        "default_value": spec.default_value,
        "values": spec.values or [""],
    }
