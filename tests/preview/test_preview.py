"""Previews: which frame, how large, turned as displayed, and annotations where they belong."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops

from corpus import CVAT_MADE
from localcvat import Client
from localcvat.errors import NotFoundError, SourceError, UsageError
from localcvat.jobs import create_ground_truth_job
from localcvat.labels import skeleton_svg
from localcvat.model import Annotations, Label, Shape, Tag, Track, TrackedShape
from localcvat.preview import preview, write_preview

RED, BLUE, GREEN = "#ff0000", "#0000ff", "#00ff00"
JOINTS = ["head", "hand", "foot"]


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    with Client(tmp_path / "store") as opened:
        yield opened


def photo(folder: Path, name: str, color: Any, size: tuple[int, int] = (400, 300)) -> Path:
    """A picture of one colour."""
    folder.mkdir(exist_ok=True)
    Image.new("RGB", size, color).save(folder / name)
    return folder / name


def image(data: bytes) -> Image.Image:
    """Encoded bytes as a picture."""
    return Image.open(io.BytesIO(data)).convert("RGB")


def near(pixel: Any, color: tuple[int, int, int], slack: int = 12) -> bool:
    """Whether a pixel has this colour, but for what JPEG does."""
    return all(abs(a - b) <= slack for a, b in zip(pixel, color, strict=True))


def drawn(client: Client, task: Any) -> Image.Image:
    """The task's first frame with its annotations."""
    return image(preview(client.store, "task", task.id, annotations=True, kind="PNG"))


@pytest.fixture
def task(client: Client, tmp_path: Path) -> Any:
    black = photo(tmp_path / "photos", "a.png", "black")
    labels = [
        Label(name="box", color=RED),
        Label(name="area", color=BLUE),
        Label(
            name="pose",
            color=GREEN,
            type="skeleton",
            sublabels=[Label(name=name, type="points") for name in JOINTS],
            svg=skeleton_svg(JOINTS, [(1, 2)]),
        ),
    ]
    return client.tasks.create_from_data("t", [black], labels=labels)


def test_a_project_shows_its_newest_task(client: Client, tmp_path: Path) -> None:
    project = client.projects.create("p", labels=["a"])
    with pytest.raises(NotFoundError, match="Project image preview not found"):
        project.get_preview()
    for name, color in (("old.png", "red"), ("new.png", "blue")):
        path = photo(tmp_path / name[:3], name, color)
        client.tasks.create_from_data({"name": name, "project_id": project.id}, [path])
    assert near(image(project.get_preview().read()).getpixel((50, 50)), (0, 0, 255))
    client.tasks.list()[0].remove()
    assert near(image(project.get_preview().read()).getpixel((50, 50)), (255, 0, 0))


def test_tasks_and_jobs_show_their_first_frame_deleted_or_not(
    client: Client, tmp_path: Path
) -> None:
    colors = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0)]
    for number, color in enumerate(colors):
        photo(tmp_path / "many", f"{number}.png", color)
    spec = {"name": "t", "labels": ["a"], "segment_size": 2}
    task = client.tasks.create_from_data(spec, [tmp_path / "many"])
    task.remove_frames_by_ids([0])
    truth = create_ground_truth_job(client.store, task.id, [3, 1])
    jobs = [*task.get_jobs()]
    shown = [image(one.get_preview().read()).getpixel((9, 9)) for one in (task, *jobs)]
    expected = [colors[0], colors[0], colors[2], colors[1]]
    assert jobs[2].id == truth
    assert all(near(pixel, color) for pixel, color in zip(shown, expected, strict=True)), shown


def test_the_plain_preview_fits_a_box_of_256(client: Client, tmp_path: Path) -> None:
    for size, expected in (((400, 300), (256, 192)), ((100, 50), (100, 50)), ((30, 900), (9, 256))):
        path = photo(tmp_path / f"{size[0]}", "a.png", "red", size)
        task = client.tasks.create_from_data("t", [path], labels=["a"])
        assert image(task.get_preview().read()).size == expected


@pytest.mark.parametrize("orientation", range(1, 9))
def test_photos_are_turned_as_their_exif_says(
    client: Client, tmp_path: Path, orientation: int
) -> None:
    plain = Image.new("RGB", (60, 40), "white")
    plain.paste((255, 0, 0), (0, 0, 20, 10))
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Pillow's names of the inverse turns
    stored = plain if orientation == 1 else plain.transpose(Image.Transpose(undo[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "a.jpg", exif=exif, quality=100, subsampling=0)
    task = client.tasks.create_from_data("t", [tmp_path / "a.jpg"], labels=["a"])
    assert (task.get_frames_info()[0].width, task.get_frames_info()[0].height) == (60, 40)
    shown = image(task.get_preview().read())
    assert shown.size == (60, 40)
    assert near(shown.getpixel((5, 4)), (255, 0, 0), 40)
    assert near(shown.getpixel((50, 30)), (255, 255, 255), 40)


def test_shapes_are_drawn_in_the_colour_of_their_label(client: Client, task: Any) -> None:
    box = Shape(type="rectangle", label="box", points=[50, 50, 150, 100])
    turned = Shape(type="rectangle", label="area", points=[250, 50, 350, 70], rotation=90)
    task.set_annotations(Annotations(shapes=[box, turned]))
    picture = drawn(client, task)
    assert picture.size == (400, 300)
    assert picture.getpixel((50, 80)) == (255, 0, 0)
    inside = picture.getpixel((100, 90))
    assert 20 < inside[0] < 120
    assert inside[1:] == (0, 0)
    assert picture.getpixel((30, 150)) == (0, 0, 0)
    assert picture.getpixel((290, 80))[2] == 255  # the turned box is high, not wide
    assert picture.getpixel((260, 60)) == (0, 0, 0)


def test_masks_polygons_ellipses_and_lines_are_where_they_belong(client: Client, task: Any) -> None:
    shapes = [
        Shape(type="mask", label="box", points=[0, 400, 100, 200, 119, 219]),
        Shape(type="polygon", label="area", points=[200, 200, 260, 200, 260, 260, 200, 260]),
        Shape(type="polyline", label="area", points=[10, 280, 390, 280]),
        Shape(type="ellipse", label="box", points=[330, 150, 370, 130]),
        Shape(type="points", label="area", points=[40, 200]),
        Shape(type="rectangle", label="area", points=[0, 0, 9, 9], outside=True),
    ]
    task.set_annotations(Annotations(shapes=shapes))
    picture = drawn(client, task)
    assert picture.getpixel((110, 215))[0] > 80
    assert picture.getpixel((122, 215)) == (0, 0, 0)
    assert picture.getpixel((260, 240)) == (0, 0, 255)
    assert picture.getpixel((200, 280)) == (0, 0, 255)
    assert picture.getpixel((370, 150))[0] > 200
    assert picture.getpixel((40, 200)) == (0, 0, 255)
    assert picture.getpixel((5, 5)) == (0, 0, 0)


def test_skeletons_have_edges_and_hide_what_is_outside(client: Client, task: Any) -> None:
    spots = {"head": [100, 100], "hand": [200, 100], "foot": [100, 200]}
    elements = [
        Shape(type="points", label=name, points=spot, outside=name == "foot")
        for name, spot in spots.items()
    ]
    task.set_annotations(
        Annotations(shapes=[Shape(type="skeleton", label="pose", elements=elements)])
    )
    picture = drawn(client, task)
    assert picture.getpixel((150, 100)) == (0, 255, 0)
    assert picture.getpixel((100, 150)) == (0, 0, 0)
    assert picture.getpixel((100, 200)) == (0, 0, 0)


def test_the_edges_of_a_cuboid_join_its_faces(client: Client, task: Any) -> None:
    front = [100, 100, 100, 200, 180, 100, 180, 200]
    back = [220, 80, 220, 160, 140, 80, 140, 160]  # right edge first, as CVAT has it
    task.set_annotations(
        Annotations(shapes=[Shape(type="cuboid", label="box", points=front + back)])
    )
    picture = drawn(client, task)
    for middle in ((100, 150), (180, 150), (200, 90), (200, 180), (120, 90), (220, 120)):
        assert picture.getpixel(middle)[0] > 200, middle
    assert picture.getpixel((160, 240)) == (0, 0, 0)


def test_a_track_is_drawn_as_it_is_on_the_frame(client: Client, task: Any) -> None:
    keys = [TrackedShape(type="rectangle", frame=0, points=[50, 50, 150, 100])]
    task.set_annotations(Annotations(tracks=[Track(label="box", shapes=keys)]))
    assert drawn(client, task).getpixel((50, 80)) == (255, 0, 0)


def test_names_of_labels_and_tags_are_written(client: Client, task: Any) -> None:
    task.set_annotations(Annotations(tags=[Tag(label="area")]))
    corner = drawn(client, task).crop((0, 0, 40, 14))
    colors = {color for _, color in corner.getcolors(10_000) or []}
    assert any(color[2] > 180 and color[0] < 60 for color in colors)
    assert max(min(color) for color in colors) > 120


def test_the_file_is_of_the_kind_its_name_says(client: Client, task: Any, tmp_path: Path) -> None:
    for name, kind in (("a.png", "PNG"), ("a.JPG", "JPEG"), ("a.webp", "WEBP")):
        write_preview(client.store, "task", task.id, tmp_path / name)
        with Image.open(tmp_path / name) as written:
            assert written.format == kind
    with pytest.raises(UsageError, match=r"\.png"):
        write_preview(client.store, "task", task.id, tmp_path / "a.txt")
    assert not (tmp_path / "a.txt").exists()


def test_media_that_were_not_kept_are_an_error_not_a_crash(client: Client, tmp_path: Path) -> None:
    path = photo(tmp_path / "photos", "a.png", "red")
    task = client.tasks.create_from_data("t", [path], labels=["a"], data_params={"media": "none"})
    with pytest.raises(NotFoundError, match="no image in the store"):
        task.get_preview()
    broken = tmp_path / "photos" / "b.png"
    broken.write_bytes(path.read_bytes())
    kept = client.tasks.create_from_data(
        "t", [broken], labels=["a"], data_params={"media": "reference"}
    )
    broken.unlink()
    with pytest.raises(SourceError, match=r"b\.png"):
        kept.get_preview()


def test_what_is_no_picture_is_said_to_be_none(client: Client, tmp_path: Path) -> None:
    path = photo(tmp_path / "photos", "a.png", "red")
    task = client.tasks.create_from_data("t", [path], labels=["a"])
    (kept,) = [file for file in client.store.media.root.rglob("*") if file.is_file()]
    kept.chmod(0o644)
    kept.write_bytes(b"# .PCD v0.7")
    with pytest.raises(SourceError, match="no picture"):
        task.get_preview()


def test_frames_of_a_video_are_those_of_cvat(client: Client) -> None:
    pytest.importorskip("av")
    (backup,) = (CVAT_MADE / "rich").glob("task_4_backup.zip")
    task = client.tasks.create_from_backup(backup)
    theirs = CVAT_MADE / "rich" / "exports" / "task_4" / "COCO_1.0.images.zip"
    data = task.get_meta()
    with zipfile.ZipFile(theirs) as archive:
        for number in (0, 5, 2):
            absolute = data.start_frame + number * 2
            with archive.open(f"images/frame_{absolute:06d}.PNG") as stream:
                expected = Image.open(stream).convert("RGB")
            ours = Image.open(task.get_frame(number)).convert("RGB")
            difference = ImageChops.difference(ours, expected).getextrema()
            assert max(high for _, high in difference) <= 3
    assert image(task.get_preview().read()).size == (160, 120)
