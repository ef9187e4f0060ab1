"""Which files of a task's data are frames, and which are context images of a frame.

Backup specification, section 8: media types go by name; context images lie in ``related_images``
folders or, in 3D tasks, beside their point cloud.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Iterable

import msgspec

from localcvat.images import is_image_name

RELATED_FOLDER = "related_images"
CLOUD_EXTENSIONS = (".pcd", ".bin")
VIDEO_EXTENSIONS = frozenset(
    ".3gp .asf .avi .flv .h264 .hevc .m2ts .m4v .mkv .mov .mp4 .mpeg .mpg .mts .mxf .ogv .ts .vob "
    ".webm .wmv".split()
)
MANIFEST_EXTENSION = ".jsonl"
INDEX_NAME = "index.json"
_MIME = mimetypes.MimeTypes()


def extension(path: str) -> str:
    """The extension in lower case with its dot, "" when there is none."""
    base = path.rpartition("/")[2]
    dot = base.rfind(".")
    return base[dot:].lower() if dot > 0 else ""


def is_image(path: str) -> bool:
    """Whether CVAT takes the file for an image, by its name."""
    kind = _MIME.guess_type("x" + extension(path))[0] or ""
    return is_image_name(path.rpartition("/")[2]) or (
        kind.startswith("image/") and not kind.startswith("image/svg")
    )


def is_video(path: str) -> bool:
    """Whether CVAT takes the file for a video, by its name."""
    kind = _MIME.guess_type("x" + extension(path))[0] or ""
    return extension(path) in VIDEO_EXTENSIONS or kind.startswith("video/")


class MediaFiles(msgspec.Struct, kw_only=True):
    """The files of a task's data by what they are, each list in the given order."""

    images: list[str] = []
    videos: list[str] = []
    clouds: list[str] = []
    related: list[str] = []
    manifests: list[str] = []
    others: list[str] = []


def sort_media(paths: Iterable[str]) -> MediaFiles:
    """Tell frames from context images and other files; point clouds make images context."""
    found = MediaFiles()
    for path in paths:
        if RELATED_FOLDER in path.split("/")[:-1]:
            found.related.append(path)
        elif extension(path) in CLOUD_EXTENSIONS:
            found.clouds.append(path)
        elif extension(path) == MANIFEST_EXTENSION:
            found.manifests.append(path)
        elif is_image(path):
            found.images.append(path)
        elif is_video(path):
            found.videos.append(path)
        else:
            found.others.append(path)
    _settle_clouds(found)
    return found


def _settle_clouds(found: MediaFiles) -> None:
    """KITTI's ``.bin`` are clouds where there is nothing else; clouds make images context."""
    point_clouds = [path for path in found.clouds if extension(path) == ".pcd"]
    if point_clouds or found.images or found.videos:
        found.others += [path for path in found.clouds if extension(path) != ".pcd"]
        found.clouds = point_clouds
    if found.clouds:
        found.related += found.images
        found.images = []


def file_kinds(media: MediaFiles) -> dict[str, str]:
    """The kind that the store keeps for each file; frames and videos are ``media``."""
    kinds = dict.fromkeys((*media.images, *media.videos, *media.clouds), "media")
    kinds.update(dict.fromkeys(media.related, "related"))
    kinds.update(dict.fromkeys(media.manifests, "manifest"))
    kinds.update(dict.fromkeys(media.others, "other"))
    return kinds


def related_of(frames: Iterable[str], related: Iterable[str]) -> dict[str, list[str]]:
    """The context images of each frame that has some, sorted."""
    folders: dict[str, list[str]] = {}
    for path in sorted(related):
        folders.setdefault(path.rpartition("/")[0], []).append(path)
    if not folders:
        return {}
    found = {}
    for frame in frames:
        paths = [path for place in _places(frame) for path in folders.get(place, ())]
        paths = [path for path in paths if _belongs(frame, path)]
        if paths:
            found[frame] = paths
    return found


def _places(frame: str) -> list[str]:
    folder, _, base = frame.rpartition("/")
    tag = base[::-1].replace(".", "_", 1)[::-1]
    if extension(frame) not in CLOUD_EXTENSIONS:
        return [_join(folder, RELATED_FOLDER, tag)]
    above = folder.rpartition("/")[0]
    places = [_join(above, RELATED_FOLDER, tag), _join(folder, RELATED_FOLDER, tag), folder]
    return list(dict.fromkeys(places))


def _join(*parts: str) -> str:
    return "/".join(part for part in parts if part)


def _belongs(frame: str, path: str) -> bool:
    """In a cloud's own folder: images of its name, or all when the folder has its name."""
    folder, _, base = frame.rpartition("/")
    place, _, image = path.rpartition("/")
    if place != folder or RELATED_FOLDER in path.split("/"):
        return True
    stem = base.rpartition(".")[0]
    return folder.rpartition("/")[2] == stem or image.rpartition(".")[0] == stem
