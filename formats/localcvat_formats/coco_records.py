"""Typed records of a COCO file and their decoding; every failure names its JSON path."""

from __future__ import annotations

import math
import mmap
from typing import Any

import msgspec

from localcvat.archive import Source
from localcvat.errors import DatasetError
from localcvat.report import Report
from localcvat_formats.json_files import file_bytes, refuse_changed, uncollected

Id = int | str
Number = int | float
LARGEST_COORDINATE = 1e9
"""Beyond this a coordinate is taken for damage."""
LARGEST_DIAGNOSED = 1 << 28
"""Bytes of a malformed file that are parsed once more, leniently, to name the place."""


ABSENT = msgspec.Raw()
"""The raw value of a field that is not there."""


class ImageRecord(msgspec.Struct, gc=False):
    """An entry of `images`."""

    id: Id
    file_name: str
    width: Number | None = None
    height: Number | None = None


class CategoryRecord(msgspec.Struct, gc=False):
    """An entry of `categories`; the last two are those of keypoint files."""

    id: Id
    name: str | int
    supercategory: str | None = None
    keypoints: list[str] | None = None
    skeleton: list[list[int]] | None = None


class BoxRecord(msgspec.Struct, gc=False):
    """An annotation of which only the box is wanted; anything finer is not decoded."""

    id: Id | None = None
    image_id: Id | None = None
    category_id: Id | None = None
    bbox: list[float] | None = None
    attributes: dict[str, Any] | None = None
    score: float | None = None
    segmentation: msgspec.Raw = ABSENT
    keypoints: msgspec.Raw = ABSENT
    group: int | None = None
    iscrowd: Number | bool | None = None


class SoundRecord(BoxRecord, gc=False):
    """An annotation whose box has its four numbers, as nearly all have."""

    bbox: tuple[float, float, float, float] | None = None  # type: ignore[assignment]


class LineRecord(BoxRecord, gc=False):
    """An annotation whose text may go on as it is."""

    area: Number | None = None

    def is_complete(self) -> bool:
        """Whether nothing would have to be filled in, and no points have to be checked."""
        return (
            self.area is not None
            and self.iscrowd is not None
            and self.bbox is not None
            and self.id is not None
            and self.segmentation is not ABSENT
            and self.keypoints is ABSENT
        )


class AnnotationRecord(msgspec.Struct, gc=False):
    """An entry of `annotations`; the segmentation stays undecoded until its image is reached."""

    id: Id | None = None
    image_id: Id | None = None
    category_id: Id | None = None
    bbox: list[float] | None = None
    attributes: dict[str, Any] | None = None
    score: float | None = None
    segmentation: msgspec.Raw = msgspec.Raw()
    area: Number | None = None
    iscrowd: Number | bool | None = None
    keypoints: list[float] | None = None
    num_keypoints: int | None = None
    group: int | None = None


class ClosedRecord(AnnotationRecord, gc=False, forbid_unknown_fields=True):
    """An annotation that holds nothing but the known keys, its box four numbers."""

    bbox: tuple[float, float, float, float] | None = None  # type: ignore[assignment]


KNOWN_KEYS = frozenset(AnnotationRecord.__struct_fields__)
BOX_DECODER = msgspec.json.Decoder(BoxRecord)
CLOSED_DECODER = msgspec.json.Decoder(ClosedRecord)
ANNOTATION_DECODER = msgspec.json.Decoder(AnnotationRecord)


class BoxFile(msgspec.Struct):
    """A COCO file read for its boxes."""

    images: list[msgspec.Raw]
    annotations: list[SoundRecord] = []
    categories: list[msgspec.Raw] | None = None


class AnyBoxFile(BoxFile):
    """As BoxFile, where a box has another count of numbers."""

    annotations: list[BoxRecord] = []  # type: ignore[assignment]


class ImageOf(msgspec.Struct, gc=False):
    """An annotation of which only the image and the group are known yet."""

    image_id: Id | None = None
    group: int | None = None


class ImagesOf(msgspec.Struct):
    """A COCO file read for which annotation is on which image."""

    annotations: list[ImageOf] = []


class RawFile(msgspec.Struct):
    """A COCO file whose entries are decoded one at a time."""

    images: list[msgspec.Raw]
    annotations: list[msgspec.Raw] = []
    categories: list[msgspec.Raw] | None = None
    info: msgspec.Raw = msgspec.Raw()
    licenses: msgspec.Raw = msgspec.Raw()


class ClosedFile(RawFile):
    """A COCO file whose annotations hold nothing but the known keys."""

    annotations: list[ClosedRecord] = []  # type: ignore[assignment]


class CountedFile(msgspec.Struct):
    """A COCO file of which only the annotations' text is wanted."""

    annotations: list[msgspec.Raw] = []


class CocoFile(msgspec.Struct):
    """A decoded file: `annotations` that are an `ImageOf` are decoded from their text in `raw`.

    None stands for one that was skipped. `annotations_at` is the file they are from when it is
    another one (a list of results). Where `lines` is set, the text of a sound annotation may go to
    another file as it is. `mapped` is the file where it is mapped into memory.
    """

    where: str
    images: list[msgspec.Raw]
    annotations: list[Any]
    categories: list[msgspec.Raw] | None
    info: Any = None
    licenses: Any = None
    raw: list[msgspec.Raw] | None = None
    annotations_at: str = ""
    lines: bool = False
    mapped: mmap.mmap | None = None

    def forget_pages(self) -> None:
        """Give back the memory of a mapped file: what is needed again is read again."""
        if self.mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
            self.mapped.madvise(mmap.MADV_DONTNEED)

    def refuse_changed(self) -> None:
        """Raise DatasetError for a mapped file that was cut off: its lost pages can't be read."""
        if self.mapped is not None:
            refuse_changed(self.mapped, self.where)

    def record(self, position: int, boxes_only: bool) -> Any:
        """The annotation at `position`: a BoxRecord, or a ClosedRecord or AnnotationRecord.

        Raises DatasetError naming its place.
        """
        record = self.annotations[position]
        if type(record) is not ImageOf or self.raw is None:
            return record
        text = self.raw[position]
        try:
            if boxes_only:
                return BOX_DECODER.decode(text)
            try:
                return CLOSED_DECODER.decode(text)
            except msgspec.ValidationError:
                return ANNOTATION_DECODER.decode(text)
        except (ValueError, RecursionError) as error:
            raise entry_error(error, self.where, f"annotations[{position}]") from error

    def place(self, position: int, field: str = "") -> str:
        """How messages call the annotation at `position`."""
        dot = "." if field and not field.startswith("[") else ""
        if self.annotations_at:
            return f"{self.annotations_at}: [{position}]{dot}{field}"
        return f"{self.where}: annotations[{position}]{dot}{field}"


def count_annotations(source: Source, name: str) -> int:
    """How many annotations a COCO file of any task has; 1 when that can't be told."""
    try:
        with file_bytes(source, name) as data:
            return len(msgspec.json.decode(data, type=CountedFile).annotations)
    except (ValueError, DatasetError, RecursionError):
        return 1


@uncollected()
def decode_file(
    data: bytes | mmap.mmap,
    where: str,
    *,
    boxes_only: bool,
    lines: bool,
    skip: bool,
    report: Report,
) -> CocoFile:
    """The file's records; raises DatasetError with the place of the first thing amiss.

    Annotations of lines and those with unknown keys are decoded later, one by one. With `skip`,
    those whose image can't be told are left out and reported.
    """
    mapped = data if isinstance(data, mmap.mmap) else None
    for kind in (BoxFile, AnyBoxFile) if boxes_only else ():
        try:
            boxes: BoxFile = msgspec.json.decode(data, type=kind)
            coco = CocoFile(where, boxes.images, boxes.annotations, boxes.categories)
            coco.mapped = mapped
            return coco
        except (ValueError, RecursionError):
            pass  # decoded again one by one, to skip the bad ones or to name the place
    file: RawFile
    if not lines and not boxes_only:
        try:
            file = msgspec.json.decode(data, type=ClosedFile)
            coco = _coco_file(where, file)
            coco.mapped = mapped
            coco.forget_pages()
            return coco
        except (ValueError, RecursionError):
            pass  # there are other keys to be kept, or something is amiss
    try:
        file = msgspec.json.decode(data, type=RawFile)
    except (ValueError, RecursionError) as error:
        raise located(error, data, where) from error
    coco = _coco_file(where, file)
    coco.annotations = _stubs(data, file.annotations, where, skip, report)
    coco.raw, coco.lines, coco.mapped = file.annotations, lines, mapped
    return coco


def _coco_file(where: str, file: RawFile) -> CocoFile:
    info = _builtins(file.info, where, "info")
    licenses = _builtins(file.licenses, where, "licenses")
    return CocoFile(where, file.images, file.annotations, file.categories, info, licenses)


def _stubs(
    data: bytes | mmap.mmap, texts: list[msgspec.Raw], where: str, skip: bool, report: Report
) -> list[Any]:
    """An ImageOf for each annotation, None for one that is skipped."""
    try:
        return msgspec.json.decode(data, type=ImagesOf).annotations
    except (ValueError, RecursionError):
        pass  # again one by one, to name the place
    decoder = msgspec.json.Decoder(ImageOf)
    stubs: list[Any] = []
    for index, text in enumerate(texts):
        try:
            stubs.append(decoder.decode(text))
        except (ValueError, RecursionError) as error:
            problem = entry_error(error, where, f"annotations[{index}]")
            if not skip:
                raise problem from error
            report.dropped("annotation", problem.what, problem.where)
            stubs.append(None)
    return stubs


def unknown_keys(raw: msgspec.Raw) -> dict[str, Any]:
    """The values of an annotation under keys of none of the records."""
    keys: dict[str, Any] = msgspec.json.decode(raw)
    return {key: value for key, value in keys.items() if key not in KNOWN_KEYS}


def _builtins(raw: msgspec.Raw, where: str, name: str) -> Any:
    try:
        return msgspec.json.decode(raw) if bytes(raw) else None
    except (ValueError, RecursionError) as error:
        raise entry_error(error, where, name) from error


def entry_error(error: Exception, where: str, path: str) -> DatasetError:
    """A decoding error of one entry, with the path inside the file."""
    what, _, inner = str(error).partition(" - at `$")
    return DatasetError(_lower(what), where=f"{where}: {path}{inner.rstrip('`')}")


def located(error: Exception, data: bytes | mmap.mmap, where: str) -> DatasetError:
    """The decoding error of a whole file as one message: a JSON path, or line and byte."""
    text = str(error)
    if isinstance(error, msgspec.ValidationError):
        what, _, path = text.partition(" - at `$")
        path = path.rstrip("`").lstrip(".")
        if "missing required field" in what:
            hint = "a COCO file has images, annotations and categories"
            return DatasetError(_lower(what), where=where, hint=hint)
        if not path:
            return DatasetError(f"not a COCO file: {_lower(what)}", where=where)
        return DatasetError(_lower(what), where=f"{where}: {path}")
    if isinstance(error, RecursionError):
        return DatasetError("nested too deeply", where=where)
    if "truncated" in text:
        line = data[:].count(b"\n") + 1
        return DatasetError(
            f"the file ends in the middle (byte {len(data)})",
            where=f"{where}:{line}",
            hint="is it truncated?",
        )
    path = _not_finite(data) if len(data) <= LARGEST_DIAGNOSED else ""
    if path:
        return DatasetError("NaN or Infinity is not a number", where=f"{where}: {path}")
    position = _byte_position(text)
    line = data[:position].count(b"\n") + 1
    column = position - data[:position].rfind(b"\n")
    return DatasetError(
        f"malformed JSON at column {column} (byte {position})", where=f"{where}:{line}"
    )


def _byte_position(text: str) -> int:
    digits = text.rpartition("(byte ")[2].rstrip(")")
    return int(digits) if digits.isdigit() else 0


def _not_finite(data: bytes | mmap.mmap) -> str:
    """The JSON path of the first NaN or Infinity, or ""."""
    import json

    try:
        document = json.loads(data[:])
    except (ValueError, RecursionError):
        return ""
    try:
        return (_path_of_nan(document) or "").lstrip(".")
    except RecursionError:
        return ""


def _path_of_nan(value: Any) -> str | None:
    """The path below `value` (``.annotations[3].area``), or None."""
    if isinstance(value, float):
        return None if math.isfinite(value) else ""
    steps: Any = ()
    if isinstance(value, dict):
        steps = ((f".{key}", inner) for key, inner in value.items())
    elif isinstance(value, list):
        steps = ((f"[{index}]", inner) for index, inner in enumerate(value))
    for step, inner in steps:
        below = _path_of_nan(inner)
        if below is not None:
            return f"{step}{below}"
    return None


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:].replace("`", "'")
