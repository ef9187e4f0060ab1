"""What tasks and jobs share: annotations and frames."""

from __future__ import annotations

import io
from collections.abc import Collection, Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from localcvat.annotations import Action, Scope
from localcvat.entities.base import Entity, PathLike
from localcvat.report import Report

if TYPE_CHECKING:
    from localcvat.frames import DataMeta, FrameInfo, Quality


class AnnotationUpdateAction(Enum):
    """What `update_annotations` does with the given annotations."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


class Annotated(Entity):
    """What tasks and jobs share: annotations and frames."""

    @property
    def _scope(self) -> Scope:
        raise NotImplementedError

    def set_annotations(self, data: Any) -> None:
        """Replace all annotations.

        `data` is `model.Annotations`, or as cvat-sdk's ``LabeledDataRequest``: an object or mapping
        of tags, shapes and tracks with ``label_id`` (or ``label``, a name). Raises ValidationError.
        """
        from localcvat.annotations import set_annotations

        set_annotations(self._store, self._scope, data)

    def update_annotations(
        self, data: Any, *, action: AnnotationUpdateAction | str = AnnotationUpdateAction.UPDATE
    ) -> None:
        """Create, update or delete some annotations; the latter two go by their ids."""
        from localcvat.annotations import update_annotations

        word = action.value if isinstance(action, AnnotationUpdateAction) else action
        update_annotations(self._store, self._scope, data, cast(Action, word))

    def remove_annotations(self, *, ids: Collection[int] | None = None) -> None:
        """Remove all annotations, or those with these ids."""
        from localcvat.annotations import remove_annotations

        remove_annotations(self._store, self._scope, ids)

    def import_annotations(
        self,
        format_name: str | None,
        filename: PathLike,
        *,
        mode: Literal["replace", "append", "merge"] = "replace",
        strict: bool = False,
        **options: Any,
    ) -> Report:
        """Read annotations, images matched by name; returns the loss report.

        `format_name` None detects the format. `options` are those of `exchange.import_into_task`:
        iou, dry_run, on_error, image_size, transforms, progress.
        """
        return self._import(format_name, filename, mode=mode, strict=strict, **options)

    def get_frame(self, frame_id: int, *, quality: Quality = "original") -> io.BytesIO:
        """The picture of a frame (task-relative number): its file, or a ``compressed`` JPEG."""
        from localcvat.frames import frame_bytes

        return io.BytesIO(frame_bytes(self._store, self._task_id, frame_id, quality))

    @property
    def _task_id(self) -> int:
        return self.id

    def download_frames(
        self,
        frame_ids: Sequence[int],
        *,
        outdir: PathLike = ".",
        quality: Quality = "original",
        filename_pattern: str = "frame_{frame_id:06d}{frame_ext}",
    ) -> list[Path]:
        """Write the pictures of frames into a folder; returns their paths."""
        from localcvat.frames import write_frames

        return write_frames(
            self._store, self._task_id, frame_ids, Path(outdir), quality, filename_pattern
        )

    def get_meta(self) -> DataMeta:
        """What is known of the data: frames with sizes, range, deleted frames."""
        raise NotImplementedError

    def get_frames_info(self) -> list[FrameInfo]:
        """Name and size of each frame."""
        return self.get_meta().frames

    def remove_frames_by_ids(self, ids: Sequence[int]) -> None:
        """Mark frames (task-relative numbers) as deleted."""
        from localcvat.frames import delete_frames

        delete_frames(self._store, self._task_id, ids)
