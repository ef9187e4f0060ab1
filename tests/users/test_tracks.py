"""What users of other tools lose of tracks: their numbers, and one object as two tracks."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from commands import done_here as done
from commands import run_here as run

LABELS = "<labels><label><name>car</name><color>#ff0000</color><type>any</type></label></labels>"
SIZE = "<original_size><width>100</width><height>80</height></original_size>"


def box(frame: int, left: float, outside: int = 0) -> str:
    return (
        f'<box frame="{frame}" keyframe="1" outside="{outside}" occluded="0" xtl="{left}" ytl="10"'
        f' xbr="{left + 20}" ybr="30" z_order="3"/>'
    )


def video(folder: Path, tracks: dict[str, str], frames: int = 10) -> Path:
    """A CVAT XML of tracks by their id."""
    text = "".join(
        f'<track id="{number}" label="car" source="manual" group_id="4">{shapes}</track>'
        for number, shapes in tracks.items()
    )
    task = f"<id>1</id><name>t</name><size>{frames}</size><mode>interpolation</mode>"
    frame = f"<start_frame>0</start_frame><stop_frame>{frames - 1}</stop_frame>"
    meta = f"<meta><task>{task}{frame}{LABELS}{SIZE}</task></meta>"
    path = folder / "video.xml"
    path.write_text(f"<annotations><version>1.1</version>{meta}{text}</annotations>")
    return path


def written(folder: Path) -> dict[str, list[tuple[str, ...]]]:
    """The keyframes of each track in the XML of a folder: frame, outside, left, z_order, group."""
    root = etree.parse(str(folder / "annotations.xml")).getroot()
    return {
        track.get("id"): [
            (
                *(shape.get("frame"), shape.get("outside"), f"{float(shape.get('xtl')):g}"),
                *(shape.get("z_order"), track.get("group_id")),
            )
            for shape in track
            if shape.get("keyframe") == "1"
        ]
        for track in root.iter("track")
    }


@pytest.mark.parametrize("format_name", ["cvat-video", "cvat-images"])
def test_tracks_keep_their_ids_and_keyframes(tmp_path: Path, format_name: str) -> None:
    source = video(
        tmp_path, {"7": box(1, 5) + box(4, 11) + box(6, 11, 1), "3": box(0, 50) + box(9, 59)}
    )
    done("convert", source, tmp_path / "out", "--to", format_name)
    assert written(tmp_path / "out") == {
        "7": [("1", "0", "5", "3", "4"), ("4", "0", "11", "3", "4"), ("6", "1", "11", "3", "4")],
        "3": [("0", "0", "50", "3", "4"), ("9", "0", "59", "3", "4")],
    }


def test_a_track_number_that_is_taken_or_that_cvat_counts_is_told(tmp_path: Path) -> None:
    source = video(tmp_path, {"7": box(1, 5)})
    said = done("convert", source, tmp_path / "cvat", "--to", "CVAT for video 1.1")
    assert "1 track id - numbered again: CVAT counts from 0 (first: 7 -> 0)" in said
    other = tmp_path / "other"
    other.mkdir()
    said = done("merge", source, video(other, {"7": box(2, 60)}), tmp_path / "m", "--to", "cvat")
    assert "track id - another has it (first: 7 -> 0)" in said
    assert set(written(tmp_path / "m")) == {"7", "0"}


def test_the_numbers_of_tracks_come_through_the_store(tmp_path: Path) -> None:
    source = video(tmp_path, {"7": box(1, 5) + box(4, 11), "3": box(0, 50)})
    done("init", cwd=tmp_path)
    done("project", "create", "p", "--dataset_path", source, cwd=tmp_path)
    out = tmp_path / "out"
    done("project", "export-dataset", 1, out, "--format", "cvat-video", cwd=tmp_path)
    assert set(written(out)) == {"7", "3"}


DOUBLED = {"0": box(0, 5) + box(4, 13) + box(7, 13, 1), "1": box(3, 11.5) + box(9, 30)}


def test_doubled_tracks_are_joined_when_asked_and_a_dry_run_only_says_so(tmp_path: Path) -> None:
    source = video(tmp_path, {**DOUBLED, "2": box(0, 70)})
    done("convert", source, tmp_path / "same", "--to", "cvat-video")
    assert len(written(tmp_path / "same")) == 3
    order = ("convert", source, tmp_path / "one", "--to", "cvat-video", "--merge-tracks", 0.5)
    said = done(*order, "--dry-run")
    assert "1 track - made one with the track of the same object" in said
    assert "(first: car, frames 3 to 9)" in said
    assert not (tmp_path / "one").exists()
    assert done(*order) == said
    found = written(tmp_path / "one")
    assert set(found) == {"0", "2"}
    lefts = [(shape[0], shape[2]) for shape in found["0"]]
    # the first holds until frame 6, then the second goes on where it is on frame 7
    assert lefts[:2] == [("0", "5"), ("4", "13")]
    assert ("7", f"{11.5 + (30 - 11.5) * 4 / 6:g}"[:5]) in [(f, left[:5]) for f, left in lefts]
    assert lefts[-1] == ("9", "30")


def test_the_tracks_of_a_task_are_joined_over_its_jobs(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    from PIL import Image

    for number in range(10):
        Image.new("RGB", (100, 80)).save(photos / f"{number}.png")
    done("init", cwd=tmp_path)
    done("project", "create", "p", "--labels", '["car"]', cwd=tmp_path)
    done(
        *("task", "create", "t", "local", photos, "--project_id", 1, "--segment_size", 6),
        *("--overlap", 2),
        cwd=tmp_path,
    )
    source = video(tmp_path, DOUBLED)
    done("task", "import-dataset", 1, source, "--format", "cvat-video", cwd=tmp_path)

    def ids() -> set[str]:
        out = tmp_path / "out.xml"
        done("task", "export-dataset", 1, out, "--format", "cvat-video", cwd=tmp_path)
        found = set(written(out))
        (out / "annotations.xml").unlink(), out.rmdir()
        return found

    assert len(ids()) == 2
    said = done("task", "merge-tracks", 1, "--iou", 0.6, "--dry-run", cwd=tmp_path)
    assert "made one with the track" in said
    assert len(ids()) == 2
    assert done("task", "merge-tracks", 1, "--iou", 0.6, cwd=tmp_path) == said
    assert len(ids()) == 1
    assert done("check", cwd=tmp_path) == ""
    again = done("task", "merge-tracks", 1, "--iou", 0.6, cwd=tmp_path)
    assert "made one" not in again


def test_an_iou_of_nothing_is_wrong_usage(tmp_path: Path) -> None:
    source = video(tmp_path, DOUBLED)
    order = ("convert", source, tmp_path / "o", "--to", "cvat", "--merge-tracks", 0)
    assert run(*order).returncode == 2
