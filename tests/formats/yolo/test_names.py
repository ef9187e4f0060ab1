"""`--names` pins the order of classes; a label that it lacks is an error, not a guess."""

from __future__ import annotations

from pathlib import Path

import pytest

from commands import COCO_TINY, done, run
from conversions import converted
from localcvat.errors import UsageError
from small_yolo import files

SOURCE = COCO_TINY / "annotations" / "instances_val2017.json"


def test_the_order_of_the_names_is_the_order_of_the_classes(tmp_path: Path) -> None:
    done("convert", SOURCE, tmp_path / "before", "--to", "yolo")
    names = (tmp_path / "before/obj.names").read_text().split("\n")[:-1]
    turned = [*reversed(names), "something else"]
    (tmp_path / "names.txt").write_text("\n".join(turned) + "\n")
    done("convert", SOURCE, tmp_path / "out", "--to", "yolo", "--names", tmp_path / "names.txt")
    assert (tmp_path / "out/obj.names").read_text().split("\n")[:-1] == turned
    for path in (tmp_path / "before").rglob("obj_*/*.txt"):
        before = [line.split() for line in path.read_text().splitlines()]
        after = [
            line.split()
            for line in (tmp_path / "out" / path.relative_to(tmp_path / "before"))
            .read_text()
            .splitlines()
        ]
        assert [(names[int(row[0])], *row[1:]) for row in before] == [
            (turned[int(row[0])], *row[1:]) for row in after
        ]


def test_a_label_that_is_not_among_the_names_is_refused(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("unicorn\n")
    finished = run(
        "convert", SOURCE, tmp_path / "out", "--to", "yolo", "--names", tmp_path / "names.txt"
    )
    assert finished.returncode == 2
    assert "is not one of the names passed" in finished.stderr
    assert not (tmp_path / "out").exists()


def test_a_file_that_names_its_classes_is_not_overruled(tmp_path: Path) -> None:
    files(tmp_path / "in", {"a.txt": "0 0.5 0.5 0.1 0.1", "classes.txt": "car\n"}, ("a.jpg",))
    with pytest.raises(UsageError, match="'car' is not one of the names passed"):
        converted(tmp_path / "in", "coco", labels=["dog"])


def test_multipart_is_an_option_of_the_command(tmp_path: Path) -> None:
    def lines(*options: str) -> int:
        out = tmp_path / "-".join(["out", *options])
        done("convert", SOURCE, out, "--to", "ultralytics-segmentation", *options)
        return sum(len(path.read_text().splitlines()) for path in out.rglob("labels/**/*.txt"))

    bridged = lines("--multipart", "bridge")
    assert bridged == lines("--multipart", "largest")
    assert lines() == lines("--multipart", "split") > bridged
