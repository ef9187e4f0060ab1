"""The options shared by conversions, imports and exports, as one decorator."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import click

from localcvat.errors import LocalCvatError, UsageError

Command = TypeVar("Command", bound=Callable[..., Any])

OPTIONS = (
    click.option(
        "--labels-map",
        metavar="OLD=NEW,…|FILE",
        help="Rename labels; two onto one name merge. A file has a JSON object or a line each.",
    ),
    click.option("--drop-labels", metavar="NAME,…", help="Leave these labels out."),
    click.option("--only-labels", metavar="NAME,…", help="Keep these labels only."),
    click.option(
        "--subset",
        "subsets",
        metavar="NAME[=NEW],…",
        multiple=True,
        help="Keep the subsets named alone, rename those with =; may be repeated.",
    ),
    click.option("--boxes-from-masks", is_flag=True, help="Make masks the boxes around them."),
    click.option("--masks-to-polygons", is_flag=True, help="Make masks polygons."),
    click.option("--polygons-to-masks", is_flag=True, help="Make polygons masks."),
    click.option(
        "--merge-tracks",
        type=float,
        metavar="IOU",
        help="Join tracks of one label that cover each other by this much, or follow each other.",
    ),
    click.option("--shapes-to-boxes", is_flag=True, help="Make all shapes the boxes around them."),
    click.option(
        "--crop-covered",
        is_flag=True,
        help="Cut away what of polygons and masks is covered by those above them.",
    ),
    click.option(
        "--resize", metavar="WxH", help="Give all images this size, and scale what is on them."
    ),
    click.option(
        "--where",
        "--filter",
        "where",
        default="",
        metavar="CONDITION",
        help="Keep annotations that meet it: label == 'car' and area > 100.",
    ),
    click.option("--flatten-tracks", is_flag=True, help="Make tracks single shapes."),
    click.option("--rename-duplicates", is_flag=True, help="Rename images of the same name."),
    click.option("--only-annotated", is_flag=True, help="Leave out images without annotations."),
    click.option("--clip", is_flag=True, help="Cut shapes to their image."),
)
FLAGS = (
    *("boxes_from_masks", "masks_to_polygons", "polygons_to_masks", "flatten_tracks"),
    *("rename_duplicates", "only_annotated", "clip", "shapes_to_boxes", "crop_covered"),
)


def transform_options(command: Command) -> Command:
    """Add the shared options to a command; it gets them as one argument, `transforms`."""

    @functools.wraps(command)
    def with_transforms(*args: Any, **kwargs: Any) -> Any:
        from localcvat.transforms import Transforms

        subsets, only = parse_subsets(kwargs.pop("subsets"))
        kwargs["transforms"] = Transforms(
            labels_map=parse_map(kwargs.pop("labels_map")),
            drop_labels=parse_names(kwargs.pop("drop_labels")),
            only_labels=parse_names(kwargs.pop("only_labels")),
            subsets=subsets,
            only_subsets=only,
            merge_tracks=kwargs.pop("merge_tracks"),
            resize=parse_size(kwargs.pop("resize")),
            where=kwargs.pop("where"),
            **{flag: kwargs.pop(flag) for flag in FLAGS},
        )
        return command(*args, **kwargs)

    decorated: Any = with_transforms
    for option in reversed(OPTIONS):
        decorated = option(decorated)
    result: Command = decorated
    return result


def parse_size(text: str | None) -> tuple[int, int] | None:
    """``640x480`` as (640, 480); raises UsageError."""
    if text is None:
        return None
    width, _, height = text.lower().partition("x")
    if not (width.isdigit() and height.isdigit() and int(width) and int(height)):
        raise UsageError(f"{text!r} is not a size", hint="for instance 640x480")
    return int(width), int(height)


def parse_names(text: str | None) -> tuple[str, ...]:
    """Names between commas, blanks around them cut."""
    return tuple(name.strip() for name in (text or "").split(",") if name.strip())


def parse_subsets(texts: tuple[str, ...]) -> tuple[dict[str, str], bool]:
    """(new name of each subset, whether others are left out: as soon as one is named alone)."""
    subsets: dict[str, str] = {}
    only = False
    for name in (name for text in texts for name in parse_names(text)):
        old, equals, new = (part.strip() for part in name.partition("="))
        if not old or (equals and not new):
            raise UsageError(f"--subset: {name!r} is neither NAME nor OLD=NEW")
        subsets[old] = new or old
        only = only or not equals
    return subsets, only


def parse_map(text: str | None) -> dict[str, str]:
    """``old=new,…``, or a file of it: a JSON object, or a line each; raises UsageError."""
    if not text:
        return {}
    from pathlib import Path

    if "=" in text and not Path(text).is_file():
        return dict(_pair(part, "--labels-map") for part in text.split(",") if part.strip())
    return _map_file(text)


def _map_file(path: str) -> dict[str, str]:
    import msgspec

    from localcvat.text import decode

    try:
        with open(path, "rb") as stream:
            text = decode(stream.read(), path)
    except OSError as error:
        hint = "--labels-map takes old=new,… or a file"
        raise LocalCvatError(error.strerror or str(error), where=path, hint=hint) from error
    if text.lstrip().startswith("{"):
        try:
            return msgspec.json.decode(text.encode(), type=dict[str, str])
        except ValueError as error:
            raise UsageError(f"not a JSON object of names: {error}", where=path) from error
    lines = enumerate(text.splitlines(), 1)
    return dict(
        _pair(line, f"{path}:{number}")
        for number, line in lines
        if line.strip() and not line.startswith("#")
    )


def _pair(text: str, where: str) -> tuple[str, str]:
    old, equals, new = (part.strip() for part in text.partition("="))
    if not (old and equals and new):
        raise UsageError(f"{text.strip()!r} is not old=new", where=where)
    return old, new
