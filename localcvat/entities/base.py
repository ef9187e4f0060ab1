"""What projects, tasks and jobs share."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import msgspec

from localcvat import transfers
from localcvat.listing import ListQuery
from localcvat.report import Report
from localcvat.requests import Request
from localcvat.transfers import Place, Target

if TYPE_CHECKING:
    from localcvat.store.engine import Store

PathLike = str | os.PathLike[str]
ItemProgress = Callable[[int], None] | None
E = TypeVar("E", bound="Entity")


def body_of(spec: Any) -> dict[str, Any]:
    """A specification as a plain mapping: a mapping, a struct, or a model of cvat-sdk."""
    if isinstance(spec, Mapping):
        return dict(spec)
    if isinstance(spec, msgspec.Struct):
        return msgspec.structs.asdict(spec)
    if hasattr(spec, "to_dict"):
        return dict(spec.to_dict())
    raise TypeError(f"a mapping is needed, not {type(spec).__name__}")


def report_of(request: Request) -> Report:
    """The loss report that a request keeps."""
    return Report.from_dict(request.report or {})


def all_of(*, sort: str = "", **where: Any) -> ListQuery:
    """The query of a whole list."""
    return ListQuery(where=where, sort=sort, page_size=None)


class Entity:
    """What projects, tasks and jobs share."""

    id: int
    _noun: ClassVar[Target]

    def __init__(self, store: Store, value: Any) -> None:
        self._store = store
        self._value = value

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name in ("_value", "_store"):
            raise AttributeError(name)
        return getattr(self._value, name)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: id={self.id}>"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.id == other.id

    def __hash__(self) -> int:
        return hash((self._noun, self.id))

    @property
    def value(self) -> Any:
        """What the service gave: the fields as one value."""
        return self._value

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain values."""
        fields: dict[str, Any] = msgspec.to_builtins(self._value)
        return fields

    def _read(self) -> Any:
        raise NotImplementedError

    def fetch(self: E) -> E:
        """Read the fields again; raises NotFoundError when it is gone."""
        self._value = self._read()
        return self

    def get_preview(self) -> io.BytesIO:
        """A picture inside 256×256 pixels, of the frame that CVAT takes."""
        from localcvat.preview import preview

        return io.BytesIO(preview(self._store, self._noun, self.id))

    def _import(self, format_name: str | None, filename: PathLike, **options: Any) -> Report:
        request = transfers.import_dataset(
            self._store, self._noun, self.id, Place(path=filename), format_name, **options
        )
        self.fetch()
        return report_of(request)

    def export_dataset(
        self,
        format_name: str,
        filename: PathLike,
        *,
        include_images: bool = True,
        **options: Any,
    ) -> Report:
        """Write a dataset, a zip if `filename` ends so, else a folder; returns the loss report.

        `options` are those of `convert.ConvertOptions`: strict, overwrite, transforms, progress, …
        Raises LossError in strict mode if anything would be lost.
        """
        from localcvat.convert import ConvertOptions

        chosen = ConvertOptions(with_images=include_images, **options)
        return report_of(
            transfers.export_dataset(
                self._store,
                self._noun,
                self.id,
                format_name,
                Place(path=filename, overwrite=chosen.overwrite),
                chosen,
            )
        )


class BackedUp(Entity):
    """What projects and tasks share: backups."""

    def download_backup(
        self,
        filename: PathLike,
        *,
        lightweight: bool = False,
        overwrite: bool = False,
        progress: ItemProgress = None,
    ) -> Report:
        """Write a backup zip that a real CVAT restores; returns the report.

        `lightweight` leaves the media out.
        """
        return report_of(
            transfers.export_backup(
                self._store,
                "project" if self._noun == "project" else "task",
                self.id,
                Place(path=filename, overwrite=overwrite),
                lightweight=lightweight,
                progress=progress,
            )
        )
