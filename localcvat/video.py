"""The frames of a video file, by the optional decoder PyAV."""

from __future__ import annotations

import os

import msgspec

from localcvat.errors import MissingExtraError, SourceError


class VideoInfo(msgspec.Struct, kw_only=True):
    """`frames` is their number; width and height are pixels as displayed."""

    frames: int
    width: int
    height: int


def read_video_info(path: str | os.PathLike[str], name: str) -> VideoInfo:
    """Count the frames of a video, `name` being what messages call it.

    Raises MissingExtraError without PyAV, SourceError when the file is no video.
    """
    try:
        import av
    except ImportError as error:
        raise MissingExtraError(
            "the number of frames of a video without a manifest is found by decoding it",
            where=name,
            hint="pip install 'localcvat[video]', or put a manifest.jsonl beside the video",
        ) from error
    try:
        with av.open(os.fspath(path)) as container:
            stream = container.streams.video[0]
            frames, width, height, rotation = 0, 0, 0, 0
            for frame in container.decode(stream):
                if not frames:
                    width, height = frame.width, frame.height
                    rotation = int(getattr(frame, "rotation", 0) or 0)
                frames += 1
    except Exception as error:  # PyAV raises many kinds on damaged files
        reason = getattr(error, "strerror", None) or error
        raise SourceError(f"not a readable video: {reason}", where=name) from error
    if not frames:
        raise SourceError("the video has no frames", where=name)
    if rotation % 180:
        width, height = height, width
    return VideoInfo(frames=frames, width=width, height=height)
