"""The pictures of a video's frames, by the optional decoder PyAV, as media like any other."""

from __future__ import annotations

import importlib.util
import io
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

from localcvat.errors import MissingExtraError, NotFoundError, SourceError

if TYPE_CHECKING:
    from PIL import Image


def has_decoder() -> bool:
    """Whether PyAV is installed."""
    return importlib.util.find_spec("av") is not None


class VideoFrames:
    """One video, decoded forwards; asking for an earlier frame starts again."""

    def __init__(self, path: str | os.PathLike[str], name: str) -> None:
        self._path = os.fspath(path)
        self._name = name
        self._next = 0
        self._frames: Iterator[Any] | None = None
        self._last: tuple[int, Image.Image] | None = None

    def image(self, number: int) -> Image.Image:
        """Frame `number` of the file, from 0, as displayed.

        Raises MissingExtraError without PyAV, SourceError for no video, NotFoundError past its end.
        """
        if self._last is not None and self._last[0] == number:
            return self._last[1]
        if self._frames is None or number < self._next:
            self._frames, self._next = self._decoded(), 0
        for frame in self._frames:
            self._next += 1
            if self._next > number:
                turn = int(getattr(frame, "rotation", 0) or 0)
                picture: Image.Image = frame.to_image()
                # Writers ask for a frame's length, then for its bytes.
                self._last = number, picture.rotate(turn, expand=True) if turn else picture
                return self._last[1]
        self._frames = None
        raise NotFoundError(f"the video has no frame {number}", where=self._name)

    def _decoded(self) -> Iterator[Any]:
        try:
            import av
        except ImportError as error:
            raise MissingExtraError(
                "the frames of a video need a decoder",
                where=self._name,
                hint="pip install 'localcvat[video]'",
            ) from error
        try:
            with av.open(self._path) as container:
                yield from container.decode(container.streams.video[0])
        except Exception as error:  # PyAV raises many kinds on damaged files
            reason = getattr(error, "strerror", None) or error
            raise SourceError(f"not a readable video: {reason}", where=self._name) from error

    def frame(self, number: int, name: str) -> VideoFrame:
        """A frame as media called `name`; nothing is decoded before it is opened."""
        return VideoFrame(self, number, name)


class VideoFrame:
    """A frame of a video as a PNG file."""

    path: str | None = None

    def __init__(self, frames: VideoFrames, number: int, name: str) -> None:
        self._frames = frames
        self._number = number
        self.name = name.rpartition("/")[2]

    def open(self) -> BinaryIO:
        """The picture as a PNG."""
        buffer = io.BytesIO()
        self._frames.image(self._number).save(buffer, "PNG", compress_level=1)
        buffer.seek(0)
        return buffer

    def byte_size(self) -> int:
        """Length of the PNG."""
        with self.open() as stream:
            return len(stream.read())

    def image_size(self) -> tuple[int, int]:
        """(width, height) in pixels as displayed."""
        size: tuple[int, int] = self._frames.image(self._number).size
        return size
