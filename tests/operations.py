"""Operations on a place (a folder with a store and room for outputs), and whether they happened."""

from __future__ import annotations

import json
import shutil
import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path

import msgspec

from commands import COCO_TINY, FIXTURES
from damage import damage
from localcvat.backup.restore import restore_project
from localcvat.backup.write import write_project_backup
from localcvat.checksums import verify_sums, write_sums
from localcvat.convert import ConvertOptions, convert
from localcvat.exchange import (
    export_from_project,
    export_from_task,
    import_into_project,
    import_into_task,
)
from localcvat.listing import ListQuery
from localcvat.projects import create_project, delete_projects, list_projects
from localcvat.requests import list_requests
from localcvat.store.check import check_store
from localcvat.store.engine import DATABASE, SCHEMA_VERSION, Store, raw
from localcvat.store.repair import repair_store
from localcvat.store.snapshot import write_snapshot
from localcvat.transfers import export_backup
from localcvat.trash import empty_trash

BACKUP = FIXTURES / "cvat-made" / "rich" / "project_2_backup.zip"
MANY_IMAGES = 2_600
"""So many that a second process writes some of their files."""


class Operation(msgspec.Struct, kw_only=True):
    """`run` does it to a place that `prepare` has made ready; `happened` says if it is done.

    Done twice it is done once if `repeatable`; its outputs are equal byte for byte if `exact`.
    What it is done to is damaged if it `mends`.
    """

    run: Callable[[Path], object]
    happened: Callable[[Path], bool]
    prepare: Callable[[Path], object] = lambda place: None
    repeatable: bool = False
    exact: bool = True
    mends: bool = False


def opened(place: Path) -> Store:
    return Store.open(place / "store")


def counts(place: Path) -> dict[str, int]:
    """The number of rows of every table but that of requests, which also failed ones stay in."""
    with opened(place) as store, store.read() as session:
        connection = raw(session)
        names = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name != 'request'"
        )
        return {
            name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]
            for (name,) in names.fetchall()
        }


def imported(place: Path) -> None:
    with opened(place) as store:
        import_into_project(store, 1, COCO_TINY)


def imported_without_media(place: Path) -> None:
    with opened(place) as store:
        import_into_project(store, 1, COCO_TINY, media="none")


def annotated(place: Path) -> None:
    with opened(place) as store:
        import_into_task(store, 1, place / "annotations.zip")


def without_annotations(place: Path) -> None:
    imported(place)
    with opened(place) as store:
        export_from_task(store, 1, place / "annotations.zip", "datumaro")
    damage(place / "store", "DELETE FROM shape")


def exported(place: Path) -> None:
    with opened(place) as store:
        options = ConvertOptions(with_images=True)
        export_from_project(store, 1, place / "out.zip", "coco", options)


def exported_to_a_folder(place: Path) -> None:
    with opened(place) as store:
        export_from_project(store, 1, place / "out", "yolo", ConvertOptions(with_images=True))


def kept_as_a_result(place: Path) -> None:
    with opened(place) as store:
        export_backup(store, "project", 1)


def backed_up(place: Path) -> None:
    with opened(place) as store:
        write_project_backup(store, 1, place / "out.zip")


def restored(place: Path) -> None:
    with opened(place) as store:
        restore_project(store, BACKUP)


def deleted(place: Path) -> None:
    with opened(place) as store:
        delete_projects(store, [1])


def freed(place: Path) -> None:
    with opened(place) as store:
        empty_trash(store)


def converted(place: Path) -> None:
    convert(COCO_TINY, place / "out", "voc", with_images=True)


def converted_by_two_processes(place: Path) -> None:
    convert(place / "many.json", place / "out", "yolo", jobs=2)


def copied(place: Path) -> None:
    with opened(place) as store:
        write_snapshot(store, place / "out.db")


def copied_with_media(place: Path) -> None:
    with opened(place) as store:
        write_snapshot(store, place / "out.zip")


def mended(place: Path) -> None:
    with opened(place) as store:
        repair_store(store)


def summed(place: Path) -> None:
    write_sums(BACKUP, place / "out.sha256")


def older(place: Path) -> None:
    shutil.rmtree(place / "store")
    shutil.copytree(FIXTURES / "store-schema-1", place / "store")


def hurt(place: Path) -> None:
    imported(place)
    stray = place / "store" / "media" / "ab" / ("c" * 62)
    stray.parent.mkdir(exist_ok=True)
    stray.write_bytes(b"nobody's")
    damage(place / "store", "DROP INDEX shape_job", "DELETE FROM label WHERE id = 1")


def many_images(place: Path) -> None:
    images = [
        {"id": number, "file_name": f"{number}.jpg", "width": 64, "height": 48}
        for number in range(1, MANY_IMAGES + 1)
    ]
    box = {"category_id": 1, "bbox": [1, 2, 30, 20], "area": 600, "iscrowd": 0}
    boxes = [{"id": image["id"], "image_id": image["id"], **box} for image in images]
    body = {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "car"}]}
    (place / "many.json").write_text(json.dumps(body))


def has_project(place: Path) -> bool:
    with opened(place) as store:
        return list_projects(store, ListQuery()).count == 1


def has_a_result(place: Path) -> bool:
    with opened(place) as store:
        return any(request.status == "finished" for request in list_requests(store).results)


def is_mended(place: Path) -> bool:
    with opened(place) as store:
        return not any(problem.repair for problem in check_store(store))


def is_migrated(place: Path) -> bool:
    """The copy holds the old schema, the store the newest."""
    copies = sorted((place / "store").glob(f"{DATABASE}.schema-*.bak"))
    versions = [
        sqlite3.connect(path).execute("PRAGMA user_version").fetchone()[0]
        for path in (*copies, place / "store" / DATABASE)
    ]
    return versions == [1, SCHEMA_VERSION]


def zip_is_whole(place: Path) -> bool:
    if not (place / "out.zip").exists():
        return False
    with zipfile.ZipFile(place / "out.zip") as archive:
        assert archive.testzip() is None
    return True


def copy_is_whole(place: Path) -> bool:
    if not (place / "out.db").exists():
        return False
    copy = sqlite3.connect(place / "out.db")
    assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    return bool(copy.execute("SELECT count(*) FROM shape").fetchone()[0])


def sums_are_whole(place: Path) -> bool:
    return (place / "out.sha256").exists() and verify_sums(BACKUP, place / "out.sha256") == []


def there(name: str) -> Callable[[Path], bool]:
    return lambda place: (place / name).exists()


def has(table: str, number: int) -> Callable[[Path], bool]:
    return lambda place: counts(place)[table] == number


OPERATIONS = {
    "import": Operation(run=imported, happened=has("task", 2)),
    "import without media": Operation(run=imported_without_media, happened=has("task", 2)),
    "import of annotations": Operation(
        run=annotated,
        happened=lambda place: counts(place)["shape"] > 0,
        prepare=without_annotations,
    ),
    "export": Operation(run=exported, happened=zip_is_whole, prepare=imported),
    "export to a folder": Operation(
        run=exported_to_a_folder, happened=there("out/obj.data"), prepare=imported
    ),
    "export to the store": Operation(run=kept_as_a_result, happened=has_a_result, prepare=imported),
    "convert": Operation(run=converted, happened=there("out/labelmap.txt")),
    "convert by two processes": Operation(
        run=converted_by_two_processes, happened=there("out/obj.data"), prepare=many_images
    ),
    "backup": Operation(run=backed_up, happened=zip_is_whole, prepare=imported),
    "restore": Operation(run=restored, happened=has("project", 2)),
    "delete": Operation(
        run=deleted, happened=lambda place: not has_project(place), prepare=imported
    ),
    # Its rows go at once; files are freed one by one.
    "gc": Operation(
        run=freed,
        happened=has("project", 0),
        prepare=lambda place: (imported(place), deleted(place)),
        repeatable=True,
    ),
    "migration": Operation(
        run=lambda place: opened(place).close(), happened=is_migrated, prepare=older
    ),
    "snapshot": Operation(run=copied, happened=copy_is_whole, prepare=imported, exact=False),
    "snapshot with media": Operation(
        run=copied_with_media, happened=zip_is_whole, prepare=imported, exact=False
    ),
    "repair": Operation(run=mended, happened=is_mended, prepare=hurt, repeatable=True, mends=True),
    "sums": Operation(run=summed, happened=sums_are_whole),
}


def ready_place(place: Path, operation: Operation) -> Path:
    """A new place, made ready for an operation."""
    place.mkdir(parents=True)
    with Store.create(place / "store") as store:
        create_project(store, "Streets")
    operation.prepare(place)
    return place
